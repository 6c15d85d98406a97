from datetime import date, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.prose import (
    arrival_in_words,
    count_in_words,
    curly,
    cut,
    hour_in_words,
    justified,
    long_date,
    long_day,
    ordinal_in_words,
    short_day,
    slot_in_words,
    the,
    wrapped,
)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (0, "no stories"),
        (1, "one story"),
        (2, "two stories"),
        (12, "twelve stories"),
        (20, "twenty stories"),
        (21, "21 stories"),
        (1234, "1,234 stories"),
        (-1, "-1 stories"),
    ],
)
def test_counts_are_words_up_to_twenty(number: int, expected: str) -> None:
    assert count_in_words(number, "story", "stories") == expected


def test_most_things_take_an_s() -> None:
    assert count_in_words(3, "reader") == "three readers"
    assert count_in_words(1, "reader") == "one reader"


def test_days_and_dates() -> None:
    day = date(2026, 11, 7)
    assert long_date(day) == "7 November 2026"
    assert long_day(day) == "Saturday 7 November 2026"
    assert short_day(day) == "Saturday 7 November"


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (time(0), "midnight"),
        (time(1), "one"),
        (time(7), "seven"),
        (time(11), "eleven"),
        (time(12), "noon"),
        (time(13), "one in the afternoon"),
        (time(17), "five in the afternoon"),
        (time(18), "six in the evening"),
        (time(23), "eleven in the evening"),
        (time(7, 30), "07:30"),
        (time(0, 5), "00:05"),
    ],
)
def test_hours_are_words_and_minutes_are_figures(at: time, expected: str) -> None:
    assert hour_in_words(at) == expected


def test_slots() -> None:
    assert slot_in_words(5, time(7)) == "Saturdays at seven"
    assert slot_in_words(0, time(16, 45)) == "Mondays at 16:45"


def test_an_issue_arrives_on_a_day_at_an_hour() -> None:
    assert arrival_in_words(5, time(7)) == "Saturday at seven"


@pytest.mark.parametrize(
    ("name", "expected"),
    [("Editor’s Digest", "the Editor’s Digest"), ("The Brief", "The Brief"), ("Them", "the Them")],
)
def test_a_name_that_begins_with_the_gets_no_second_one(name: str, expected: str) -> None:
    assert the(name) == expected


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("Editor's Digest", "Editor’s Digest"),
        ("the dogs' dinner", "the dogs’ dinner"),
        ("""She said "enough" and 'no'.""", "She said “enough” and ‘no’."),
        ('("quoted")', "(“quoted”)"),
        ("the '90s", "the ’90s"),
        ('a 5" nail', 'a 5" nail'),
        ("O'Brien's", "O’Brien’s"),
        ("already “set”", "already “set”"),
        ("", ""),
    ],
)
def test_quotation_marks_are_set(typed: str, expected: str) -> None:
    assert curly(typed) == expected


@given(st.text())
def test_only_quotation_marks_change(text: str) -> None:
    set_text = curly(text)
    assert len(set_text) == len(text)
    assert curly(set_text) == set_text
    changed = {old for old, new in zip(text, set_text, strict=True) if old != new}
    assert changed <= {"'", '"'}


@given(st.text(max_size=400))
def test_lines_are_no_longer_than_they_may_and_lose_no_word(text: str) -> None:
    lines = wrapped(text, 30, "   ", "1. ").splitlines() if text.split() else []
    for line in lines:
        assert len(line) <= 30 or len(line.split()) <= 2, "only a single word may stick out"
    assert " ".join(lines).split()[1:] == text.split()


def test_a_url_stays_whole_in_a_paragraph() -> None:
    url = "https://halyard.example/" + "a-very-long-path/" * 8
    assert url in wrapped(f"Read it at {url} when you can.").splitlines()


def test_two_ends_of_a_line() -> None:
    assert justified("LEFT", "right", 12) == "LEFT   right"
    assert justified("A LONG LEFT", "right", 12) == "A LONG LEFT\nright"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("short", "short"), ("one two three", "one two…"), ("indivisible", "indivisi…")],
)
def test_what_is_cut_ends_after_a_word(text: str, expected: str) -> None:
    assert cut(text, 9) == expected


def test_places_are_words_up_to_twelve() -> None:
    said = [ordinal_in_words(each) for each in (1, 3, 12, 13, 21, 22, 23, 112)]
    assert said == ["first", "third", "twelfth", "13th", "21st", "22nd", "23rd", "112th"]

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.newsroom.intake.reading.lines import BREAKS, MAY_BE_MARK, one_line, shortened


def test_marks_and_breaks_are_all_known() -> None:
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        if unicodedata.combining(unicodedata.normalize("NFD", character)[0]):
            assert MAY_BE_MARK.match(character), hex(code)
        is_break = unicodedata.category(character) in {"Cc", "Zl", "Zp"}
        assert is_break == bool(BREAKS.match(character)), hex(code)


@pytest.mark.parametrize(
    "text",
    ["e" + "\u0301" * 40_000, "\u0344" * 40_000, "\u0f73" * 40_000, "a" + "\u0323\u0300" * 40_000],
)
def test_a_pile_of_marks_is_cut_to_what_a_word_can_have(text: str) -> None:
    line = one_line(text)

    assert len(line) <= 40
    assert one_line(line) == line


def test_words_of_many_marks_stay() -> None:
    for text in ("Việt Nam", "नमस्ते", "שָׁלוֹם", "Ẑ̸̧͎a̷͓lgo"):
        assert one_line(text) == unicodedata.normalize("NFC", text)


MARKS = st.text("ae\u0301\u0344\u0323\u0f73\u0f75éế\u1e69 ", max_size=200)


@given(MARKS | st.text(st.characters(exclude_categories=())))
def test_a_line_stays_as_it_is(text: str) -> None:
    line = one_line(text)

    assert one_line(line) == line


def test_a_line_is_cut_after_a_whole_word() -> None:
    assert shortened("The port grows", 14) == "The port grows"
    assert shortened("The port grows", 13) == "The port…"
    assert shortened("The port, grows", 12) == "The port…"
    assert shortened("x" * 50, 10) == "x" * 9 + "…"

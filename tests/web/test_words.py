"""Names, days and texts as the pages write them."""

from datetime import UTC, date, datetime

import pytest

from digest.models import Newsletter
from digest.web.words import day_ago, direction, markdown, short_name


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("Editor’s Digest", "the Digest"),
        ("Editor's Digest", "the Digest"),
        ("The Editors’ Letter", "the Letter"),
        ("The Climate Letter", "The Climate Letter"),
        ("Harbour News", "the Harbour News"),
        ("Reader’s Own Digest", "the Reader’s Own Digest"),
        ("’s", "the ’s"),
    ],
)
def test_a_button_names_the_newsletter_in_short(name: str, short: str) -> None:
    assert short_name(Newsletter(name=name)) == short


@pytest.mark.parametrize(
    ("day", "said"),
    [
        (date(2026, 11, 17), "Today"),
        (date(2026, 11, 16), "Yesterday"),
        (date(2026, 11, 14), "Last Saturday"),
        (date(2026, 11, 10), "Last Tuesday"),
        (date(2026, 11, 9), "9 November 2026"),
        # Somebody has moved the clock.
        (date(2026, 11, 18), "18 November 2026"),
    ],
)
def test_the_day_of_an_issue_is_told_by_the_newsletters_own_calendar(day: date, said: str) -> None:
    # In Auckland it is Tuesday the 17th already.
    now = datetime(2026, 11, 16, 12, 0, tzinfo=UTC)
    assert day_ago(day, Newsletter(zone="Pacific/Auckland"), now) == said


def test_languages_are_written_in_their_direction() -> None:
    assert [direction(language) for language in ("en", "ar-EG", "HE", "de-AT")] == [
        "ltr",
        "rtl",
        "rtl",
        "ltr",
    ]


def test_a_text_without_a_title_gets_one() -> None:
    assert markdown("We keep little.", "Privacy & you").startswith("<h1>Privacy &amp; you</h1>")
    assert markdown("\n# Ours\n\nText.", "Privacy").count("<h1>") == 1
    assert "<script" not in markdown("<script>alert(1)</script>", "Privacy")

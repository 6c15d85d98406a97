import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.newsroom.intake.sanitising import bounded_line, one_line, safe_html

ANY_TEXT = st.text(st.characters(exclude_categories=()))


def test_text_that_is_too_long_ends_at_a_word() -> None:
    assert bounded_line("The port that decided to stop growing", 20) == "The port that…"


@given(ANY_TEXT, st.integers(10, 60))
def test_text_from_outside_can_always_be_stored_and_is_one_bounded_line(
    text: str, at_most: int
) -> None:
    shown = bounded_line(text, at_most)

    assert len(shown) <= at_most
    shown.encode()
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", shown)


def test_a_plain_line_keeps_what_looks_like_markup() -> None:
    assert bounded_line("Vector<int> &amp; the <dialog>\n element", 60) == (
        "Vector<int> &amp; the <dialog> element"
    )


@given(ANY_TEXT)
def test_a_line_that_is_clean_stays_as_it_is(text: str) -> None:
    once = one_line(text)

    assert one_line(once) == once


def test_safe_html_keeps_what_a_writer_writes() -> None:
    kept = "<p>The <strong>port</strong> and <em>its</em> herring</p><ul><li>one</li></ul>"

    assert safe_html(kept) == kept


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        '<p onclick="alert(1)">x</p>',
        '<a href="javascript:alert(1)">x</a>',
        '<a href="data:text/html,x">x</a>',
        '<img src="https://tracker.example/x.gif">',
        '<iframe src="https://evil.example"></iframe>',
        "<svg/onload=alert(1)>",
        '<p style="position:fixed">x</p>',
    ],
)
def test_safe_html_has_nothing_that_acts_or_loads(hostile: str) -> None:
    cleaned = safe_html(hostile)

    assert not re.search(r"script|onclick|onload|alert|data:|<img|iframe|style", cleaned)

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.newsroom.intake.sanitising import bounded_line, one_line, plain_text, safe_html

ANY_TEXT = st.text(st.characters(exclude_categories=()))


@pytest.mark.parametrize(
    ("given_text", "shown"),
    [
        ("AT&amp;T &lt;grows&gt;", "AT&T <grows>"),
        ("Fish & chips", "Fish & chips"),
        ("a < b and c > d", "a < b and c > d"),
        ("I <3 ports", "I <3 ports"),
        ("<p>One.</p><p>Two.</p>", "One. Two."),
        ("One<br>two", "One two"),
        ("The <em>port</em>", "The port"),
        ("<script>alert(1)</script>The port", "The port"),
        ("<style>p{}</style>The port", "The port"),
        ("The port<img src=x onerror=alert(1)>", "The port"),
        ("The\x00 port\r\nBcc: all@example.org", "The port Bcc: all@example.org"),
        ("  The \t port  ", "The port"),
        ("The \u202eport", "The port"),
        ("Café", "Café"),
        ("half a pair \ud83d", "half a pair"),
    ],
)
def test_text_is_what_a_reader_would_see(given_text: str, shown: str) -> None:
    assert plain_text(given_text, 100) == shown


def test_text_that_is_too_long_ends_at_a_word() -> None:
    assert plain_text("The port that decided to stop growing", 20) == "The port that…"


@given(ANY_TEXT, st.integers(10, 60))
def test_text_from_outside_can_always_be_stored_and_is_one_bounded_line(
    text: str, at_most: int
) -> None:
    shown = plain_text(text, at_most)

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

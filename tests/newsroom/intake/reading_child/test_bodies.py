"""Bodies that were cleaned are known as such, and are shallow."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.newsroom.intake.reading_child.bodies import is_clean
from digest.newsroom.intake.sanitising import safe_html

TAGS = "p div b em font ul li blockquote h2 h3 a br table td script x".split()
pieces = st.one_of(
    st.sampled_from([f"<{tag}>" for tag in TAGS]),
    st.sampled_from([f"</{tag}>" for tag in TAGS]),
    st.sampled_from(
        ["<a href='https://x.example/?a=1&b=<2>\"'>", "1 < 2", "&lt;b&gt;", "<!-- -->"]
    ),
    st.text(max_size=5),
)


@given(st.lists(pieces, max_size=300).map("".join))
def test_whatever_comes_is_clean_and_is_so_after_it_was_cleaned_again(body: str) -> None:
    cleaned = safe_html(body)
    assert is_clean(cleaned)
    assert is_clean(safe_html(cleaned))


@pytest.mark.parametrize("tag", ["<blockquote>", "<ul><li>", "<b>", "<em><i>", "<div><p><b>"])
def test_deep_ones_are_made_flat_and_their_text_stays(tag: str) -> None:
    body = "".join(f"{tag}word{number} " for number in range(500))
    cleaned = safe_html(body)
    assert is_clean(cleaned)
    words = re.sub(r"<[^>]*>", " ", cleaned).split()
    assert words == [f"word{number}" for number in range(500)]

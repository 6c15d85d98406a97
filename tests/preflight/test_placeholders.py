"""Placeholders are found wherever they stand, and nothing else is taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.preflight.placeholders import certain_placeholder, likely_placeholder

CERTAIN = ("Lorem ipsum dolor", "lorem\nipsum, dolor", "TKTK", "TK TK")
LIKELY = (
    "Lorem ipsum",
    "[headline]",
    "[Insert quote here]",
    "[your name]",
    "TODO",
    "TK",
    "FIXME",
    "{{ first_name }}",
    "{{name",
    "{% if x %}",
    "*|FNAME|*",
    "%%name%%",
)
# What nobody would look twice at.
WORDS = (
    *("The port that decided to stop growing [sic] [1] {once} 100 % *starred* | Todoist".split()),
    *("todo tk FIXMEUP TKO lorem [Imara] insert [headlines] {brace} %s 50%% off".split()),
    *("TK Maxx", "[see page 3]", "Ipsum Street", "lorem"),
    # What an editor puts into a quotation.
    *("[your government]", "[your party’s] votes", "[add insult to injury]", "[write off]"),
)
prose = (
    st.lists(st.sampled_from(WORDS), max_size=12)
    .map(" ".join)
    .filter(lambda text: "lorem Ipsum" not in text)
)


@given(prose, st.sampled_from(CERTAIN), prose)
def test_what_can_be_nothing_else_is_found_in_any_text(
    before: str, placeholder: str, after: str
) -> None:
    found = certain_placeholder(f"{before} {placeholder} {after}")
    assert found is not None
    assert found.startswith(placeholder)
    assert certain_placeholder(f"({placeholder})") == placeholder


@given(prose, st.sampled_from(LIKELY))
def test_an_editors_slip_is_found_in_any_text(before: str, placeholder: str) -> None:
    assert likely_placeholder(f"{before} {placeholder}") == placeholder
    assert likely_placeholder(f"“{placeholder}”, it says") is not None


@given(prose)
def test_nothing_else_is_taken_for_one(text: str) -> None:
    assert certain_placeholder(text) is None
    assert likely_placeholder(text) is None


@pytest.mark.parametrize(
    ("language", "text", "found"),
    [
        ("es", "TODO LO QUE SABEMOS", None),
        ("pt-BR", "TODO MUNDO", None),
        ("es", "TODO: el titular", "TODO:"),
        ("de", "TODO", "TODO"),
        # A health insurance, and what is deep-frozen.
        ("de", "TK erhöht den Beitrag", None),
        ("de-AT", "TKTK", "TKTK"),
        ("en-GB", "by TK", "TK"),
    ],
)
def test_what_is_a_word_in_some_languages(language: str, text: str, found: str | None) -> None:
    assert (certain_placeholder(text) or likely_placeholder(text, language)) == found

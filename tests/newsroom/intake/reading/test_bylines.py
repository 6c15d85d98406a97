import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.newsroom.intake.reading.bylines import byline


@pytest.mark.parametrize(
    ("names", "printed"),
    [
        (["Ada Lovelace"], "Ada Lovelace"),
        (["Ada", "Bo"], "Ada and Bo"),
        (["Ada", "Bo", "Cy"], "Ada, Bo and Cy"),
        (["Ada and Bo"], "Ada and Bo"),
        (["Ada and Bo", "Ada", "Bo"], "Ada and Bo"),
        (["Ada, Bo & Cy", "Cy"], "Ada, Bo & Cy"),
        (["Ada", "ADA", " Ada "], "Ada"),
        (["Ada Lovelace (Reuters)"], "Ada Lovelace (Reuters)"),
        (["ada@example.com (Ada Lovelace)"], "Ada Lovelace"),
        (["ada@example.com (Ada Lovelace (Reuters))"], "Ada Lovelace (Reuters)"),
        (["ada@example.com(Ada Lovelace)"], "Ada Lovelace"),
        (["Ada Lovelace <ada@example.com>"], "Ada Lovelace"),
        (['"Ada Lovelace" <ada@example.com>'], "Ada Lovelace"),
        (["Ada Lovelace (ada@example.com)"], "Ada Lovelace"),
        (["Ada Lovelace, ada@example.com"], "Ada Lovelace"),
        (["Ada", "bo@example.com"], "Ada"),
        (["Ada", "bo@example.com (Bo)"], "Ada and Bo"),
        (["Ada (mailto:ada@example.com)"], "Ada"),
        (["ada@example.com"], None),
        (["<ada@example.com>"], None),
        (["mailto:ada@example.com"], None),
        (["ada@example.com, bo@example.com"], None),
        (["https://halyard.example/authors/ada"], None),
        (["Ada https://halyard.example/ada"], "Ada"),
        (["By Ada Lovelace"], "Ada Lovelace"),
        (["BY ADA LOVELACE"], "ADA LOVELACE"),
        (["by: Ada"], "Ada"),
        (["Byron Ada"], "Byron Ada"),
        (["Ada von By"], "Ada von By"),
        (["admin"], None),
        (["noreply@example.com (Unknown)"], None),
        (["The Halyard's desk"], "The Halyard's desk"),
        (["  Ada\n Lovelace "], "Ada Lovelace"),
        (["Ж. Верн", "ж. верн"], "Ж. Верн"),
        (["@ada"], "@ada"),
        ([""], None),
        ([" ", "()", "-"], None),
        ([], None),
    ],
)
def test_all_authors_are_named_and_no_address(names: list[str], printed: str | None) -> None:
    assert byline(names) == printed


def test_many_authors_end_in_others() -> None:
    printed = byline([f"Researcher Number {number}" for number in range(40)])

    assert printed is not None
    assert len(printed) <= 200
    assert printed.startswith("Researcher Number 0, ")
    assert printed.endswith(" and others")


PARTS = st.lists(
    st.sampled_from("Ada by and @ ( ) < > [ ] , ; ada@example.com mailto: &".split(" "))
)


@given(st.lists(st.text(st.characters(exclude_categories=())) | PARTS.map(" ".join)))
def test_any_names_make_a_bounded_line_without_an_address(names: list[str]) -> None:
    printed = byline(names)

    assert printed is None or 0 < len(printed) <= 200
    assert "ada@example.com" not in (printed or "")


def test_long_names_are_read_to_their_end() -> None:
    for long in ("a" * 200_000, "(" * 200_000, "by " * 70_000, "a@" * 90_000, "a," * 90_000):
        assert len(byline([long] * 50) or "") <= 200

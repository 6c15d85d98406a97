"""Tables: what is drawn here looks as rich draws it, and what does not fit is rich's."""

import pytest

from digest.cli import tables
from digest.cli.tables import Table, print_table


def made(*rows: tuple[str, ...], heads: tuple[str, ...], framed: bool, header: bool) -> Table:
    table = Table(*heads, framed=framed, show_header=header)
    for row in rows:
        table.add_row(*row)
    return table


@pytest.mark.parametrize(("framed", "header"), [(True, True), (True, False), (False, False)])
@pytest.mark.parametrize(
    ("heads", "rows"),
    [
        (("Newsletter", ""), [("Am Abend – täglich", "“all”"), ("", "x")]),
        (("Id",), [("",)]),
        (("", "Readers"), [("1", "2,345")]),
    ],
)
def test_it_looks_as_rich_draws_it(
    heads: tuple[str, ...],
    rows: list[tuple[str, ...]],
    framed: bool,
    header: bool,
    capsys: pytest.CaptureFixture[str],
) -> None:
    table = made(*rows, heads=heads, framed=framed, header=header)
    print_table(table, "")
    ours = capsys.readouterr().out
    tables._print_by_rich(table)
    assert ours == capsys.readouterr().out


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param("早安", id="letters as wide as two"),
        pytest.param("e\u0301", id="a mark over a letter"),
        pytest.param("two\nlines", id="lines"),
        pytest.param("word " * 60, id="more than fits"),
    ],
)
def test_what_is_not_as_wide_as_it_is_long_is_fitted_in(
    odd: str, capsys: pytest.CaptureFixture[str]
) -> None:
    table = made((odd, "x"), heads=("A", "B"), framed=True, header=True)
    print_table(table, "")
    ours = capsys.readouterr().out
    tables._print_by_rich(table)
    assert ours == capsys.readouterr().out

"""Tables for people; `--json` is for scripts."""

import shutil
import sys
from collections.abc import Iterator
from typing import Any

import click
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

WIDTH_OF_A_FILE = 200
# What begins and ends a line, and what stands between columns.
Line = tuple[str, str, str, str]
ABOVE_HEADS: Line = ("┏", "━", "┳", "┓")
HEADS: Line = ("┃", " ", "┃", "┃")
BELOW_HEADS: Line = ("┡", "━", "╇", "┩")
ABOVE: Line = ("┌", "─", "┬", "┐")
ROW: Line = ("│", " ", "│", "│")
BELOW: Line = ("└", "─", "┴", "┘")
UNFRAMED: Line = ("", " ", "", "")
# Letters that are one column wide, and stand alone: Latin ones, and the punctuation of prose.
LATIN, DASHES = range(0x20, 0x300), range(0x2010, 0x2028)


class Table:
    """A table of text, which is drawn only if it has a row."""

    def __init__(self, *columns: str, show_header: bool = True, framed: bool = True) -> None:
        """Name its columns. What has no frame shows no heads."""
        self.columns = columns
        self.show_header = show_header and framed
        self.framed = framed
        self.rows: list[tuple[str, ...]] = []

    def add_row(self, *cells: str) -> None:
        """Add a row, a text for each column."""
        self.rows.append(cells)


limit_option = click.option(
    "--limit", type=click.IntRange(1, 100_000), default=100, show_default=True
)


def count_of(session: Session, query: Select[Any]) -> int:
    """Return how many rows a query has in all."""
    rows = query.order_by(None).subquery()
    return session.scalar(select(func.count()).select_from(rows)) or 0


def tell_of_more(shown: int, count: int) -> None:
    """Say, beside what is printed, that there is more of it, and how to see it."""
    if count > shown:
        click.echo(f"{count:,} in all. More of them: --limit {count}", err=True)


def print_table(table: Table, if_empty: str) -> None:
    """Print a table, or a sentence where it has no rows. A pipe gets wide lines, not cut ones."""
    if not table.rows:
        click.echo(if_empty)
        return
    widths = _widths(table)
    if widths is None or sum(widths) + 3 * len(widths) + 1 > _room():
        _print_by_rich(table)
        return
    for line in _lines(table, widths):
        click.echo(line)


def _room() -> int:
    if not (sys.stdout.encoding or "").lower().startswith("utf"):
        # Lines of other characters are rich's.
        return 0
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else WIDTH_OF_A_FILE


def _widths(table: Table) -> list[int] | None:
    """Return how wide each column is; None where a text is not simply as wide as it is long."""
    lines = [table.columns, *table.rows] if table.show_header else table.rows
    if not all(map(_is_simple, (cell for line in lines for cell in line))):
        return None
    return [max(map(len, column)) for column in zip(*lines, strict=True)]


def _is_simple(text: str) -> bool:
    return text.isprintable() and all(ord(each) in LATIN or ord(each) in DASHES for each in text)


def _lines(table: Table, widths: list[int]) -> Iterator[str]:
    rules = ["" for _ in widths]
    if table.framed and table.show_header:
        yield _line(rules, widths, ABOVE_HEADS)
        yield _line(table.columns, widths, HEADS, bold=True)
        yield _line(rules, widths, BELOW_HEADS)
    elif table.framed:
        yield _line(rules, widths, ABOVE)
    for row in table.rows:
        yield _line(row, widths, ROW if table.framed else UNFRAMED)
    if table.framed:
        yield _line(rules, widths, BELOW)


def _line(cells: Any, widths: list[int], line: Line, *, bold: bool = False) -> str:
    left, fill, between, right = line
    filled = (
        fill + cell.ljust(width, fill) + fill for cell, width in zip(cells, widths, strict=True)
    )
    # Not shown where the output is no terminal: click takes it out.
    return (
        left
        + between.join(click.style(each, bold=True) if bold else each for each in filled)
        + right
    )


def _print_by_rich(table: Table) -> None:
    """Print what has to be fitted in, or has letters of other widths."""
    # Late: to load it takes longer than to draw a hundred tables.
    from rich import box
    from rich.console import Console
    from rich.table import Table as Drawn

    drawn = Drawn(
        *table.columns,
        show_header=table.show_header,
        box=box.HEAVY_HEAD if table.framed else None,
    )
    for row in table.rows:
        drawn.add_row(*row)
    width = None if sys.stdout.isatty() else WIDTH_OF_A_FILE
    Console(width=width, markup=False, highlight=False, emoji=False).print(drawn)


def story_table(stories: list[dict[str, Any]]) -> Table:
    """Return the stories of an issue, and why each is in it, as a table."""
    table = Table("", "Role", "Article", "Story", "Why")
    for story in stories:
        position, article = str(story["position"]), str(story["article"])
        table.add_row(position, story["role"], article, story["title"], story["why"])
    return table

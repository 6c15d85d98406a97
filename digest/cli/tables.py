"""Tables for people; `--json` is for scripts."""

import sys
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

WIDTH_OF_A_FILE = 200

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
    width = None if sys.stdout.isatty() else WIDTH_OF_A_FILE
    Console(width=width, markup=False, highlight=False, emoji=False).print(table)


def story_table(stories: list[dict[str, Any]]) -> Table:
    """Return the stories of an issue, and why each is in it, as a table."""
    table = Table("", "Role", "Article", "Story", "Why")
    for story in stories:
        position, article = str(story["position"]), str(story["article"])
        table.add_row(position, story["role"], article, story["title"], story["why"])
    return table

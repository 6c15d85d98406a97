"""Tables for people; `--json` is for scripts."""

import sys
from typing import Any

import click
from rich.console import Console
from rich.table import Table

WIDTH_OF_A_FILE = 200


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

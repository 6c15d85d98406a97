"""`digest source`: the feeds that articles come from."""

from typing import Any

import click
from rich.table import Table
from sqlalchemy import select

from digest.cli.arguments import typed_wrongly
from digest.cli.opening import json_option, print_json, runtime
from digest.cli.tables import print_table
from digest.models import Source
from digest.newsroom.sources import add_source


@click.group()
def source() -> None:
    """Add, list and fetch feeds."""


@source.command()
@click.argument("url")
@click.option("--name", default="", help="What to call it.  [its host]")
@click.option("--section", help="For its articles that name no section.")
@click.option("--priority", type=int, default=0, help="Counts as days of freshness.  [0]")
@json_option
def add(url: str, name: str, section: str | None, priority: int, as_json: bool) -> None:
    """Add the RSS or Atom feed at URL."""
    with runtime() as opened, typed_wrongly():
        now = opened.clock.now()
        with opened.database.transaction() as session:
            added = add_source(session, url, now, name=name, section=section, priority=priority)
    if as_json:
        print_json(_as_json(added))
    else:
        click.echo(f"Source {added.id}: {added.name}. It is fetched soon.")


@source.command("list")
@json_option
def list_sources(as_json: bool) -> None:
    """List the feeds, and how the last fetch of each went."""
    with runtime() as opened, opened.database.reading() as session:
        sources = session.scalars(select(Source).order_by(Source.name, Source.id)).all()
    if as_json:
        print_json([_as_json(found) for found in sources])
        return
    table = Table("Id", "Name", "Feed", "Last answered", "Trouble")
    for found in sources:
        answered = f"{found.succeeded_at:%Y-%m-%d %H:%M}" if found.succeeded_at else "never"
        table.add_row(str(found.id), found.name, found.url, answered, found.last_error or "")
    print_table(table, "There are no sources yet. Add one: digest source add URL")


def _as_json(found: Source) -> dict[str, Any]:
    return {
        "id": found.id,
        "url": found.url,
        "name": found.name,
        "section": found.section,
        "priority": found.priority,
        "succeeded_at": found.succeeded_at.isoformat() if found.succeeded_at else None,
        "failures": found.failures,
        "last_error": found.last_error,
    }

"""`digest source list|history`, and how a source is shown."""

from datetime import datetime
from typing import Any

import click
from sqlalchemy import select

from digest.cli.opening import json_option, print_json, runtime
from digest.cli.tables import Table, count_of, limit_option, print_table, tell_of_more
from digest.errors import NotFoundError
from digest.models import Source, SourceFetch
from digest.newsroom.intake.fetch_history import (
    fetch_in_words,
    list_fetches,
    when_in_words,
)
from digest.prose import at_start


@click.command("list")
@click.option("--all", "also_retired", is_flag=True, help="The retired ones as well.")
@limit_option
@json_option
def list_sources(also_retired: bool, limit: int, as_json: bool) -> None:
    """List the feeds, and how the last fetch of each went."""
    query = select(Source).order_by(Source.name, Source.id)
    if not also_retired:
        query = query.where(Source.retired_at.is_(None))
    with runtime() as opened, opened.database.reading() as session:
        sources = session.scalars(query.limit(limit)).all()
        tell_of_more(len(sources), count_of(session, query))
    if as_json:
        print_json([source_as_json(found) for found in sources])
        return
    table = Table("Id", "Name", "Feed", "Last answered", "Trouble")
    for found in sources:
        answered = f"{found.succeeded_at:%Y-%m-%d %H:%M}" if found.succeeded_at else "never"
        table.add_row(str(found.id), found.name, found.url, answered, _trouble(found))
    print_table(table, "There are no sources yet. Add one: digest source add URL")


@click.command()
@click.argument("source_id", type=int, metavar="ID")
@json_option
def history(source_id: int, as_json: bool) -> None:
    """Show what came of the last fetches of the source with this ID, the newest first.

    Fetches on end with nothing new are one line. At most 50 are kept, for 90 days.
    """
    with runtime() as opened, opened.database.reading() as session:
        found = session.get(Source, source_id)
        if found is None:
            raise NotFoundError(f"There is no source {source_id}. See them: digest source list")
        fetches = list_fetches(session, source_id)
    if as_json:
        print_json([_fetch_as_json(each) for each in fetches])
        return
    table = Table("When", "What came of it", "Took")
    for each in fetches:
        when = when_in_words(each, lambda at: f"{at:%Y-%m-%d %H:%M}")
        table.add_row(when, at_start(fetch_in_words(each)), f"{each.took_ms / 1000:.1f} s")
    print_table(table, f"{found.name} has not been fetched yet.")


def _fetch_as_json(fetch: SourceFetch) -> dict[str, Any]:
    return {
        "began_at": fetch.began_at.isoformat(),
        "last_at": fetch.last_at.isoformat(),
        "times": fetch.times,
        "took_ms": fetch.took_ms,
        "unchanged": fetch.unchanged,
        "added": fetch.added,
        "changed": fetch.changed,
        "unusable": fetch.unusable,
        "moved_to": fetch.moved_to,
        "error": fetch.error,
    }


def _trouble(found: Source) -> str:
    if found.retired_at is not None:
        return f"Retired on {found.retired_at:%Y-%m-%d}."
    if found.paused_at is not None:
        return f"Paused on {found.paused_at:%Y-%m-%d}."
    if found.last_error is None:
        return ""
    return f"{found.last_error} Next try {found.next_fetch_at:%Y-%m-%d %H:%M}."


def source_as_json(found: Source) -> dict[str, Any]:
    """Return a source as scripts get it."""
    return {
        "id": found.id,
        "url": found.url,
        "name": found.name,
        "section": found.section,
        "priority": found.priority,
        "succeeded_at": _moment(found.succeeded_at),
        "next_fetch_at": _moment(found.next_fetch_at),
        "failures": found.failures,
        "last_error": found.last_error,
        "paused_at": _moment(found.paused_at),
        "retired_at": _moment(found.retired_at),
    }


def _moment(at: datetime | None) -> str | None:
    return at.isoformat() if at else None

"""`digest source`: the feeds that articles come from."""

import sys
from collections.abc import Iterable
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import click
from rich.console import Console
from rich.progress import track
from rich.table import Table
from sqlalchemy import select

from digest.cli.arguments import typed_wrongly
from digest.cli.opening import json_option, print_json, runtime
from digest.cli.source_checking import check
from digest.cli.source_controls import edit, pause, resume, retire, source_as_json
from digest.cli.tables import count_of, limit_option, print_table, tell_of_more
from digest.errors import NotFoundError
from digest.models import Source, SourceFetch
from digest.newsroom.intake.fetch_history import (
    fetch_in_words,
    list_fetches,
    when_in_words,
)
from digest.newsroom.intake.fetching import Fetcher
from digest.newsroom.intake.fetching_pictures import fetch_picture, pictures_due
from digest.newsroom.intake.fetching_sources import SourceFetched, fetch_source, open_fetcher
from digest.newsroom.intake.sources import add_source
from digest.prose import at_start
from digest.runtime import Runtime


@click.group()
def source() -> None:
    """Check, add, edit, list, fetch, pause and retire feeds, and see their histories."""


source.add_command(check)


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
        print_json(source_as_json(added))
    else:
        click.echo(f"Source {added.id}: {added.name}. It is fetched soon.")


source.add_command(edit)
source.add_command(pause)
source.add_command(resume)
source.add_command(retire)


@source.command("list")
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


@source.command()
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


@source.command()
@click.argument("ids", nargs=-1, type=int, metavar="[ID]...")
@json_option
def fetch(ids: tuple[int, ...], as_json: bool) -> None:
    """Fetch the sources with these IDs now, or all of them, and their articles' pictures.

    Those that are paused are fetched only where they are named.

    Exits 1 where one could not be fetched.
    """
    with runtime() as opened:
        fetcher = open_fetcher(opened.database, opened.settings)
        results = [
            result
            for source_id in _watched(_chosen(opened, ids), "Feeds")
            if (result := _fetched(opened, fetcher, source_id))
        ]
        pictures = _fetch_pictures(opened, fetcher)
    if as_json:
        print_json({"sources": [asdict(result) for result in results], "pictures": pictures})
    else:
        _say(results, pictures)
    if any(result.error for result in results):
        sys.exit(1)


def _chosen(opened: Runtime, ids: tuple[int, ...]) -> list[int]:
    with opened.database.reading() as session:
        in_use = select(Source.id, Source.paused_at).where(Source.retired_at.is_(None))
        known = dict(session.execute(in_use.order_by(Source.id)).all())
    for source_id in ids:
        if source_id not in known:
            raise NotFoundError(f"There is no source {source_id}. See them: digest source list")
    return list(dict.fromkeys(ids)) or [each for each in known if known[each] is None]


def _fetched(opened: Runtime, fetcher: Fetcher, source_id: int) -> SourceFetched | None:
    return fetch_source(
        opened.database,
        source_id,
        fetcher=fetcher,
        now=opened.clock.now(),
        every=timedelta(minutes=opened.settings.source_minutes),
        only_if_due=False,
    )


def _fetch_pictures(opened: Runtime, fetcher: Fetcher) -> int:
    now = opened.clock.now()
    with opened.database.reading() as session:
        due = pictures_due(session, now)
    return sum(
        fetch_picture(opened.database, article_id, fetcher=fetcher, now=now)
        for article_id in _watched(due, "Pictures")
    )


def _watched(ids: list[int], what: str) -> Iterable[int]:
    console = Console(file=sys.stderr)
    hidden = not (console.is_terminal and ids)
    return track(ids, what, console=console, disable=hidden, transient=True)


def _say(results: list[SourceFetched], pictures: int) -> None:
    if not results:
        click.echo("There are no sources to fetch. Add one: digest source add URL")
    for result in results:
        click.echo(f"{result.name}: {fetch_in_words(result)}", err=result.error is not None)
    if pictures:
        click.echo(f"{pictures} picture{'s' if pictures > 1 else ''} fetched.")


def _trouble(found: Source) -> str:
    if found.retired_at is not None:
        return f"Retired on {found.retired_at:%Y-%m-%d}."
    if found.paused_at is not None:
        return f"Paused on {found.paused_at:%Y-%m-%d}."
    if found.last_error is None:
        return ""
    return f"{found.last_error} Next try {found.next_fetch_at:%Y-%m-%d %H:%M}."

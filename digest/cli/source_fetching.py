"""`digest source add|fetch`."""

import sys
from collections.abc import Iterable
from dataclasses import asdict
from datetime import timedelta

import click
from rich.console import Console
from rich.progress import track
from sqlalchemy import select

from digest.cli.arguments import typed_wrongly
from digest.cli.opening import json_option, print_json, runtime
from digest.cli.source_views import source_as_json
from digest.errors import NotFoundError
from digest.models import Source
from digest.newsroom.intake.fetch_history import (
    fetch_in_words,
)
from digest.newsroom.intake.fetching import Fetcher
from digest.newsroom.intake.fetching_pictures import fetch_picture, pictures_due
from digest.newsroom.intake.fetching_sources import SourceFetched, fetch_source, open_fetcher
from digest.newsroom.intake.sources import add_source
from digest.runtime import Runtime


@click.command()
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


@click.command()
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
    if not (sys.stderr.isatty() and ids):
        return ids

    return track(ids, what, console=Console(file=sys.stderr), transient=True)


def _say(results: list[SourceFetched], pictures: int) -> None:
    if not results:
        click.echo("There are no sources to fetch. Add one: digest source add URL")
    for result in results:
        click.echo(f"{result.name}: {fetch_in_words(result)}", err=result.error is not None)
    if pictures:
        click.echo(f"{pictures} picture{'s' if pictures > 1 else ''} fetched.")

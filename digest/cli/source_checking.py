"""`digest source check`: what would come in from a feed, before it is added."""

import sys
from typing import Any

import click

from digest.cli.opening import json_option, print_json
from digest.clock import SystemClock
from digest.logs import set_up_logging
from digest.newsroom.intake.articles import NewArticle, minutes_of
from digest.newsroom.intake.checking import FeedCheck, check_feed
from digest.newsroom.intake.fetching import PRIVATE_NETWORKS, Fetcher
from digest.newsroom.intake.sanitising import one_line
from digest.settings.loading import load_settings


@click.command()
@click.argument("url")
@json_option
def check(url: str, as_json: bool) -> None:
    """Show what would come in from the feed at URL, and what is odd about it.

    Nothing is added or kept, and no database is needed. Where URL is a web page, its feeds are
    named. Exits 1 where it is not a feed that can be read.
    """
    settings = load_settings()
    set_up_logging(settings.log_format)
    fetcher = Fetcher(settings.public_url, PRIVATE_NETWORKS if settings.fetch_private else ())
    checked = check_feed(fetcher, url, SystemClock().now())
    if as_json:
        print_json(_as_json(checked))
    else:
        _say(checked)
    if checked.error is not None:
        sys.exit(1)


def _say(checked: FeedCheck) -> None:
    if checked.error is not None:
        click.echo(checked.error, err=True)
        if checked.feeds:
            click.echo("The page names these feeds:", err=True)
        for feed in checked.feeds:
            click.echo(f"  digest source check {feed}", err=True)
        return
    kind = f" ({checked.kind})" if checked.kind else ""
    click.echo(f"{_shown(checked.title) or 'A feed without a title'}{kind}")
    click.echo(f"{checked.entries} {'entry' if checked.entries == 1 else 'entries'} would come in.")
    for article in checked.newest:
        click.echo()
        for line in _lines(article):
            click.echo(line)
    click.echo()
    if not checked.oddities:
        click.echo(f"Nothing is odd about it. Add it: digest source add {checked.url}")
        return
    click.echo("What is odd about it:")
    for sentence in checked.oddities:
        click.echo(f"- {_shown(sentence)}")


def _lines(article: NewArticle) -> list[str]:
    """Return an article as an editor would see it; a missing field says that it is missing."""
    published = article.published_at
    minutes = minutes_of(article.minutes, article.body)
    topics = f" (topics: {', '.join(map(_shown, article.topics))})" if article.topics else ""
    picture = article.image_url or "none"
    return [
        _shown(article.title),
        f"  {article.url}",
        f"  Date        {f'{published:%Y-%m-%d %H:%M} UTC' if published else 'none'}",
        f"  Byline      {_shown(article.byline or '') or 'none'}",
        f"  Section     {_shown(article.section or '') or 'none'}{topics}",
        f"  Picture     {picture}{f' “{_shown(article.image_alt)}”' if article.image_alt else ''}",
        f"  Standfirst  {_shown(article.standfirst) or 'none'}",
        f"  Reading     {f'{minutes} min' if minutes else 'not told'}",
    ]


def _shown(text: str) -> str:
    """Return text from outside without what could move a terminal's cursor."""
    return one_line(text)


def _as_json(checked: FeedCheck) -> dict[str, Any]:
    return {
        "url": checked.url,
        "error": checked.error,
        "kind": checked.kind,
        "title": checked.title,
        "entries": checked.entries,
        "newest": [_article_as_json(article) for article in checked.newest],
        "oddities": checked.oddities,
        "feeds": checked.feeds,
    }


def _article_as_json(article: NewArticle) -> dict[str, Any]:
    return {
        "title": article.title,
        "url": article.url,
        "published_at": article.published_at.isoformat() if article.published_at else None,
        "byline": article.byline,
        "section": article.section,
        "topics": article.topics,
        "image_url": article.image_url,
        "image_alt": article.image_alt,
        "standfirst": article.standfirst,
        "minutes": minutes_of(article.minutes, article.body),
    }

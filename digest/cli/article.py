"""`digest article`: stories without a feed."""

from datetime import UTC, datetime
from pathlib import Path

import click
from rich.table import Table
from sqlalchemy import select

from digest.cli.arguments import Moment, read_bytes, typed_wrongly
from digest.cli.article_controls import article_as_json, hide, remove, show, state_of
from digest.cli.opening import json_option, print_json, runtime
from digest.cli.reading_files import GivenFile
from digest.cli.tables import print_table
from digest.errors import FieldError
from digest.models import Article, may_be_picked
from digest.newsroom.intake.articles import NewArticle, add_article, is_plausible
from digest.newsroom.intake.media import article_pictures, set_by_hand
from digest.newsroom.intake.pictures import BYTES_AT_MOST
from digest.newsroom.newsletters import find_newsletter


@click.group()
def article() -> None:
    """Add, list, hide and take back articles."""


@article.command()
@click.option("--title", required=True)
@click.option("--url", required=True, help="Where the article is on the publisher's site.")
@click.option("--standfirst", default="", help="A sentence or two below the title.")
@click.option("--byline", help="Who wrote it.")
@click.option("--section", help="Like World, or Science.")
@click.option(
    "--image",
    type=GivenFile(),
    help="A picture: JPEG, PNG, WebP, GIF or AVIF.",
)
@click.option("--alt", default="", help="What the picture shows.")
@click.option("--minutes", type=click.IntRange(1, 600), help="Reading time, where it is known.")
@click.option(
    "--published", type=Moment(), help="When (UTC where it has no offset), if that is known."
)
@json_option
def add(
    title: str,
    url: str,
    standfirst: str,
    byline: str | None,
    section: str | None,
    image: Path | None,
    alt: str,
    minutes: int | None,
    published: datetime | None,
    as_json: bool,
) -> None:
    """Add an article, or change the one with that URL."""
    # Before the database is opened: a picture takes its time.
    pictures = article_pictures(read_bytes(image, BYTES_AT_MOST)) if image else None
    with runtime() as opened, typed_wrongly():
        now = opened.clock.now()
        new = NewArticle(
            url=url,
            title=title,
            standfirst=standfirst,
            byline=byline,
            section=section,
            image_alt=alt,
            minutes=minutes,
            published_at=_published(published, now),
        )
        with opened.database.transaction() as session:
            added = add_article(session, new, now)
            if pictures is not None:
                set_by_hand(session, added, pictures, now)
    if as_json:
        print_json(article_as_json(added))
        return
    click.echo(f"Article {added.id}: {added.title}")
    if image is not None and added.lead_image is None:
        click.echo("Its picture is too small for a lead, which needs 600 pixels across.", err=True)


def _published(typed: datetime | None, now: datetime) -> datetime | None:
    if typed is None:
        return None
    published = typed.replace(tzinfo=typed.tzinfo or UTC)
    if not is_plausible(published, now):
        raise FieldError("published", f"{published:%Y-%m-%d} is not when a page can have come out.")
    return published


article.add_command(hide)
article.add_command(show)
article.add_command(remove)


@article.command("list")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@click.option("--for", "slug", metavar="NEWSLETTER", help="Only what it may pick, however old.")
@json_option
def list_articles(limit: int, slug: str | None, as_json: bool) -> None:
    """List articles, the latest first."""
    with runtime() as opened, opened.database.reading() as session:
        query = select(Article).order_by(Article.first_seen_at.desc(), Article.id.desc())
        if slug is not None:
            query = query.where(may_be_picked(find_newsletter(session, slug)))
        articles = session.scalars(query.limit(limit)).all()
    if as_json:
        print_json([article_as_json(found) for found in articles])
        return
    table = Table("Id", "Published", "Section", "Title", "Byline", "Min", "State")
    for found in articles:
        about = (
            found.section or "",
            found.title,
            found.byline or "",
            str(found.minutes or ""),
            state_of(found),
        )
        table.add_row(str(found.id), _published_in_words(found), *about)
    if slug is None:
        empty = "There are no articles yet. Add one: digest article add --help"
    else:
        empty = f"There are none. What feeds it: digest newsletter show {slug}"
    print_table(table, empty)


def _published_in_words(found: Article) -> str:
    if found.published_at is None:
        return "undated, not news" if found.backlog else "undated"
    return f"{found.published_at:%Y-%m-%d %H:%M}"

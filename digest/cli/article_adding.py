"""`digest article add`."""

from datetime import UTC, datetime
from pathlib import Path

import click

from digest.cli.arguments import Moment, read_bytes, typed_wrongly
from digest.cli.article_list import article_as_json
from digest.cli.opening import json_option, print_json, runtime
from digest.cli.reading_files import GivenFile
from digest.errors import FieldError
from digest.newsroom.intake.articles import NewArticle, add_article, is_plausible
from digest.newsroom.intake.media import article_pictures, set_by_hand
from digest.newsroom.intake.pictures import BYTES_AT_MOST


@click.command()
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

"""`digest article list`, and how an article is shown."""

from typing import Any

import click
from sqlalchemy import select

from digest.cli.opening import json_option, print_json, runtime
from digest.cli.tables import Table, print_table
from digest.models import Article, may_be_picked
from digest.newsroom.finding import find_newsletter


@click.command("list")
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


def state_of(found: Article) -> str:
    """Return what keeps an article out of issues, in a word or two."""
    if found.withdrawn_at is not None:
        return f"withdrawn by {found.withdrawn_by}" if found.withdrawn_by else "its page is gone"
    return "hidden" if found.hidden_at is not None else ""


def article_as_json(found: Article) -> dict[str, Any]:
    """Return an article as scripts get it."""
    return {
        "id": found.id,
        "url": found.url,
        "title": found.title,
        "standfirst": found.standfirst,
        "byline": found.byline,
        "section": found.section,
        "minutes": found.minutes,
        "published_at": found.published_at and found.published_at.isoformat(),
        "backlog": found.backlog,
        "first_seen_at": found.first_seen_at.isoformat(),
        "lead_image": found.lead_image,
        "thumbnail": found.thumbnail,
        "hidden_at": found.hidden_at.isoformat() if found.hidden_at else None,
        "withdrawn_at": found.withdrawn_at.isoformat() if found.withdrawn_at else None,
        "withdrawn_by": found.withdrawn_by,
    }

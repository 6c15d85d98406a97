"""How much room articles and their pictures take."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, LargeBinary, cast, func, select
from sqlalchemy.orm import Session

from digest.checkup.finding import Finding, fine
from digest.models import Article, Media

MEGABYTE = 1_000_000


def look_at_sizes(session: Session, _: datetime) -> Iterator[Finding]:
    """Return how many articles are known, and what their bodies and the pictures take, in MB."""
    articles, let_go, bodies = session.execute(
        select(
            func.count(),
            func.count(Article.let_go_at),
            func.coalesce(func.sum(_size(session, Article.body)), 0),
        ).select_from(Article)
    ).one()
    pictures, content = session.execute(
        select(func.count(), func.coalesce(func.sum(_size(session, Media.content)), 0)).select_from(
            Media
        )
    ).one()
    yield fine(
        "sizes",
        f"{_count(articles, 'article')}: their bodies take {_megabytes(bodies)}, and "
        f"{_count(pictures, 'picture')} {_megabytes(content)}. Of {let_go:,} only what tells that "
        "they are known is kept.",
    )


def _size(session: Session, column: Any) -> ColumnElement[int]:
    """Return how many bytes a value has; neither database reads the whole of a large one."""
    if session.get_bind().dialect.name == "postgresql":
        return func.octet_length(column)
    return func.length(cast(column, LargeBinary))


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing if number == 1 else thing + 's'}"


def _megabytes(size: int) -> str:
    return f"{size / MEGABYTE:,.1f} MB"

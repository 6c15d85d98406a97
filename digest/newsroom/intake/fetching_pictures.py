"""Fetching articles' pictures, after the articles are in: a slow or bad one holds nothing up."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from digest.database.transactions import Database
from digest.models import Article
from digest.newsroom.intake.fetching import PICTURE, Bounds, Fetcher, FetchError
from digest.newsroom.intake.media import ArticlePictures, article_pictures, set_pictures
from digest.newsroom.intake.pictures import PictureError

# Longer than a picture takes: whoever claimed it and died gives it back after this.
CLAIM = timedelta(minutes=5)
TRIES = 3
FIRST_BACKOFF = timedelta(minutes=15)
# What is older gets into no issue any more.
OLDEST = timedelta(days=60)

log = structlog.get_logger(__name__)


def pictures_due(session: Session, now: datetime) -> list[int]:
    """Return the articles whose picture is to be fetched, the newest first."""
    due = select(Article.id).where(
        Article.image_due_at <= now, Article.first_seen_at > now - OLDEST
    )
    return list(session.scalars(due.order_by(Article.first_seen_at.desc(), Article.id.desc())))


def fetch_picture(
    database: Database,
    article_id: int,
    *,
    fetcher: Fetcher,
    now: datetime,
    bounds: Bounds = PICTURE,
) -> bool:
    """Fetch an article's picture, if it is due; return whether it has one now.

    Where it cannot be had the article stays without: what is no picture, or is not to be had from
    there, is not asked for again; a site that fails is asked three times.
    """
    claim = _claim(database, article_id, now)
    if claim is None:
        return False
    try:
        fetched = fetcher.fetch(claim.url, bounds)
        pictures = article_pictures(fetched.content or b"")
    except (FetchError, PictureError) as error:
        _fail(database, claim, error, now)
        return False
    return _keep(database, claim, pictures, now)


def fetch_pictures(
    database: Database,
    *,
    fetcher: Fetcher,
    now: datetime,
    go_on: Callable[[], bool],
) -> bool:
    """Fetch the pictures that are due, for as long as `go_on` says; return whether that is all."""
    with database.reading() as session:
        due = pictures_due(session, now)
    for article_id in due:
        if not go_on():
            return False
        fetch_picture(database, article_id, fetcher=fetcher, now=now)
    return True


@dataclass(frozen=True)
class _Claim:
    """A picture that is ours to fetch."""

    article_id: int
    url: str
    failures: int
    until: datetime


def _claim(database: Database, article_id: int, now: datetime) -> _Claim | None:
    with database.transaction() as session:
        article = session.get(Article, article_id)
        if article is None or article.image_url is None or article.image_due_at is None:
            return None
        seen = article.image_due_at
        if seen > now:
            return None
        claim = _Claim(article_id, article.image_url, article.image_failures, now + CLAIM)
        won = session.execute(
            update(Article)
            .where(Article.id == article_id, Article.image_due_at == seen)
            .values(image_due_at=claim.until)
            .returning(Article.id)
        ).scalar()
        return None if won is None else claim


def _keep(database: Database, claim: _Claim, pictures: ArticlePictures, now: datetime) -> bool:
    with database.transaction() as session:
        article = session.scalars(
            select(Article).where(*_still_ours(claim)).with_for_update()
        ).one_or_none()
        if article is None:
            return False
        set_pictures(session, article, pictures, now)
        article.image_due_at, article.image_failures = None, 0
    return pictures.thumbnail is not None


def _fail(
    database: Database, claim: _Claim, error: FetchError | PictureError, now: datetime
) -> None:
    failures = claim.failures + 1
    is_over = isinstance(error, PictureError) or error.final or failures >= TRIES
    again = None if is_over else now + FIRST_BACKOFF * 2**failures
    with database.transaction() as session:
        session.execute(
            update(Article)
            .where(*_still_ours(claim))
            .values(image_due_at=again, image_failures=failures)
        )
    log.info("picture not fetched", article=claim.article_id, error=str(error))


def _still_ours(claim: _Claim) -> tuple[ColumnElement[bool], ...]:
    # A new address makes it due anew, and another's claim is another moment: then what we bring
    # is not wanted any more.
    return Article.id == claim.article_id, Article.image_due_at == claim.until

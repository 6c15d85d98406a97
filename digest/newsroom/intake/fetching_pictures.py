"""Fetching articles' pictures, after the articles are in: a slow or bad one holds nothing up."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from digest.database.transactions import Database
from digest.logs import get_logger
from digest.models import Article
from digest.newsroom.intake.fetching import PICTURE, Bounds, Fetcher, FetchError
from digest.newsroom.intake.letting_go import too_old_before
from digest.newsroom.intake.media import ArticlePictures, article_pictures, set_pictures
from digest.newsroom.intake.pictures import PictureError

# Longer than a picture takes: whoever claimed it and died gives it back after this.
CLAIM = timedelta(minutes=5)
TRIES = 3
FIRST_BACKOFF = timedelta(minutes=15)

log = get_logger(__name__)


def pictures_due(session: Session, now: datetime, at_most: int | None = None) -> list[int]:
    """Return the articles whose picture is to be fetched, the newest first."""
    due = select(Article.id).where(
        Article.image_due_at <= now, Article.first_seen_at >= too_old_before(session, now)
    )
    due = due.order_by(Article.first_seen_at.desc(), Article.id.desc())
    return list(session.scalars(due.limit(at_most)))


def fetch_picture(
    database: Database,
    article_id: int,
    *,
    fetcher: Fetcher,
    now: datetime,
    bounds: Bounds = PICTURE,
) -> bool:
    """Fetch an article's picture, if it is due; return whether one came.

    Its candidates are tried in order until one does as a lead; where none does, the first that
    does as a thumbnail stays, and where none does even so, the article stays without. What is no
    picture, or is not to be had from there, is not asked for again; sites that fail are asked
    three times in all.
    """
    came = False
    while True:
        tried = _try_next(database, article_id, fetcher, now, bounds)
        came = came or tried.came
        if not tried.another:
            return came


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
        another = True
        while another:
            if not go_on():
                return False
            another = _try_next(database, article_id, fetcher, now, PICTURE).another
    return True


@dataclass(frozen=True)
class _Tried:
    """What became of a candidate: whether the article took it, and whether the next is due."""

    came: bool = False
    another: bool = False


def _try_next(
    database: Database, article_id: int, fetcher: Fetcher, now: datetime, bounds: Bounds
) -> _Tried:
    claim = _claim(database, article_id, now)
    if claim is None:
        return _Tried()
    try:
        fetched = fetcher.fetch(claim.url, bounds)
        pictures = article_pictures(fetched.content or b"")
    except (FetchError, PictureError) as error:
        log.info("picture not fetched", article=claim.article_id, error=str(error))
        return _fail(database, claim, error, now)
    return _keep(database, claim, pictures, now)


@dataclass(frozen=True)
class _Claim:
    """A candidate that is ours to fetch: the one at `place` among its article's."""

    article_id: int
    place: int
    url: str
    failures: int
    until: datetime


def _claim(database: Database, article_id: int, now: datetime) -> _Claim | None:
    with database.transaction() as session:
        article = session.get(Article, article_id)
        if article is None or article.image_due_at is None:
            return None
        seen, place = article.image_due_at, article.pictures_tried
        if seen > now or place >= len(article.picture_candidates):
            return None
        url = article.picture_candidates[place][0]
        claim = _Claim(article_id, place, url, article.image_failures, now + CLAIM)
        won = session.execute(
            update(Article)
            .where(Article.id == article_id, Article.image_due_at == seen)
            .values(image_due_at=claim.until)
            .returning(Article.id)
        ).scalar()
        return None if won is None else claim


def _keep(database: Database, claim: _Claim, pictures: ArticlePictures, now: datetime) -> _Tried:
    with database.transaction() as session:
        article = _claimed(session, claim)
        if article is None:
            return _Tried()
        came = pictures.lead is not None or (
            pictures.thumbnail is not None and article.thumbnail is None
        )
        if came:
            article.image_url, article.image_alt = article.picture_candidates[claim.place]
            set_pictures(session, article, pictures, now)
        another = _go_on(article, claim, now)
        if not another:
            article.image_failures = 0
        return _Tried(came, another)


def _fail(
    database: Database, claim: _Claim, error: FetchError | PictureError, now: datetime
) -> _Tried:
    with database.transaction() as session:
        article = _claimed(session, claim)
        if article is None:
            return _Tried()
        may_recover = _may_recover(error, is_last=_is_last(article, claim))
        article.image_failures = claim.failures + may_recover
        if may_recover and article.image_failures < TRIES:
            article.image_due_at = now + FIRST_BACKOFF * 2**article.image_failures
            return _Tried()
        return _Tried(another=_go_on(article, claim, now))


def _may_recover(error: FetchError | PictureError, *, is_last: bool) -> bool:
    if isinstance(error, PictureError) or error.final:
        return False
    # What is not there (yet) is waited for only where nothing can stand in for it.
    return is_last or not error.absent


def _is_last(article: Article, claim: _Claim) -> bool:
    return claim.place + 1 >= len(article.picture_candidates)


def _go_on(article: Article, claim: _Claim, now: datetime) -> bool:
    """Pass on from the candidate that was tried; tell whether there is one to try after it."""
    article.pictures_tried = claim.place + 1
    another = article.lead_image is None and not _is_last(article, claim)
    article.image_due_at = now if another else None
    return another


def _claimed(session: Session, claim: _Claim) -> Article | None:
    return session.scalars(
        select(Article).where(*_still_ours(claim)).with_for_update()
    ).one_or_none()


def _still_ours(claim: _Claim) -> tuple[ColumnElement[bool], ...]:
    # A new address makes it due anew, and another's claim is another moment: then what we bring
    # is not wanted any more.
    return Article.id == claim.article_id, Article.image_due_at == claim.until

"""Articles: what the publisher's site has, as text, checked links and a reading time."""

from datetime import UTC, datetime
from enum import Enum

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from digest.errors import FieldError
from digest.models import Article, Source
from digest.newsroom.intake.given_articles import GivenPicture as GivenPicture
from digest.newsroom.intake.given_articles import NewArticle as NewArticle
from digest.newsroom.intake.given_articles import is_plausible as is_plausible
from digest.newsroom.intake.sanitising import canonical_url, one_line, plain_text, safe_html

TITLE_AT_MOST = 500
STANDFIRST_AT_MOST = 1000
BYLINE_AT_MOST = 200
SECTION_AT_MOST = 60
TOPICS_AT_MOST = 20
ALT_AT_MOST = 300
GUID_AT_MOST = 2000
MINUTES_AT_MOST = 600
WORDS_A_MINUTE = 230


class Change(Enum):
    """What became of an article that was brought in."""

    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


def add_article(
    session: Session, new: NewArticle, now: datetime, source: Source | None = None
) -> Article:
    """Add or update an article, as `bring_in` does, for who need not know which it was."""
    return bring_in(session, new, now, source)[0]


def bring_in(
    session: Session, new: NewArticle, now: datetime, source: Source | None = None
) -> tuple[Article, Change]:
    """Add an article, or update the one with its URL or (from the same source) its GUID.

    What another source in use has already stays as that source has it. Issues that are frozen
    keep the words that they were frozen with.

    Raises:
        FieldError: `url` or `title` cannot be used.
    """
    given = _checked(new, now)
    source_id = source.id if source else None
    article = _known(session, given, source_id)
    if article is None:
        try:
            with session.begin_nested():
                return _inserted(session, given, source_id, now), Change.ADDED
        except IntegrityError:
            # Somebody added the same page at the same moment.
            article = _known(session, given, source_id)
            if article is None:
                raise
    if source is not None and _is_anothers(article, source):
        return article, Change.UNCHANGED
    return article, _update(session, article, given, source, now)


def _checked(new: NewArticle, now: datetime) -> NewArticle:
    title = plain_text(new.title, TITLE_AT_MOST)
    if not title:
        raise FieldError("title", "Give the article a title.")
    try:
        url = canonical_url(new.url)
    except ValueError as error:
        raise FieldError("url", str(error)) from None
    body = safe_html(new.body)
    standfirst = plain_text(new.standfirst, STANDFIRST_AT_MOST)
    seen = plausible(new.first_seen_at, now) if new.first_seen_at else None
    return NewArticle(
        url=url,
        title=title,
        standfirst=standfirst,
        body=body,
        byline=plain_text(new.byline or "", BYLINE_AT_MOST) or None,
        section=plain_text(new.section or "", SECTION_AT_MOST) or None,
        topics=_topics(new.topics),
        image_url=_image_url(new.image_url),
        image_alt=plain_text(new.image_alt, ALT_AT_MOST),
        minutes=_minutes(new.minutes, body or standfirst),
        published_at=plausible(new.published_at, now) if new.published_at else None,
        first_seen_at=seen,
        guid=one_line(new.guid or "")[:GUID_AT_MOST] or None,
    )


def plausible(published_at: datetime, now: datetime) -> datetime:
    """Return the date of an article, or `now` where it cannot be true.

    A feed that says 1970 or 2090 has lost the date, not the article. Naive moments are UTC.
    """
    if published_at.tzinfo is None:
        published_at = published_at.replace(tzinfo=UTC)
    return min(published_at, now) if is_plausible(published_at, now) else now


def reading_minutes(text: str) -> int:
    """Return how long a text takes to read: words ÷ 230, rounded, at least 1."""
    words = len(plain_text(text, len(text) + 1).split())
    return min(max(1, round(words / WORDS_A_MINUTE)), MINUTES_AT_MOST)


def _minutes(given: int | None, text: str) -> int:
    if given is None:
        return reading_minutes(text)
    return min(max(1, given), MINUTES_AT_MOST)


def _topics(topics: tuple[str, ...]) -> tuple[str, ...]:
    cleaned = [plain_text(topic, SECTION_AT_MOST) for topic in topics[:TOPICS_AT_MOST]]
    return tuple(dict.fromkeys(filter(None, cleaned)))


def _image_url(url: str | None) -> str | None:
    # An article whose picture cannot be used goes without; the article itself is fine.
    try:
        return canonical_url(url) if url else None
    except ValueError:
        return None


def _known(session: Session, given: NewArticle, source_id: int | None) -> Article | None:
    # The page is what a reader gets, so the URL decides where both are known.
    by_url = session.scalar(select(Article).where(Article.url == given.url))
    if by_url is not None or given.guid is None or source_id is None:
        return by_url
    return session.scalar(
        select(Article).where(Article.source_id == source_id, Article.guid == given.guid)
    )


def _is_anothers(article: Article, source: Source) -> bool:
    # Two feeds that tell a piece differently would otherwise change it at each fetch, in turn.
    if article.source_id == source.id or article.source is None:
        return False
    return article.source.retired_at is None


def _inserted(session: Session, given: NewArticle, source_id: int | None, now: datetime) -> Article:
    article = Article(
        source_id=source_id,
        guid=given.guid if source_id is not None else None,
        url=given.url,
        title=given.title,
        standfirst=given.standfirst,
        body=given.body,
        byline=given.byline,
        section=given.section,
        topics=list(given.topics),
        image_url=given.image_url,
        image_alt=given.image_alt,
        image_due_at=now if given.image_url else None,
        image_failures=0,
        minutes=given.minutes,
        published_at=given.published_at or now,
        first_seen_at=given.first_seen_at or now,
        updated_at=now,
    )
    session.add(article)
    session.flush()
    return article


def _update(
    session: Session, article: Article, given: NewArticle, source: Source | None, now: datetime
) -> Change:
    article.url = given.url
    article.title = given.title
    article.standfirst = given.standfirst
    article.body = given.body
    article.byline = given.byline
    article.section = given.section
    article.topics = list(given.topics)
    article.minutes = given.minutes or 1
    article.published_at = given.published_at or article.published_at
    _update_image(article, given.image_url, now)
    article.image_alt = given.image_alt or article.image_alt
    if article.source_id is None and source is not None:
        # Added by hand before the feed had it. Its GUID stays with whoever has it already.
        article.source_id = source.id
        article.guid = None if _has_guid(session, source, given.guid) else given.guid
    if not session.is_modified(article):
        return Change.UNCHANGED
    article.updated_at = now
    session.flush()
    return Change.CHANGED


def _update_image(article: Article, url: str | None, now: datetime) -> None:
    given_by_hand = article.image_url is None and article.lead_image is not None
    if url is None or url == article.image_url or given_by_hand:
        return
    # The old picture goes at once: there may have been a reason to change it.
    article.image_url = url
    article.lead_image = article.thumbnail = None
    article.image_due_at, article.image_failures = now, 0


def _has_guid(session: Session, source: Source, guid: str | None) -> bool:
    found = select(Article.id).where(Article.source_id == source.id, Article.guid == guid)
    with session.no_autoflush:
        return session.scalar(found) is not None

"""Articles: what the publisher's site has, as text, checked links and a reading time."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from digest.errors import FieldError
from digest.models import Article, Source
from digest.newsroom.intake.candidates import (
    Candidate,
    give_pictures,
    update_pictures,
    usable_pictures,
)
from digest.newsroom.intake.sanitising import canonical_url, one_line, plain_text, safe_html
from digest.newsroom.intake.withdrawing import forget_answers

TITLE_AT_MOST = 500
STANDFIRST_AT_MOST = 1000
BYLINE_AT_MOST = 200
SECTION_AT_MOST = 60
TOPICS_AT_MOST = 20
ALT_AT_MOST = 300
GUID_AT_MOST = 2000
MINUTES_AT_MOST = 600
WORDS_A_MINUTE = 230

# No site has older pages; what says so has lost its date.
EARLIEST = datetime(1991, 8, 6, tzinfo=UTC)
CLOCKS_MAY_DIFFER = timedelta(days=1)


@dataclass(frozen=True)
class GivenPicture:
    """Where a picture of an article may be had, and what it shows."""

    url: str
    alt: str = ""


@dataclass(frozen=True)
class NewArticle:
    """An article as a feed, the API or a command gives it: nothing in it is trusted.

    `other_pictures` may stand in for the one at `image_url`, the likeliest first. `body` is HTML,
    and "" where there is only a summary. `minutes` is counted from it where it is not given; with
    neither nobody knows. `published_at` is None where there is no certain date. `first_seen_at`
    and `backlog` are for a source's first fetch: what is dated was there since then, and what is
    not is no news.
    """

    url: str
    title: str
    standfirst: str = ""
    body: str = ""
    byline: str | None = None
    section: str | None = None
    topics: tuple[str, ...] = ()
    image_url: str | None = None
    image_alt: str = ""
    other_pictures: tuple[GivenPicture, ...] = ()
    minutes: int | None = None
    published_at: datetime | None = None
    first_seen_at: datetime | None = None
    backlog: bool = False
    guid: str | None = None
    shares_page: bool = False


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
    pictures = _pictures(new)
    image_url, image_alt = pictures[0] if pictures else (None, _alt(new.image_alt))
    return NewArticle(
        url=url,
        title=title,
        standfirst=standfirst,
        body=body,
        byline=plain_text(new.byline or "", BYLINE_AT_MOST) or None,
        section=plain_text(new.section or "", SECTION_AT_MOST) or None,
        topics=_topics(new.topics),
        image_url=image_url,
        image_alt=image_alt,
        other_pictures=tuple(GivenPicture(url, alt) for url, alt in pictures[1:]),
        minutes=_minutes(new.minutes, body),
        published_at=plausible(new.published_at, now),
        first_seen_at=plausible(new.first_seen_at, now),
        backlog=new.backlog,
        guid=one_line(new.guid or "")[:GUID_AT_MOST] or None,
    )


def plausible(published_at: datetime | None, now: datetime) -> datetime | None:
    """Return the date of an article, or None where it cannot be true; one a little ahead is `now`.

    A feed that says 1970 or 2090 has lost the date, not the article. Naive moments are UTC.
    """
    if published_at is None:
        return None
    if published_at.tzinfo is None:
        published_at = published_at.replace(tzinfo=UTC)
    return min(published_at, now) if is_plausible(published_at, now) else None


def is_plausible(published_at: datetime, now: datetime) -> bool:
    """Tell whether a page can have been published then: not before the web, nor after tomorrow."""
    return EARLIEST <= published_at <= now + CLOCKS_MAY_DIFFER


def reading_minutes(text: str) -> int | None:
    """Return how long a text takes to read: words ÷ 230, rounded, at least 1.

    None where there are no words.
    """
    words = len(plain_text(text, len(text) + 1).split())
    return min(max(1, round(words / WORDS_A_MINUTE)), MINUTES_AT_MOST) if words else None


def _minutes(given: int | None, body: str) -> int | None:
    # A standfirst tells nothing of how long the piece behind it is.
    if given is None:
        return reading_minutes(body)
    return min(max(1, given), MINUTES_AT_MOST)


def _topics(topics: tuple[str, ...]) -> tuple[str, ...]:
    cleaned = [plain_text(topic, SECTION_AT_MOST) for topic in topics[:TOPICS_AT_MOST]]
    return tuple(dict.fromkeys(filter(None, cleaned)))


def _pictures(given: NewArticle) -> tuple[Candidate, ...]:
    others = [(picture.url, picture.alt) for picture in given.other_pictures]
    first = [(given.image_url, given.image_alt)] if given.image_url else []
    return usable_pictures((url, _alt(alt)) for url, alt in (*first, *others))


def _alt(text: str) -> str:
    return plain_text(text, ALT_AT_MOST)


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
        image_alt=given.image_alt,
        image_failures=0,
        minutes=given.minutes,
        published_at=given.published_at,
        first_seen_at=given.first_seen_at or now,
        backlog=given.backlog and given.published_at is None,
        updated_at=now,
    )
    if pictures := _candidates(given):
        give_pictures(article, pictures, now)
    session.add(article)
    session.flush()
    return article


def _update(
    session: Session, article: Article, given: NewArticle, source: Source | None, now: datetime
) -> Change:
    if article.url != given.url:
        forget_answers(session, article)
    article.url = given.url
    article.title = given.title
    article.standfirst = given.standfirst
    if article.let_go_at is None:
        article.body = given.body
    article.byline = given.byline
    article.section = given.section
    article.topics = list(given.topics)
    article.minutes = given.minutes
    article.published_at = given.published_at or article.published_at
    # Its date tells from now on whether it is news.
    article.backlog = article.backlog and article.published_at is None
    if given.image_url is None:
        article.image_alt = given.image_alt or article.image_alt
    if article.let_go_at is None:
        update_pictures(article, _candidates(given), now)
    if source is not None and article.source_id != source.id:
        # Added by hand before the feed had it, or by a feed that is retired. Its GUID stays with
        # whoever has it already.
        article.source_id = source.id
        article.guid = None if _has_guid(session, source, given.guid) else given.guid
    if not session.is_modified(article):
        return Change.UNCHANGED
    article.updated_at = now
    session.flush()
    return Change.CHANGED


def _candidates(given: NewArticle) -> tuple[Candidate, ...]:
    if given.image_url is None:
        return ()
    others = ((picture.url, picture.alt) for picture in given.other_pictures)
    return (given.image_url, given.image_alt), *others


def _has_guid(session: Session, source: Source, guid: str | None) -> bool:
    found = select(Article.id).where(Article.source_id == source.id, Article.guid == guid)
    with session.no_autoflush:
        return session.scalar(found) is not None

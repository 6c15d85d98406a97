"""Articles: what the publisher's site has, as text, checked links and a reading time."""

from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum

from sqlalchemy import text
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
from digest.newsroom.intake.given_articles import ALT_AT_MOST as ALT_AT_MOST
from digest.newsroom.intake.given_articles import GivenPicture as GivenPicture
from digest.newsroom.intake.given_articles import NewArticle as NewArticle
from digest.newsroom.intake.given_articles import is_plausible as is_plausible
from digest.newsroom.intake.known import Identity, Known, identify, page_of
from digest.newsroom.intake.links import canonical_url
from digest.newsroom.intake.reading.markup import pieces, text_of
from digest.newsroom.intake.sanitising import bounded_line, one_line, safe_html
from digest.newsroom.intake.withdrawing import forget_answers

TITLE_AT_MOST = 500
STANDFIRST_AT_MOST = 1000
BYLINE_AT_MOST = 200
SECTION_AT_MOST = 60
TOPICS_AT_MOST = 20
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
    """Add an article, or update the one that it is (`digest.newsroom.intake.known`).

    What another source in use has already stays as that source has it. Issues that are frozen
    keep the words that they were frozen with.

    Raises:
        FieldError: `url` or `title` cannot be used.
    """
    one = _usable(new, now, from_feed=source is not None)
    return _stored(session, [one], now, source)[0]


@dataclass(frozen=True)
class UsableArticle:
    """An article that can be used, made clean, and what it is compared by."""

    given: NewArticle
    identity: Identity


def usable_articles(news: Iterable[NewArticle], now: datetime) -> list[UsableArticle]:
    """Return what can be used of the articles of a feed, for `bring_in_all`.

    It takes its time: call it before a transaction.
    """
    usable: list[UsableArticle] = []
    for new in news:
        with suppress(FieldError):
            usable.append(_usable(new, now, from_feed=True))
    return usable


def keys_of(usable: Iterable[UsableArticle]) -> frozenset[str]:
    """Return the keys of the articles of a feed, for `bring_in_all`."""
    return frozenset(one.identity.key for one in usable)


def bring_in_all(
    session: Session,
    usable: Sequence[UsableArticle],
    now: datetime,
    source: Source,
    beside: Collection[str] = (),
) -> list[tuple[Article, Change]]:
    """Bring in several articles of a source, as `bring_in` does.

    They are looked up in one statement and added in one. `beside` are the `keys_of` the whole
    feed, where these are a part of it.
    """
    return _stored(session, usable, now, source, beside)


def _usable(new: NewArticle, now: datetime, *, from_feed: bool) -> UsableArticle:
    given = _checked(new, now)
    identity = identify(
        given.url,
        given.title,
        given.guid,
        given.published_at,
        shares_page=given.shares_page,
        from_feed=from_feed,
    )
    return UsableArticle(given, identity)


def _stored(
    session: Session,
    usable: Sequence[UsableArticle],
    now: datetime,
    source: Source | None,
    beside: Collection[str] = (),
) -> list[tuple[Article, Change]]:
    identities = [one.identity for one in usable]
    known = Known(session, identities, source, beside)
    found = [known.find(identity) for identity in identities]
    if all(article is not None and article.key == key for article, key in found):
        return [_brought_in(session, one, now, source, known) for one in usable]
    _one_at_a_time(session)
    try:
        with session.begin_nested():
            return [_brought_in(session, one, now, source, known) for one in usable]
    except IntegrityError:
        # Somebody added one of them at the same moment; now it can be found.
        if len(usable) > 1:
            return [_stored(session, [one], now, source, beside)[0] for one in usable]
    known = Known(session, identities, source, beside)
    return [_brought_in(session, one, now, source, known) for one in usable]


def _one_at_a_time(session: Session) -> None:
    # Two feeds that have the same pieces in another order would each wait for the other.
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(7410052028)"))


def _brought_in(
    session: Session, one: UsableArticle, now: datetime, source: Source | None, known: Known
) -> tuple[Article, Change]:
    given, identity = one.given, one.identity
    article, key = known.find(identity)
    if article is None:
        article, change = _added(session, given, source, now), Change.ADDED
        article.key = key
        _keep_guid(article, given, identity, known)
    elif source is not None and _is_anothers(article, source):
        return article, Change.UNCHANGED
    else:
        if _is_back_on_http(article, given, identity):
            given = replace(given, url=article.url)
        article.key = key
        if source is not None:
            # One that was added by hand before the feed had it, or that a feed had that is retired,
            # is this source's from now on. What GUID it had there says nothing here.
            if article.source_id != source.id:
                article.source_id, article.guid, article.guid_key = source.id, None, None
            _keep_guid(article, given, identity, known)
        change = _update(session, article, given, now)
    known.note(article)
    return article, change


def _is_back_on_http(article: Article, given: NewArticle, identity: Identity) -> bool:
    both = article.url.startswith("https:") and given.url.startswith("http:")
    return both and page_of(article.key) == identity.page


def _keep_guid(article: Article, given: NewArticle, identity: Identity, known: Known) -> None:
    # One that another article of the source has stays there.
    if article.source_id and identity.guid and known.may_have_guid(article, identity.guid):
        article.guid, article.guid_key = given.guid, identity.guid


def _checked(new: NewArticle, now: datetime) -> NewArticle:
    title = bounded_line(new.title, TITLE_AT_MOST)
    if not title:
        raise FieldError("title", "Give the article a title.")
    try:
        url = canonical_url(new.url)
    except ValueError as error:
        raise FieldError("url", str(error)) from None
    body = safe_html(new.body)
    standfirst = bounded_line(new.standfirst, STANDFIRST_AT_MOST)
    pictures = _pictures(new)
    image_url, image_alt = pictures[0] if pictures else (None, _alt(new.image_alt))
    return NewArticle(
        url=url,
        title=title,
        standfirst=standfirst,
        body=body,
        byline=bounded_line(new.byline or "", BYLINE_AT_MOST) or None,
        section=bounded_line(new.section or "", SECTION_AT_MOST) or None,
        topics=_topics(new.topics),
        image_url=image_url,
        image_alt=image_alt,
        other_pictures=tuple(GivenPicture(url, alt) for url, alt in pictures[1:]),
        minutes=minutes_of(new.minutes, body),
        published_at=plausible(new.published_at, now),
        first_seen_at=plausible(new.first_seen_at, now),
        backlog=new.backlog,
        guid=_guid(new.guid),
        shares_page=new.shares_page,
    )


def _guid(given: str | None) -> str | None:
    return one_line(given or "")[:GUID_AT_MOST] or None


def plausible(published_at: datetime | None, now: datetime) -> datetime | None:
    """Return the date of an article, or None where it cannot be true; one a little ahead is `now`.

    A feed that says 1970 or 2090 has lost the date, not the article. Naive moments are UTC.
    """
    if published_at is None:
        return None
    if published_at.tzinfo is None:
        published_at = published_at.replace(tzinfo=UTC)
    return min(published_at, now) if is_plausible(published_at, now) else None


def reading_minutes(text: str) -> int | None:
    """Return how long a text takes to read: words ÷ 230, rounded, at least 1.

    None where there are no words.
    """
    words = len(text_of(pieces(text)).split())
    return min(max(1, round(words / WORDS_A_MINUTE)), MINUTES_AT_MOST) if words else None


def minutes_of(given: int | None, body: str) -> int | None:
    """Return the reading time of an article: what is given, else what its body (HTML) takes.

    A standfirst tells nothing of how long the piece behind it is.
    """
    if given is None:
        return reading_minutes(body)
    return min(max(1, given), MINUTES_AT_MOST)


def _topics(topics: tuple[str, ...]) -> tuple[str, ...]:
    cleaned = [bounded_line(topic, SECTION_AT_MOST) for topic in topics[:TOPICS_AT_MOST]]
    return tuple(dict.fromkeys(filter(None, cleaned)))


def _pictures(given: NewArticle) -> tuple[Candidate, ...]:
    others = [(picture.url, picture.alt) for picture in given.other_pictures]
    first = [(given.image_url, given.image_alt)] if given.image_url else []
    return usable_pictures((url, _alt(alt)) for url, alt in (*first, *others))


def _alt(text: str) -> str:
    return bounded_line(text, ALT_AT_MOST)


def _is_anothers(article: Article, source: Source) -> bool:
    # Two feeds that tell a piece differently would otherwise change it at each fetch, in turn.
    if article.source_id == source.id or article.source is None:
        return False
    return article.source.retired_at is None


def _added(session: Session, given: NewArticle, source: Source | None, now: datetime) -> Article:
    article = Article(
        source_id=source.id if source is not None else None,
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
    return article


def _update(session: Session, article: Article, given: NewArticle, now: datetime) -> Change:
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
    if not session.is_modified(article):
        return Change.UNCHANGED
    article.updated_at = now
    return Change.CHANGED


def _candidates(given: NewArticle) -> tuple[Candidate, ...]:
    if given.image_url is None:
        return ()
    others = ((picture.url, picture.alt) for picture in given.other_pictures)
    return (given.image_url, given.image_alt), *others

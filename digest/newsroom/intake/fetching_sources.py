"""Fetching sources: whose turn it is, what is new there, and when to ask again."""

import hashlib
import random
import time
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from digest.database.transactions import Database
from digest.errors import NotFoundError
from digest.models import Publication, Source, SourceFetch
from digest.newsroom.intake.articles import (
    Change,
    NewArticle,
    bring_in_all,
    keys_of,
    usable_articles,
)
from digest.newsroom.intake.feeds import READER_VERSION, Feed, FeedError
from digest.newsroom.intake.fetch_history import note_fetch
from digest.newsroom.intake.fetching import (
    FEED,
    PRIVATE_NETWORKS,
    Bounds,
    Fetched,
    Fetcher,
    FetchError,
)
from digest.newsroom.intake.links import web_url
from digest.newsroom.intake.reading_child.asking import OURS
from digest.newsroom.intake.withdrawing import note_missing
from digest.settings.loading import Settings

# Longer than any fetch takes: whoever claimed a source and died gives it back after this.
CLAIM = timedelta(minutes=5)
FIRST_BACKOFF = timedelta(minutes=15)
LONGEST_BACKOFF = timedelta(hours=24)
JITTER = 0.2
STORED_AT_ONCE = 25
# Those that wait longer are rung for by a later tick: after an outage all are due at once.
AT_ONCE = 500
ERROR_AT_MOST = 500


@dataclass(frozen=True)
class SourceFetched:
    """What came of fetching a source. `error` says in words why nothing did."""

    source_id: int
    name: str
    added: int = 0
    changed: int = 0
    unusable: int = 0
    unchanged: bool = False
    moved_to: str | None = None
    error: str | None = None


def open_fetcher(database: Database, settings: Settings) -> Fetcher:
    """Return a fetcher that speaks in the publisher's name."""
    with database.reading() as session:
        publication = session.get(Publication, 1)
    site = publication.site_url if publication else settings.public_url
    return Fetcher(site, PRIVATE_NETWORKS if settings.fetch_private else ())


def sources_due(session: Session, now: datetime) -> list[int]:
    """Return the sources whose turn it is, the longest overdue first, as many as a minute takes."""
    due = select(Source.id).where(
        Source.retired_at.is_(None), Source.paused_at.is_(None), Source.next_fetch_at <= now
    )
    return list(session.scalars(due.order_by(Source.next_fetch_at, Source.id).limit(AT_ONCE)))


def fetch_source(
    database: Database,
    source_id: int,
    *,
    fetcher: Fetcher,
    now: datetime,
    every: timedelta,
    only_if_due: bool = True,
    bounds: Bounds = FEED,
) -> SourceFetched | None:
    """Fetch a source and bring in its articles; None where it is not its turn.

    Of several who fetch it at once one does. A failure is no exception: it is kept in
    `last_error`, and the source waits longer each time.

    Raises:
        NotFoundError: there is no such source.
    """
    claimed = _claim(database, source_id, now, only_if_due)
    if claimed is None:
        return None
    result = SourceFetched(source_id, claimed.name)
    try:
        fetched = _ask(fetcher, claimed, bounds)
        content_hash = _content_hash(claimed, fetched)
        if content_hash == claimed.content_hash:
            unchanged = replace(result, unchanged=True)
            return _succeed(database, claimed, fetched, content_hash, every, unchanged)
        assert fetched.content is not None
        feed = OURS.read(fetched.content, fetched.url, now, fetched.charset)
    except (FetchError, FeedError) as error:
        return _fail(database, claimed, error, result)
    counts = _store(database, claimed, feed, now)
    if not feed.settled:
        content_hash = claimed.manner
    read = replace(
        result,
        added=counts.count(Change.ADDED),
        changed=counts.count(Change.CHANGED),
        unusable=feed.unusable + counts.count(None),
    )
    return _succeed(database, claimed, fetched, content_hash, every, read)


@dataclass(frozen=True)
class _Claim:
    """A source that is ours to fetch, as it was when we claimed it."""

    source_id: int
    name: str
    url: str
    section: str | None
    etag: str | None
    last_modified: str | None
    content_hash: str | None
    failures: int
    is_first: bool
    at: datetime
    until: datetime
    # By a clock that nobody sets, in seconds.
    began: float

    @property
    def manner(self) -> str:
        """What, beside its bytes, decides what comes of a feed: our reader, and our settings.

        With nothing behind it: what was read, and will be read otherwise once its dates have come.
        """
        section = hashlib.sha256((self.section or "").encode()).hexdigest()[:8]
        return f"{READER_VERSION}-{section}-"


def _ask(fetcher: Fetcher, claim: _Claim, bounds: Bounds) -> Fetched:
    """Fetch a feed; only if it has changed, where what we have of it is as we read it now."""
    if not (claim.content_hash or "").startswith(claim.manner):
        return fetcher.fetch(claim.url, bounds)
    return fetcher.fetch(claim.url, bounds, etag=claim.etag, last_modified=claim.last_modified)


def _content_hash(claim: _Claim, fetched: Fetched) -> str | None:
    """Return what tells that all of a feed would be read as it was last time."""
    if fetched.content is None:
        return claim.content_hash
    # Its address is what its links are relative to.
    given = hashlib.sha256(f"{fetched.charset}\n{fetched.url}\n".encode())
    given.update(fetched.content)
    return claim.manner + given.hexdigest()


def _claim(database: Database, source_id: int, now: datetime, only_if_due: bool) -> _Claim | None:
    with database.transaction() as session:
        source = session.get(Source, source_id)
        if source is None:
            raise NotFoundError(f"There is no source {source_id}. See them: digest source list")
        waits = source.paused_at is not None or source.next_fetch_at > now
        if source.retired_at is not None or (only_if_due and waits):
            return None
        claim = _Claim(
            source_id,
            source.name,
            source.url,
            source.section,
            source.etag,
            source.last_modified,
            # None: what has never been read in full is read.
            source.content_hash if source.succeeded_at is not None else None,
            source.failures,
            is_first=source.succeeded_at is None,
            at=now,
            until=now + CLAIM,
            began=time.monotonic(),
        )
        # What was seen is in the condition: of two who saw it, one gets it.
        seen = source.next_fetch_at
        won = session.execute(
            update(Source)
            .where(Source.id == source_id, Source.next_fetch_at == seen)
            .values(next_fetch_at=claim.until, fetched_at=now)
            .returning(Source.id)
        ).scalar()
        return None if won is None else claim


def _store(
    database: Database,
    claim: _Claim,
    feed: Feed,
    now: datetime,
) -> list[Change | None]:
    """Bring in the articles of a feed; return what became of each, None of what cannot be used."""
    # The newest last, so that it is the last to have come in.
    entries = usable_articles((_given(article, claim) for article in feed.articles[::-1]), now)
    keys = keys_of(entries)
    changes: list[Change | None] = [None] * (len(feed.articles) - len(entries))
    present: set[int] = set()
    # A few at a time, for SQLite has one writer.
    for first in range(0, len(entries), STORED_AT_ONCE):
        with database.transaction() as session:
            source = session.get_one(Source, claim.source_id)
            some = entries[first : first + STORED_AT_ONCE]
            done = bring_in_all(session, some, now, source, keys)
            session.flush()
            changes += [change for _, change in done]
            present |= {article.id for article, _ in done}
    note_missing(database, claim.source_id, present, now)
    return changes


def _given(article: NewArticle, claim: _Claim) -> NewArticle:
    return replace(
        article,
        section=article.section or claim.section,
        # What was there before us is as old as it says, so that it does not flood an issue; and
        # no news where it does not say.
        first_seen_at=article.published_at if claim.is_first else None,
        backlog=claim.is_first and article.published_at is None,
    )


def _succeed(
    database: Database,
    claim: _Claim,
    fetched: Fetched,
    content_hash: str | None,
    every: timedelta,
    result: SourceFetched,
) -> SourceFetched:
    """Note that all is well, and where the feed has moved for good, if it has."""
    values: dict[str, Any] = {
        "next_fetch_at": claim.at + every,
        "succeeded_at": claim.at,
        "failures": 0,
        "last_error": None,
    }
    if fetched.content is not None:
        values |= {
            "etag": fetched.etag,
            "last_modified": fetched.last_modified,
            # Not before every entry is stored.
            "content_hash": content_hash,
        }
    with database.transaction() as session:
        moved_to = _new_address(session, claim, fetched)
        if moved_to is not None:
            values["url"] = moved_to
        return _finish(session, claim, values, replace(result, moved_to=moved_to))


def _new_address(session: Session, claim: _Claim, fetched: Fetched) -> str | None:
    """Return what to follow a feed to: what answered, with a feed, and is nobody else's."""
    try:
        moved_to = web_url(fetched.moved_to or "")
    except ValueError:
        return None
    if claim.url.startswith("https:") and not moved_to.startswith("https:"):
        return None
    known = session.scalar(
        select(Source.id).where(Source.url == moved_to, Source.retired_at.is_(None))
    )
    return moved_to if known is None else None


def _fail(
    database: Database, claim: _Claim, error: FetchError | FeedError, result: SourceFetched
) -> SourceFetched:
    wait = backoff(claim.failures)
    if isinstance(error, FetchError):
        wait = max(wait, error.wait)
    values = {
        "next_fetch_at": claim.at + wait,
        "failures": claim.failures + 1,
        "last_error": str(error)[:ERROR_AT_MOST],
    }
    with database.transaction() as session:
        return _finish(session, claim, values, replace(result, error=str(error)))


def backoff(failures: int, draw: random.Random | None = None) -> timedelta:
    """Return how long to leave a source alone that has failed so often before: 15 min to 24 h."""
    wait = min(FIRST_BACKOFF * 2.0 ** min(failures, 10), LONGEST_BACKOFF)
    # Sources that failed together need not come back together.
    spread: float = (draw or random).uniform(1 - JITTER, 1)
    return wait * spread


def _finish(
    session: Session, claim: _Claim, values: dict[str, Any], result: SourceFetched
) -> SourceFetched:
    # Whoever has claimed it since knows better.
    session.execute(
        update(Source)
        .where(Source.id == claim.source_id, Source.next_fetch_at == claim.until)
        .values(**values)
    )
    note_fetch(
        session,
        SourceFetch(
            source_id=claim.source_id,
            began_at=claim.at,
            last_at=claim.at,
            took_ms=round((time.monotonic() - claim.began) * 1000),
            unchanged=result.unchanged,
            added=result.added,
            changed=result.changed,
            unusable=result.unusable,
            moved_to=result.moved_to,
            error=result.error and result.error[:ERROR_AT_MOST],
        ),
    )
    return result

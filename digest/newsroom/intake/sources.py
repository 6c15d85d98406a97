"""Sources: the feeds that articles come from."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from digest.database.adding import add_unless_there
from digest.errors import FieldError, NotFoundError, RefusedError
from digest.models import Source
from digest.newsroom.intake.links import web_url
from digest.newsroom.intake.sanitising import one_line

NAME_AT_MOST = 200
SECTION_AT_MOST = 60
PRIORITY_AT_MOST = 14
KNOWN = "There is a source with that address already."


def add_source(
    session: Session,
    url: str,
    now: datetime,
    *,
    name: str = "",
    section: str | None = None,
    priority: int = 0,
) -> Source:
    """Add a feed; it is due to be fetched at once.

    `section` is for its articles that name none. `priority` counts as days of freshness when an
    issue is composed. Without a name it is called by its host.

    Raises:
        FieldError: a value cannot be used, or the feed is known already.
    """
    url = _feed_url(url)
    source = Source(
        url=url,
        name=_name(name, url),
        section=_section(section),
        priority=_priority(priority),
        next_fetch_at=now,
        created_at=now,
    )
    if not add_unless_there(session, source):
        raise FieldError("url", KNOWN)
    return source


@dataclass(frozen=True)
class SourceChange:
    """What to change of a source; None leaves a value as it is, and an empty section is none."""

    url: str | None = None
    name: str | None = None
    section: str | None = None
    priority: int | None = None


def edit_source(session: Session, source_id: int, change: SourceChange, now: datetime) -> Source:
    """Change a source. One with a new address is fetched at once, as if for the first time.

    So what was at that address before us is as old as it says, and floods no issue.

    Raises:
        FieldError: a value cannot be used, or another source has that address.
        NotFoundError: there is no such source.
        RefusedError: it is retired.
    """
    source = find_source(session, source_id)
    if change.name is not None:
        source.name = _name(change.name, source.url)
    if change.section is not None:
        source.section = _section(change.section)
    if change.priority is not None:
        source.priority = _priority(change.priority)
    url = _feed_url(change.url) if change.url is not None else source.url
    if url != source.url:
        _move(session, source, url, now)
    session.flush()
    return source


def _move(session: Session, source: Source, url: str, now: datetime) -> None:
    try:
        with session.begin_nested():
            source.url, source.next_fetch_at = url, now
            source.etag = source.last_modified = source.last_error = source.succeeded_at = None
            source.failures = 0
    except IntegrityError:
        raise FieldError("url", KNOWN) from None


def pause_source(session: Session, source_id: int, now: datetime) -> Source:
    """Fetch a source no more until it is resumed; its articles may be picked as before.

    Raises: as `find_source`.
    """
    source = find_source(session, source_id)
    source.paused_at = source.paused_at or now
    session.flush()
    return source


def resume_source(session: Session, source_id: int, now: datetime) -> Source:
    """Fetch a paused source again, from now on; one that failed gets a fresh start.

    Raises: as `find_source`.
    """
    source = find_source(session, source_id)
    source.paused_at, source.next_fetch_at, source.failures = None, now, 0
    session.flush()
    return source


def retire_source(session: Session, source_id: int, now: datetime) -> Source:
    """Give a source up: it is fetched no more, and the rule picks its articles no more.

    What issues have already stays in them. Its articles stay known, so that none comes back as
    new; a source that is added later with one of them takes it over.

    Raises: as `find_source`.
    """
    source = find_source(session, source_id)
    source.retired_at = now
    session.flush()
    # Another feed that has some of its articles takes them over when it is read in full again.
    session.execute(update(Source).where(Source.id != source.id).values(content_hash=None))
    return source


def find_source(session: Session, source_id: int) -> Source:
    """Return a source in use.

    Raises:
        NotFoundError: there is no such source.
        RefusedError: it is retired.
    """
    source = session.get(Source, source_id, with_for_update=True)
    if source is None:
        raise NotFoundError(f"There is no source {source_id}. See them: digest source list")
    if source.retired_at is not None:
        raise RefusedError(
            f"{source.name} (source {source.id}) is retired. To have it back, add it anew: "
            f"digest source add {source.url}"
        )
    return source


def _feed_url(url: str) -> str:
    try:
        return web_url(url)
    except ValueError as error:
        raise FieldError("url", str(error)) from None


def _name(name: str, url: str) -> str:
    return (one_line(name) or urlsplit(url).hostname or url)[:NAME_AT_MOST]


def _section(section: str | None) -> str | None:
    return one_line(section or "")[:SECTION_AT_MOST] or None


def _priority(priority: int) -> int:
    if abs(priority) > PRIORITY_AT_MOST:
        raise FieldError("priority", f"Give -{PRIORITY_AT_MOST} to {PRIORITY_AT_MOST} days.")
    return priority

"""Sources: the feeds that articles come from."""

from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from digest.errors import FieldError
from digest.models import Source
from digest.newsroom.intake.links import web_url
from digest.newsroom.intake.sanitising import one_line

NAME_AT_MOST = 200
SECTION_AT_MOST = 60
PRIORITY_AT_MOST = 14


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
    try:
        url = web_url(url)
    except ValueError as error:
        raise FieldError("url", str(error)) from None
    if abs(priority) > PRIORITY_AT_MOST:
        raise FieldError("priority", f"Give -{PRIORITY_AT_MOST} to {PRIORITY_AT_MOST} days.")
    source = Source(
        url=url,
        name=(one_line(name) or urlsplit(url).hostname or url)[:NAME_AT_MOST],
        section=one_line(section or "")[:SECTION_AT_MOST] or None,
        priority=priority,
        next_fetch_at=now,
        created_at=now,
    )
    try:
        with session.begin_nested():
            session.add(source)
    except IntegrityError:
        raise FieldError("url", "There is a source with that address already.") from None
    return source

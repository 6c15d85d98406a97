"""A source's history: its single fetches, each run of them with nothing else to tell as one row."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import case, delete, func, or_, select, update
from sqlalchemy.orm import Session

from digest.models import SourceFetch

KEPT_ROWS = 50
KEPT_FOR = timedelta(days=90)


class Told(Protocol):
    """What is known of a fetch: of one that was just made, or of one in the history."""

    @property
    def unchanged(self) -> bool: ...
    @property
    def added(self) -> int: ...
    @property
    def changed(self) -> int: ...
    @property
    def unusable(self) -> int: ...
    @property
    def moved_to(self) -> str | None: ...
    @property
    def error(self) -> str | None: ...


def fetch_in_words(fetched: Told) -> str:
    """Return what came of a fetch, in sentences; the first may begin small."""
    if fetched.error is not None:
        return fetched.error
    said = "nothing has changed."
    if not fetched.unchanged:
        said = f"{fetched.added} new, {fetched.changed} changed."
    if fetched.unusable:
        said += f" {fetched.unusable} could not be used: without a title or a page."
    if fetched.moved_to is not None:
        said += f" The feed has moved to {fetched.moved_to}."
    return said


def note_fetch(session: Session, made: SourceFetch) -> None:
    """Write a fetch down, in the transaction in which its result is written.

    Where it has no more to tell than the one before, that one is counted up: a feed that is asked
    every quarter of an hour and does not change is one row.
    """
    if not (made.added or made.changed or made.moved_to) and _again(session, made):
        return
    session.add(made)


def _again(session: Session, made: SourceFetch) -> bool:
    newest = select(func.max(SourceFetch.id)).where(SourceFetch.source_id == made.source_id)
    found = session.execute(
        update(SourceFetch)
        .where(
            SourceFetch.id == newest.scalar_subquery(),
            SourceFetch.unchanged == made.unchanged,
            SourceFetch.added == 0,
            SourceFetch.changed == 0,
            SourceFetch.unusable == made.unusable,
            SourceFetch.moved_to.is_(None),
            SourceFetch.error.is_not_distinct_from(made.error),
        )
        .values(
            times=SourceFetch.times + 1,
            last_at=made.last_at,
            took_ms=case(
                (SourceFetch.took_ms < made.took_ms, made.took_ms), else_=SourceFetch.took_ms
            ),
        )
        .returning(SourceFetch.id)
        .execution_options(synchronize_session=False)
    )
    return found.first() is not None


def when_in_words(fetched: SourceFetch, at: Callable[[datetime], str]) -> str:
    """Return when a fetch was, or the run of them that its row is; `at` writes a moment."""
    if fetched.times == 1:
        return at(fetched.began_at)
    return f"{at(fetched.began_at)} to {at(fetched.last_at)}, {fetched.times:,} times"


def list_fetches(session: Session, source_id: int, at_most: int = KEPT_ROWS) -> list[SourceFetch]:
    """Return a source's history, the newest first."""
    theirs = select(SourceFetch).where(SourceFetch.source_id == source_id)
    return list(session.scalars(theirs.order_by(SourceFetch.id.desc()).limit(at_most)))


def forget_fetches(session: Session, now: datetime) -> None:
    """Delete what is older than 90 days, and all but the newest 50 rows of each source."""
    place = func.row_number().over(
        partition_by=SourceFetch.source_id, order_by=SourceFetch.id.desc()
    )
    placed = select(SourceFetch.id, place.label("place")).subquery()
    more = select(placed.c.id).where(placed.c.place > KEPT_ROWS)
    old = SourceFetch.last_at < now - KEPT_FOR
    session.execute(
        delete(SourceFetch)
        .where(or_(old, SourceFetch.id.in_(more)))
        .execution_options(synchronize_session=False)
    )

"""A list of readers, for people and as CSV."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from digest.models import (
    Newsletter,
    Subscriber,
    Subscription,
)
from digest.spreadsheet import csv_cell, csv_line


@dataclass(frozen=True)
class ReaderRow:
    """One line of the list: a reader's period of a newsletter."""

    email: str
    name: str | None
    newsletter: str
    topics: list[str]
    site: str
    started_at: datetime
    paused_until: datetime | None
    ended_at: datetime | None
    ended_reason: str | None


COLUMNS = (
    "email",
    "name",
    "newsletter",
    "topics",
    "site",
    "started_at",
    "paused_until",
    "ended_at",
    "ended_reason",
)


def list_readers(
    session: Session,
    newsletter: str | None = None,
    *,
    ended: bool = False,
    at_most: int | None = None,
) -> Iterator[ReaderRow]:
    """Yield active periods (with `ended`, those that are over too), without holding them all.

    Read them to the end: for fewer, say `at_most`.
    """
    statement = (
        select(Subscription, Subscriber.email, Subscriber.name, Newsletter.slug)
        .join(Subscription.subscriber)
        .join(Subscription.newsletter)
        .where(Subscriber.email.is_not(None))
        .order_by(Subscription.id)
        .limit(at_most)
        .execution_options(yield_per=1000)
    )
    if newsletter is not None:
        statement = statement.where(Newsletter.slug == newsletter)
    if not ended:
        statement = statement.where(Subscription.ended_at.is_(None))
    for period, email, name, slug in session.execute(statement):
        yield ReaderRow(
            email=email or "",
            name=name,
            newsletter=slug,
            topics=list(period.topics),
            site=period.site,
            started_at=period.started_at,
            paused_until=period.paused_until,
            ended_at=period.ended_at,
            ended_reason=period.ended_reason.value if period.ended_reason else None,
        )


def count_readers(session: Session, newsletter: str | None = None) -> int:
    """Return how many active periods there are: for a progress bar, before `list_readers`."""
    statement = (
        select(func.count())
        .select_from(Subscription)
        .join(Subscription.newsletter)
        .where(Subscription.ended_at.is_(None))
    )
    if newsletter is not None:
        statement = statement.where(Newsletter.slug == newsletter)
    return session.scalar(statement) or 0


def csv_lines(rows: Iterator[ReaderRow]) -> Iterator[str]:
    """Yield a CSV file (RFC 4180) line by line, safe to open in a spreadsheet."""
    yield csv_line(COLUMNS)
    for row in rows:
        yield csv_line([csv_cell(getattr(row, column)) for column in COLUMNS])

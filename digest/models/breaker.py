"""What keeps mail waiting: the breaker of each relay, and how long issues waited for what."""

import enum
from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from digest.database.tables import Base, IndexOfSome


class BreakerState(enum.StrEnum):
    """Closed: mail flows. Open: nobody calls the relay. Half open: one worker tries it."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Breaker(Base):
    """One row for a relay (`host:port`) that ever was in trouble; all moments by the database.

    `failures`: how many times in a row it was tried in vain. `probe` is the token of the worker
    that tries it, until `probe_until`.
    """

    __tablename__ = "breaker"

    relay: Mapped[str] = mapped_column(String(300), primary_key=True)
    state: Mapped[BreakerState]
    reason: Mapped[str | None] = mapped_column(String(500))
    failures: Mapped[int] = mapped_column(default=0)
    opened_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]
    next_probe_at: Mapped[datetime | None]
    probe: Mapped[bytes | None] = mapped_column(LargeBinary(16))
    probe_until: Mapped[datetime | None]


class Wait(Base):
    """A time in which an issue was parked, and why; `ended_at` is NULL while it is."""

    __tablename__ = "wait"
    __table_args__ = (
        Index("ix_wait_issue_id", "issue_id"),
        IndexOfSome(
            "uq_wait_open",
            "issue_id",
            unique=True,
            rows="ended_at IS NULL",
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    issue_id: Mapped[int] = mapped_column(ForeignKey("issue.id", ondelete="CASCADE"))
    reason: Mapped[str] = mapped_column(String(500))
    began_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

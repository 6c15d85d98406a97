"""The calendar's clock: one place that knows what time it is.

Leases use the database's clock instead (see `digest.database.tables.database_now`), because several
machines must agree on them.
"""

from calendar import monthrange
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Anything that tells the time."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        ...


@dataclass(frozen=True)
class SystemClock:
    """The machine's clock, shifted by `offset` (demo and chaos tests move it)."""

    offset: timedelta = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset


@dataclass
class FixedClock:
    """A clock that a test sets and moves."""

    at: datetime = field(default_factory=lambda: datetime(2026, 11, 14, 6, 0, tzinfo=UTC))

    def now(self) -> datetime:
        return self.at

    def advance(self, by: timedelta) -> None:
        """Move the clock by `by`, which may be negative."""
        self.at += by


def months_before(moment: datetime, months: int) -> datetime:
    """Return the same day and time `months` earlier, or that month's last day."""
    year, month = divmod(moment.year * 12 + moment.month - 1 - months, 12)
    day = min(moment.day, monthrange(year, month + 1)[1])
    return moment.replace(year=year, month=month + 1, day=day)

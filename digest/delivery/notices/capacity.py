"""How many notices can be sent within a minute, as was seen, and how many wait.

What comes in faster than that for long has mails go out minutes late: the pages for sign-ups then
ask to come again later.
"""

from typing import NamedTuple

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from digest.database.tables import database_now
from digest.database.transactions import Database
from digest.models import Notice, NoticeState, Relay

# Until it was seen how many there can be.
UNSEEN = 600
# Fewer at once tell little: most of their time goes by with calling the relay.
TELLING = 100
# The last one counts this much: one slow minute of the relay's does not shut the doors.
WEIGHT = 0.5


class Backlog(NamedTuple):
    """`waiting`: how many notices are due, counted up to `a_minute` and one more."""

    waiting: int
    a_minute: int

    @property
    def is_full(self) -> bool:
        """Whether what comes now would be sent in more than a minute."""
        return self.waiting > self.a_minute


def backlog(session: Session, relay: str) -> Backlog:
    """Return what waits for the relay `name`. What waits for it to come back is not due."""
    seen = session.scalar(select(Relay.notices_a_minute).where(Relay.name == relay))
    a_minute = max(seen or 0, UNSEEN)
    due = (
        select(Notice.id)
        .where(Notice.state == NoticeState.QUEUED, Notice.next_attempt_at <= database_now())
        .limit(a_minute + 1)
    )
    return Backlog(session.scalar(select(func.count()).select_from(due.subquery())) or 0, a_minute)


def note_rate(database: Database, relay: str, accepted: int, seconds: float) -> None:
    """Note how fast a run of notices went, if it was long enough to tell."""
    if accepted < TELLING or seconds <= 0:
        return
    seen = round(accepted * 60 / seconds)
    before = func.coalesce(Relay.notices_a_minute, seen)
    values = {"notices_a_minute": func.round(before * (1 - WEIGHT) + seen * WEIGHT)}
    with database.transaction() as session:
        session.execute(update(Relay).where(Relay.name == relay).values(values))

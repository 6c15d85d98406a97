"""How many notices can be sent within a minute, as was seen, and how many wait.

What comes in faster than that for long has mails go out minutes late: the pages for sign-ups then
ask to come again later.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, exists, func, select, update
from sqlalchemy.orm import Session

from digest.database.tables import database_now
from digest.database.transactions import Database
from digest.models import Breaker, BreakerState, Notice, NoticeState, Relay

# Until it was seen how many there can be.
UNSEEN = 600
# Fewer at once tell little: most of their time goes by with calling the relay.
TELLING = 100
# What is due for so long nobody sends: no worker for notices runs.
STALLED_SECONDS = 120
# The last one counts this much: one slow minute of the relay's does not shut the doors.
WEIGHT = 0.5


class Backlog(NamedTuple):
    """`waiting`: how many notices are due, counted up to `a_minute` and one more.

    While nobody sends, how many were queued within the last minute.
    """

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
    if session.scalar(select(_away(relay) | exists().where(_is_due(STALLED_SECONDS)))):
        # However many wait, they keep no later ones out; but a flood must not go on for as long.
        newest = select(Notice.released_at).order_by(Notice.id.desc()).limit(a_minute + 1)
        lately = newest.subquery().c.released_at > database_now(-60)
        waiting = select(func.count()).where(lately)
    else:
        due = select(Notice.id).where(_is_due(0)).limit(a_minute + 1).subquery()
        waiting = select(func.count()).select_from(due)
    return Backlog(session.scalar(waiting) or 0, a_minute)


def _away(relay: str) -> ColumnElement[bool]:
    return exists().where(Breaker.relay == relay, Breaker.state != BreakerState.CLOSED)


def _is_due(seconds: float) -> ColumnElement[bool]:
    since = database_now(-seconds)
    return and_(Notice.state == NoticeState.QUEUED, Notice.next_attempt_at <= since)


def note_rate(database: Database, relay: str, runs: Sequence[tuple[int, float]]) -> None:
    """Note how fast notices went that went side by side, if they were enough to tell.

    `runs`: of each connection how many were accepted, and the seconds in which more waited than it
    could send. What goes as slowly as it comes in tells nothing.
    """
    if sum(accepted for accepted, _ in runs) < TELLING:
        return
    seen = round(sum(accepted * 60 / seconds for accepted, seconds in runs if seconds > 0))
    before = func.coalesce(Relay.notices_a_minute, seen)
    values = {"notices_a_minute": func.round(before * (1 - WEIGHT) + seen * WEIGHT)}
    with database.transaction() as session:
        session.execute(update(Relay).where(Relay.name == relay).values(values))

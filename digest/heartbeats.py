"""Notes of when something was last done: a row each, under its name."""

from datetime import datetime, timedelta

from sqlalchemy import update
from sqlalchemy.orm import Session

from digest.database.adding import add_unless_there
from digest.models import Heartbeat


def beat(session: Session, name: str, now: datetime) -> None:
    """Note that a part of the machinery is alive; `digest doctor` and /readyz look at it."""
    known = session.execute(
        update(Heartbeat).where(Heartbeat.name == name).values(at=now).returning(Heartbeat.name)
    )
    if known.first() is None:
        # The first two ever may come at once.
        add_unless_there(session, Heartbeat(name=name, at=now))


def is_due(session: Session, name: str, now: datetime, every: timedelta) -> bool:
    """Tell whether what is done so often has not been done for so long, or never."""
    last = session.get(Heartbeat, name)
    # A clock that was put back must not wait for its time to come again.
    return last is None or not last.at <= now < last.at + every

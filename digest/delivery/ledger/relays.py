"""What is known of each relay, kept for every process: written by whoever connects."""

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from digest.database.adding import add_unless_there
from digest.database.tables import database_now
from digest.database.transactions import Database
from digest.delivery.relay.habits import Habits
from digest.logs import get_logger
from digest.models import Relay

# Somebody may have set it right; to find out costs one time-out, or one connection.
FORGOTTEN_AFTER = timedelta(days=30)
# Who connects to a relay that was seen so lately writes nothing.
SEEN_EVERY = timedelta(minutes=10)

log = get_logger(__name__)


def habits_of(session: Session, name: str) -> Habits:
    """Return what was learnt of the relay `name` (`host:port`), if it is not too long ago."""
    found = session.execute(
        select(Relay.dot_alone, Relay.refusals_at_most).where(
            Relay.name == name,
            Relay.learnt_at > database_now(-FORGOTTEN_AFTER.total_seconds()),
        )
    ).one_or_none()
    return Habits(*found) if found else Habits()


def note_relay(database: Database, name: str, offers: tuple[str, ...]) -> None:
    """Note that the relay answered, and what it offers, unless it was noted so lately."""
    with database.reading() as session:
        if _is_seen(session, name, offers):
            return
    with database.transaction() as session:
        _write(session, name, {"offers": list(offers), "seen_at": database_now()})


def note_habits(database: Database, name: str, habits: Habits) -> None:
    """Note what was learnt, if it is news, of a relay that was noted before."""
    if not habits.learnt:
        return
    # Cleared before, as another connection may learn more meanwhile.
    habits.learnt = False
    values = {
        "dot_alone": habits.dot_alone,
        "refusals_at_most": habits.refusals_at_most,
        "learnt_at": database_now(),
    }
    try:
        with database.transaction() as session:
            session.execute(update(Relay).where(Relay.name == name).values(values))
    except BaseException:
        habits.learnt = True
        raise
    log.info("the relay has a habit", relay=name, habits=str(habits))


def _is_seen(session: Session, name: str, offers: tuple[str, ...]) -> bool:
    seen = session.scalar(
        select(Relay.offers).where(
            Relay.name == name,
            Relay.seen_at > database_now(-SEEN_EVERY.total_seconds()),
        )
    )
    return seen == list(offers)


def _write(session: Session, name: str, values: Mapping[str, object]) -> None:
    known = update(Relay).where(Relay.name == name).values(values).returning(Relay.name)
    if session.execute(known).first() is not None:
        return
    # Unless another found it at the same moment.
    add_unless_there(session, Relay(name=name, dot_alone=False, **values))

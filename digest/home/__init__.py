"""Where the database lives: recorded in it, and compared with where it is found.

A database that was brought back from a backup, or copied, does not know what was sent since. So
nothing is mailed from one that is not where it says that it lives, until a person accepts that
(digest.delivery.restoring). docs/decisions/0013-restored-or-copied.md tells what is seen, and what
cannot be.
"""

from dataclasses import dataclass
from datetime import datetime
from weakref import WeakKeyDictionary

from sqlalchemy import ColumnElement, Engine, exists, false, func, select, true
from sqlalchemy.orm import Session, aliased

from digest.database.transactions import Database
from digest.errors import RefusedError
from digest.home import file, server
from digest.models import Home

UNRECORDED = (
    "it does not say yet where it lives, as one of an older version that was upgraded, or brought "
    "back from a backup"
)

_conditions: WeakKeyDictionary[Engine, ColumnElement[bool]] = WeakKeyDictionary()


@dataclass(frozen=True)
class Whereabouts:
    """What a look at the database found.

    `why` ends the sentence “This database was restored or copied: …”. `unread` names what
    PostgreSQL does not tell this user.
    """

    moved: bool
    why: str = ""
    unread: tuple[str, ...] = ()


def look(session: Session) -> Whereabouts:
    """Compare where the database is with where it says that it lives."""
    if _is_sqlite(session):
        why = _change_of_file(session)
        return Whereabouts(why is not None, why or "")
    unread = server.unread(session)
    home = session.execute(
        select(Home.identity, server.identity(session)).order_by(Home.id.desc()).limit(1)
    ).first()
    if home is None:
        return Whereabouts(True, UNRECORDED, unread)
    known, found = home
    moved = known != found
    return Whereabouts(moved, server.change(known, found) if moved else "", unread)


def at_home(session: Session) -> ColumnElement[bool]:
    """Return the condition that the database is where it lives, for a statement that sends.

    The same object each time, as far as it says the same: a statement may be kept by it.
    """
    if _is_sqlite(session):
        return true() if _change_of_file(session) is None else false()
    engine = session.connection().engine
    if engine not in _conditions:
        identity = server.identity(session)
        _conditions[engine] = exists().where(Home.id == _newest_id(), Home.identity == identity)
    return _conditions[engine]


def refuse_if_moved(session: Session) -> None:
    """Raise RefusedError, with the command that says more, where nothing may be sent."""
    if look(session).moved:
        raise RefusedError(
            "This database was restored or copied, and nothing is sent from it until somebody has "
            "said that it may be. See: digest doctor"
        )


def settle(database: Database, now: datetime) -> Whereabouts:
    """Record where a database lives that has nothing yet to send; return where it is found."""
    with database.reading() as session:
        found = look(session)
        if not found.moved or has_something_to_send(session):
            return found
    with database.transaction() as session:
        settle_if_empty(session, now)
        return look(session)


def settle_if_empty(session: Session, now: datetime) -> None:
    """Record where the database lives, unless it has a newsletter, or knows it already.

    Nothing can be sent again from it: a new one that is copied before it is used (from a template,
    say) needs nobody's word.
    """
    if look(session).moved and not has_something_to_send(session):
        record(session, now)


def record(session: Session, now: datetime) -> None:
    """Record that the database lives where it is found now."""
    if _is_sqlite(session):
        identity, mark = file.settle(session)
        session.add(Home(identity=identity, mark=mark, recorded_at=now))
        session.flush()
        return
    home = Home(identity="", recorded_at=now)
    session.add(home)
    session.flush()
    server.settle(session, home.id)


def raise_mark(session: Session) -> None:
    """Note, in the database and beside it, that something is about to be sent.

    Does nothing on PostgreSQL. Call it last in a transaction: the file is written on its commit.
    """
    if _is_sqlite(session):
        file.raise_mark(session, _newest_id())


def has_something_to_send(session: Session) -> bool:
    """Return whether there is a newsletter: without one there is no reader."""
    # Late: seldom asked.
    from digest.models import Newsletter

    return session.scalar(select(Newsletter.id).limit(1)) is not None


def _is_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"


def _newest_id() -> ColumnElement[int]:
    # Under another name: within a statement on `home` it would be taken for that one's row.
    known = aliased(Home)
    return select(func.max(known.id)).scalar_subquery()


def _change_of_file(session: Session) -> str | None:
    newest = select(Home.identity, Home.mark).order_by(Home.id.desc()).limit(1)
    home = session.execute(newest).first()
    return UNRECORDED if home is None else file.change(session, home.identity, home.mark)

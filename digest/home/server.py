"""PostgreSQL: the server that the database is in, its history, and the row that says so.

A logical restore writes the row anew, in another transaction, so that it is seen within the same
server, and the same database, too. Recovery from an archive, and the promotion of a standby, begin
a new timeline. A copy of the data folder's files that is simply started has all of it in common
with the original: it cannot be told from within.
"""

from weakref import WeakKeyDictionary

from sqlalchemy import ColumnElement, Engine, String, literal_column, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from digest.database.transactions import is_outage
from digest.models import Home

UNREAD = "?"
# What a server may keep from its users. The timeline is that of the log's end: the control file's
# is the last checkpoint's, which comes a while after a promotion.
SERVERS_OWN = {
    "system": "(SELECT CAST(system_identifier AS text) FROM pg_control_system())",
    "timeline": "CASE WHEN pg_is_in_recovery() THEN '?' "
    "ELSE substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) END",
}
OURS = {
    "database": "(SELECT CAST(oid AS text) FROM pg_database WHERE datname = current_database())",
    "table": "CAST(home.tableoid AS text)",
    "transaction": "CAST(home.xmin AS text)",
}
CHANGES = {
    "system": "it lived in another PostgreSQL server",
    "database": "it lived in another database of this server",
    "table": "its tables were made anew, as by restoring a dump",
    "transaction": "its rows were written anew, as by restoring a dump",
    "timeline": "its server was restored, or a standby has taken over: it has a new timeline",
}

_readable: WeakKeyDictionary[Engine, dict[str, str]] = WeakKeyDictionary()


def identity(session: Session) -> ColumnElement[str]:
    """Return the expression for how the server and the present row of `home` are known."""
    parts = _parts(session) | OURS
    words = " || ';' || ".join(f"'{name}=' || {part}" for name, part in parts.items())
    return literal_column(f"({words})", String())


def unread(session: Session) -> tuple[str, ...]:
    """Name what this server does not tell this user."""
    return tuple(name for name, part in _parts(session).items() if part == f"'{UNREAD}'")


def settle(session: Session, home_id: int) -> None:
    """Complete a row that this same transaction has added."""
    session.execute(
        update(Home)
        .where(Home.id == home_id)
        .values(identity=identity(session))
        .execution_options(synchronize_session=False)
    )


def change(known: str, found: str) -> str:
    """Say what differs between two identities."""
    then, now = _read(known), _read(found)
    for name, words in CHANGES.items():
        if then.get(name) == now.get(name):
            continue
        if UNREAD in (then.get(name), now.get(name)):
            return f"what PostgreSQL tells its users of its {name} has changed"
        return words
    return "what is recorded of it cannot be read"


def _read(identity: str) -> dict[str, str]:
    return dict(part.partition("=")[::2] for part in identity.split(";"))


def _parts(session: Session) -> dict[str, str]:
    """Return the expressions that this user may read, asked once for a process's engine."""
    engine = session.connection().engine
    if engine not in _readable:
        _readable[engine] = {
            name: part if _may_read(session, part) else f"'{UNREAD}'"
            for name, part in SERVERS_OWN.items()
        }
    return _readable[engine]


def _may_read(session: Session, part: str) -> bool:
    # By trying: some services have the functions, allow them, and refuse when they are called.
    try:
        with session.begin_nested():
            session.execute(text(f"SELECT {part}"))
    except DBAPIError as error:
        if is_outage(error):
            raise
        return False
    return True

"""Statements that SQLAlchemy spells once, and libpq runs: those of every sign-up.

What SQLAlchemy and the driver do around a statement, each time that it runs, takes a process ten
times as long as libpq's own part. SQLAlchemy's transaction stays around them, and its errors are
what is raised.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlalchemy import CompoundSelect, Insert, Select
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from digest.database.spelling import Spelt, spell

if TYPE_CHECKING:
    from digest.database.libpq import Numbered

Reading = Select[*tuple[Any, ...]] | CompoundSelect[*tuple[Any, ...]]
# Where a pooled connection remembers by which names it knows statements.
NAMES = "digest_prepared"
# And what it is to tell PostgreSQL with whatever comes next.
LATER = "digest_later"


class Prepared:
    """One statement, whose parameters are all named.

    On PostgreSQL its rows are as the driver gives them: right for numbers, text, bytes and moments.
    """

    def __init__(self, statement: Reading | Insert) -> None:
        self._statement = statement
        self._spelt: Spelt | None = None
        # Asked of the driver, it would describe every column, each time.
        self._gives_rows = not isinstance(statement, Insert) or bool(statement.exported_columns)

    @cached_property
    def _numbered(self) -> "Numbered":
        # Late, here and below: SQLite does without this driver.
        from digest.database.libpq import Numbered

        return Numbered(self._statement)

    def run(self, connection: Connection, values: Mapping[str, object]) -> Sequence[Any]:
        """Run it within the connection's transaction; return the rows, by their columns' names.

        Over a connection of `Database.bare_transaction`, the driver is left out as well; no list
        of values can be given there.

        Raises:
            DBAPIError: as SQLAlchemy raises it.
        """
        if not _has_driver(connection):
            result = connection.execute(self._statement, values)
            return result.all() if result.returns_rows else ()
        try:
            info = connection.connection.info
            if NAMES in info:
                return self._numbered.run(_driver(connection), info[NAMES], info[LATER], values)
            return self._by_driver(connection, values)
        except connection.dialect.loaded_dbapi.Error as error:
            raise _as_sqlalchemys(connection, error) from error

    def rows(self, session: Session, **values: object) -> Sequence[Any]:
        """Run it within a session's transaction, after what is still to be written there.

        Raises:
            DBAPIError: as SQLAlchemy raises it.
        """
        if session.autoflush:
            session.flush()
        return self.run(session.connection(), values)

    def _by_driver(self, connection: Connection, values: Mapping[str, object]) -> Sequence[Any]:
        from psycopg.rows import namedtuple_row

        if self._spelt is None:
            self._spelt = spell(self._statement, connection.dialect)
        cursor = _driver(connection).cursor(row_factory=namedtuple_row)
        cursor.execute(self._spelt.text, self._spelt.bound(values), prepare=True)
        return cursor.fetchall() if self._gives_rows else ()


def tried(connection: Connection, write: Callable[[], None], *, keep: bool = True) -> None:
    """Write, in a transaction that has begun, and take it back if it breaks a rule or is not to be.

    The rest of the transaction stays. Kept or taken back, it takes as long.

    Raises:
        DBAPIError: whatever is no IntegrityError.
    """
    if not _has_driver(connection):
        nested = connection.begin_nested()
        if _written(write) and keep:
            nested.commit()
        else:
            nested.rollback()
        return
    _tell(connection, b"SAVEPOINT tried")
    kept = _written(write) and keep
    _tell(connection, b"RELEASE SAVEPOINT tried" if kept else b"ROLLBACK TO SAVEPOINT tried")


def _written(write: Callable[[], None]) -> bool:
    try:
        write()
    except IntegrityError:
        return False
    return True


def commit(connection: Connection) -> None:
    """Commit a bare transaction, with what was put off; SQLAlchemy's own commit finds it done.

    Raises:
        DBAPIError: as SQLAlchemy raises it.
    """
    if not _has_driver(connection) or connection.invalidated:
        return
    later = connection.connection.info.get(LATER)
    if later:
        connection.connection.info[LATER] = []
        _tell_now(connection, b"; ".join([*later, b"COMMIT"]))


def tell_what_was_put_off(connection: Connection, *_: Any) -> None:
    """Tell it before SQLAlchemy runs a statement of its own: an event of its engine."""
    later = connection.connection.info.get(LATER)
    if later:
        connection.connection.info[LATER] = []
        _tell_now(connection, b"; ".join(later))


def roll_back(connection: Connection) -> None:
    """Take back all that the transaction did; what is prepared stays so.

    SQLAlchemy's own rollback is still to come, and finds nothing left to do.

    Raises:
        DBAPIError: as SQLAlchemy raises it.
    """
    if _has_driver(connection) and not connection.invalidated:
        _tell_now(connection, b"ROLLBACK")


def _tell(connection: Connection, words: bytes) -> None:
    later = connection.connection.info.get(LATER)
    if later is None:
        _tell_now(connection, words)
    else:
        later.append(words)


def _tell_now(connection: Connection, words: bytes) -> None:
    from digest.database.libpq import command

    # Below the driver's cursors: they forget all plans when they see a ROLLBACK, and whoever comes
    # next would feel what became of this one.
    try:
        command(_driver(connection), words)
    except connection.dialect.loaded_dbapi.Error as error:
        raise _as_sqlalchemys(connection, error) from error


def _has_driver(connection: Connection) -> bool:
    return connection.dialect.name == "postgresql"


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection


def _as_sqlalchemys(connection: Connection, error: Any) -> DBAPIError:
    dialect = connection.dialect
    lost = dialect.is_disconnect(error, _driver(connection), None)
    if lost:
        connection.invalidate(error)
        # The others of the pool are as old: all are made anew.
        connection.engine.dispose()
    wrapped: DBAPIError = DBAPIError.instance(
        None,
        None,
        error,
        dialect.loaded_dbapi.Error,
        hide_parameters=True,
        connection_invalidated=lost,
        dialect=dialect,
    )
    return wrapped

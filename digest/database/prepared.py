"""Statements that SQLAlchemy spells once, and libpq runs: those of every sign-up.

What SQLAlchemy and the driver do around a statement, each time that it runs, takes a process ten
times as long as libpq's own part. SQLAlchemy's transaction stays around them, and its errors are
what is raised.
"""

from collections import namedtuple
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from functools import cached_property, partial
from typing import Any, cast

from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import FeatureNotSupported, InvalidSqlStatementName
from psycopg.pq import ExecStatus, Format, TransactionStatus
from psycopg.rows import namedtuple_row
from sqlalchemy import CompoundSelect, Insert, Select
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from digest.database.libpq import Send, command, last_of, together
from digest.database.spelling import Spelt, spell

Reading = Select[*tuple[Any, ...]] | CompoundSelect[*tuple[Any, ...]]
# Where a pooled connection remembers by which names it knows statements.
NAMES = "digest_prepared"
MADE = "digest_prepared_so_far"
# And what it is to tell PostgreSQL with whatever comes next.
LATER = "digest_later"


_numbering: Callable[[], Dialect] = partial(PGDialect_psycopg, paramstyle="numeric_dollar")


class Prepared:
    """One statement, whose parameters are all named.

    On PostgreSQL its rows are as the driver gives them: right for numbers, text, bytes and moments.
    """

    def __init__(self, statement: Reading | Insert) -> None:
        self._statement = statement
        self._spelt: Spelt | None = None
        self._make_row: Callable[[Sequence[Any]], Any] | None = None
        # Asked of the driver, it would describe every column, each time.
        self._gives_rows = not isinstance(statement, Insert) or bool(statement.exported_columns)

    @cached_property
    def _numbered(self) -> Spelt:
        return spell(self._statement, _numbering())

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
            if NAMES in connection.connection.info:
                return self._by_libpq(connection, values)
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
        if self._spelt is None:
            self._spelt = spell(self._statement, connection.dialect)
        cursor = _driver(connection).cursor(row_factory=namedtuple_row)
        cursor.execute(self._spelt.text, self._spelt.bound(values), prepare=True)
        return cursor.fetchall() if self._gives_rows else ()

    def _by_libpq(self, connection: Connection, values: Mapping[str, object]) -> Sequence[Any]:
        pooled, spelt = connection.connection, self._numbered
        driver: Any = pooled.driver_connection
        bound = spelt.bound(values)
        given = [bound[name] for name in spelt.order]
        # PostgreSQL knows what each is: as text, a number may be of any size.
        formats = [PyFormat.BINARY if isinstance(each, bytes) else PyFormat.TEXT for each in given]
        adapter = Transformer(driver)
        parameters = adapter.dump_sequence(given, formats)
        result = self._ask(driver, pooled.info, parameters, adapter.formats)
        if result.status == ExecStatus.COMMAND_OK:
            return ()
        adapter.set_pgresult(result)
        return adapter.load_rows(0, result.ntuples, self._row_maker(result))

    def _ask(
        self,
        driver: Any,
        info: MutableMapping[Any, Any],
        parameters: Sequence[Any],
        formats: Sequence[Format] | None,
    ) -> Any:
        begins = driver.pgconn.transaction_status == TransactionStatus.IDLE
        later, names = info[LATER], info[NAMES]
        known = self in names
        try:
            return last_of(self._ask_once(driver, info, parameters, formats))
        except (InvalidSqlStatementName, FeatureNotSupported):
            if not known:
                raise
            # PostgreSQL was made to forget, or a migration changed what the rows hold: all is
            # prepared anew, and what had not begun before can be begun again.
            names.clear()
            if not begins:
                raise
        command(driver, b"ROLLBACK")
        info[LATER] = later
        return self._ask(driver, info, parameters, formats)

    def _ask_once(
        self,
        driver: Any,
        info: MutableMapping[Any, Any],
        parameters: Sequence[Any],
        formats: Sequence[Format] | None,
    ) -> Sequence[Any]:
        sends = [_sending(each) for each in _put_off(driver, info)]
        name = known = info[NAMES].get(self)
        if name is None:
            info[MADE] = info.get(MADE, 0) + 1
            name = b"digest_%d" % info[MADE]
            words = self._numbered.text.encode()
            sends.append(lambda libpq: libpq.send_prepare(name, words))
        sends.append(
            lambda libpq: libpq.send_query_prepared(name, parameters, formats, Format.BINARY)
        )
        results = together(driver, sends)
        if known is None and results[-2].status == ExecStatus.COMMAND_OK:
            # It stays, whatever becomes of the transaction.
            info[NAMES][self] = name
        return results

    def _row_maker(self, result: Any) -> Callable[[Sequence[Any]], Any]:
        if self._make_row is None:
            columns = [result.fname(number).decode() for number in range(result.nfields)]
            self._make_row = cast(Any, namedtuple("Row", columns))._make
        return self._make_row


def _put_off(driver: Any, info: MutableMapping[Any, Any]) -> list[bytes]:
    """Return the commands that are to be sent before the next statement."""
    before, info[LATER] = info[LATER], []
    idle = driver.pgconn.transaction_status == TransactionStatus.IDLE
    return [b"BEGIN", *before] if idle else before


def _sending(words: bytes) -> Send:
    return lambda libpq: libpq.send_query_params(words, None)


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

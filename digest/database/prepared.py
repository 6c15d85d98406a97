"""Statements that SQLAlchemy spells once, and PostgreSQL's driver runs: those of every sign-up.

What SQLAlchemy does around a statement, each time that it runs, takes a process twice as long as
the driver's own part. Its transaction stays around them, and its errors are what is raised.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus
from psycopg.rows import namedtuple_row
from sqlalchemy import ClauseElement, Insert, Select
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.sql.compiler import SQLCompiler

Processor = Callable[[Any], Any]


@dataclass(frozen=True)
class Spelt:
    """A statement in a database's own words, for its driver.

    `constants`: parameters that have their values already, as they go to the driver.
    `to_wire`: what makes the driver's values of others, by the names of those that need it.
    """

    text: str
    constants: Mapping[str, object]
    to_wire: Mapping[str, Processor]


def spell(statement: ClauseElement, dialect: Dialect) -> Spelt:
    """Spell a statement out, all of whose parameters are named. It takes a millisecond or so."""
    compiled = cast(SQLCompiler, statement.compile(dialect=dialect))
    constants: dict[str, object] = {}
    to_wire: dict[str, Processor] = {}
    for name, parameter in compiled.binds.items():
        process = parameter.type.dialect_impl(dialect).bind_processor(dialect)
        if process is not None:
            to_wire[name] = process
        if not parameter.required:
            constants[name] = process(parameter.value) if process else parameter.value
    return Spelt(str(compiled), constants, to_wire)


class Prepared:
    """One statement, whose parameters are all named.

    On PostgreSQL its rows are as the driver gives them: right for numbers, text, bytes and moments.
    """

    def __init__(self, statement: Select[*tuple[Any, ...]] | Insert) -> None:
        self._statement = statement
        self._spelt: Spelt | None = None

    def run(self, connection: Connection, values: Mapping[str, object]) -> Sequence[Any]:
        """Run it within the connection's transaction; return the rows, by their columns' names.

        Raises:
            DBAPIError: as SQLAlchemy raises it.
        """
        if not _has_driver(connection):
            result = connection.execute(self._statement, values)
            return result.all() if result.returns_rows else ()
        if self._spelt is None:
            self._spelt = spell(self._statement, connection.dialect)
        spelt = self._spelt
        bound = {**spelt.constants, **values}
        for name, process in spelt.to_wire.items():
            if name in values:
                bound[name] = process(values[name])
        driver = _driver(connection)
        try:
            cursor = driver.cursor(row_factory=namedtuple_row)
            cursor.execute(spelt.text, bound, prepare=True)
            return cursor.fetchall() if cursor.description else ()
        except connection.dialect.loaded_dbapi.Error as error:
            raise _as_sqlalchemys(connection, error) from error


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


def roll_back(connection: Connection) -> None:
    """Take back all that the transaction did; what is prepared stays so.

    SQLAlchemy's own rollback is still to come, and finds nothing left to do.

    Raises:
        DBAPIError: as SQLAlchemy raises it.
    """
    if _has_driver(connection) and not connection.invalidated:
        _tell(connection, b"ROLLBACK")


def _tell(connection: Connection, command: bytes) -> None:
    # Below the driver's cursors: they forget all plans when they see a ROLLBACK, and whoever comes
    # next would feel what became of this one.
    try:
        result = _driver(connection).pgconn.exec_(command)
        if result.status != ExecStatus.COMMAND_OK:
            raise error_from_result(result)
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

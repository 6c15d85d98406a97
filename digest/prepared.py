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
from sqlalchemy.exc import DBAPIError
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


class Trial:
    """What comes after it, in a transaction that has begun, is kept or taken back by `end`.

    Either way it takes as long.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._nested = None
        if _has_driver(connection):
            self._tell(b"SAVEPOINT trial")
        else:
            self._nested = connection.begin_nested()

    def end(self, *, keep: bool) -> None:
        """Keep it, or take it back, also after a statement that failed."""
        if self._nested is None:
            self._tell(b"RELEASE SAVEPOINT trial" if keep else b"ROLLBACK TO SAVEPOINT trial")
        elif keep:
            self._nested.commit()
        else:
            self._nested.rollback()

    def _tell(self, command: bytes) -> None:
        # Below the driver's own: that forgets all plans when it sees a ROLLBACK, and whoever comes
        # next would feel what became of this one.
        driver = _driver(self._connection)
        result = driver.pgconn.exec_(command)
        if result.status != ExecStatus.COMMAND_OK:
            error = error_from_result(result)
            raise _as_sqlalchemys(self._connection, error) from error


def _has_driver(connection: Connection) -> bool:
    return connection.dialect.name == "postgresql"


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection


def _as_sqlalchemys(connection: Connection, error: Any) -> DBAPIError:
    dialect = connection.dialect
    lost = dialect.is_disconnect(error, _driver(connection), None)
    if lost:
        connection.invalidate(error)
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

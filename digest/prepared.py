"""Statements of every sign-up: SQLAlchemy writes them once, and PostgreSQL's driver runs them.

What SQLAlchemy does around a statement, each time that it runs, takes a process twice as long as
the driver's own part. Its transaction stays around them, and its errors are what is raised.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus
from psycopg.rows import namedtuple_row
from sqlalchemy import Executable
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql import ClauseElement

Processor = Callable[[Any], Any]


class Prepared:
    """One statement, whose parameters are all named.

    On PostgreSQL its rows are as the driver gives them: right for numbers, text, bytes and moments.
    """

    def __init__(self, statement: Executable) -> None:
        self._statement = statement
        self._text: str | None = None

    def run(self, connection: Connection, values: Mapping[str, object]) -> Sequence[Any]:
        """Run it within the connection's transaction; return the rows, by their columns' names.

        Raises:
            DBAPIError: as SQLAlchemy raises it.
        """
        if not _has_driver(connection):
            result = connection.execute(self._statement, values)
            return result.all() if result.returns_rows else ()
        if self._text is None:
            self._write(connection.dialect)
        bound = self._known.copy()
        for name, value in values.items():
            process = self._processors.get(name)
            bound[name] = process(value) if process else value
        driver = _driver(connection)
        try:
            cursor = driver.cursor(row_factory=namedtuple_row)
            cursor.execute(self._text, bound, prepare=True)
            return cursor.fetchall() if cursor.description else ()
        except connection.dialect.loaded_dbapi.Error as error:
            raise _as_sqlalchemys(connection, error) from error

    def _write(self, dialect: Dialect) -> None:
        assert isinstance(self._statement, ClauseElement)
        compiled: Any = self._statement.compile(dialect=dialect)
        processors: dict[str, Processor] = {}
        for name, parameter in compiled.binds.items():
            process = parameter.type.dialect_impl(dialect).bind_processor(dialect)
            if process is not None:
                processors[name] = process
        self._processors = processors
        self._known: dict[str, object] = {
            name: processors[name](value) if name in processors else value
            for name, value in compiled.params.items()
        }
        # Last: other threads take what is there once this is.
        self._text = str(compiled)


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

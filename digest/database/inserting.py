"""Rows of several tables, written in one go, by ids that were asked for beforehand."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import BigInteger, Connection, Insert, Table, literal_column
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import functions
from sqlalchemy.sql.compiler import SQLCompiler

from digest.database.prepared import Prepared


class next_id(functions.FunctionElement[int]):  # noqa: N801 - reads as the SQL it is
    """An id for a new row of a table, another one in each row of the result.

    Ask within the transaction that writes the row: on SQLite it alone may write then.
    """

    type = BigInteger()
    inherit_cache = True

    def __init__(self, table: Table) -> None:
        # By its name: its column would bring the table into the FROM.
        super().__init__(literal_column(table.name))


@compiles(next_id, "postgresql")
def _next_id_on_postgresql(element: next_id, _: SQLCompiler, **__: Any) -> str:
    (table,) = element.clauses
    return f"nextval('{table}_id_seq')"


@compiles(next_id, "sqlite")
def _next_id_on_sqlite(element: next_id, _: SQLCompiler, **__: Any) -> str:
    (table,) = element.clauses
    # As SQLite itself counts.
    last = f"SELECT coalesce(max(id), 0) FROM {table}"  # noqa: S608 - a name of ours
    return f"(({last}) + row_number() OVER ())"


class RowsTogether:
    """Inserts that share their parameters: one statement on PostgreSQL.

    Only then does nobody wait for the way there and back, and the work around it, for each of them.
    Each names all of its row's values: no default of Python's is looked for.
    """

    def __init__(self, *inserts: Insert) -> None:
        self._each = inserts
        *others, last = inserts
        # PostgreSQL asks for the rows that foreign keys point to when the whole statement is done.
        together = last.add_cte(*(each.cte(f"part{number}") for number, each in enumerate(others)))
        self._together = Prepared(together)

    def write(self, connection: Connection, values: Mapping[str, object]) -> None:
        """Write the rows. Raises DBAPIError."""
        if connection.dialect.name == "postgresql":
            self._together.run(connection, values)
            return
        for each in self._each:
            connection.execute(each, values)

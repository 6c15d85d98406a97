"""Rows of several tables, written in one go, by ids that were asked for beforehand."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Insert, Table, literal_column
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql import functions
from sqlalchemy.sql.compiler import SQLCompiler


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


def insert_together(
    session: Session, inserts: Sequence[Insert], values: Mapping[str, object]
) -> None:
    """Run inserts that share their parameters: as one statement on PostgreSQL.

    Only then does nobody wait for the way there and back, and the work around it, for each of them.
    Each names all of its row's values: no default of Python's is looked for.
    """
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        connection.execute(_together(tuple(inserts)), values)
        return
    for each in inserts:
        connection.execute(each, values)


@cache
def _together(inserts: tuple[Insert, ...]) -> Insert:
    *others, last = inserts
    # PostgreSQL asks for the rows that foreign keys point to when the whole statement is done.
    return last.add_cte(*(each.cte(f"part{number}") for number, each in enumerate(others)))

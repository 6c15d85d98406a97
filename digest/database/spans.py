"""Moments by the span that they fall into, in SQL, the same on both databases."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, SQLColumnExpression
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import functions
from sqlalchemy.sql.compiler import SQLCompiler

from digest.database.tables import UtcDateTime


class utc_day(functions.FunctionElement[date]):  # noqa: N801 - reads as the SQL it is
    """The day of UTC on which a moment falls."""

    type = Date()
    inherit_cache = True

    def __init__(self, moment: SQLColumnExpression[Any]) -> None:
        super().__init__(moment)


class minute_of(functions.FunctionElement[datetime]):  # noqa: N801 - reads as the SQL it is
    """The moment at which a moment's minute begins."""

    type = UtcDateTime()
    inherit_cache = True

    def __init__(self, moment: SQLColumnExpression[Any]) -> None:
        super().__init__(moment)


@compiles(utc_day, "postgresql")
def _day_on_postgresql(element: utc_day, compiler: SQLCompiler, **options: Any) -> str:
    return f"CAST({compiler.process(element.clauses, **options)} AT TIME ZONE 'UTC' AS date)"


@compiles(utc_day, "sqlite")
def _day_on_sqlite(element: utc_day, compiler: SQLCompiler, **options: Any) -> str:
    return f"date({compiler.process(element.clauses, **options)})"


@compiles(minute_of, "postgresql")
def _minute_on_postgresql(element: minute_of, compiler: SQLCompiler, **options: Any) -> str:
    return f"date_trunc('minute', {compiler.process(element.clauses, **options)})"


@compiles(minute_of, "sqlite")
def _minute_on_sqlite(element: minute_of, compiler: SQLCompiler, **options: Any) -> str:
    moment = compiler.process(element.clauses, **options)
    return f"(strftime('%Y-%m-%d %H:%M:00', {moment}) || '.000000')"

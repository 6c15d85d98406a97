"""What every table is made of: its base, its types, and the database's own clock."""

import enum
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    DateTime,
    Enum,
    Float,
    Index,
    Integer,
    MetaData,
    Table,
    literal,
    text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.sql import functions
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeDecorator


class UtcDateTime(TypeDecorator[datetime]):
    """A moment, aware and in UTC on both sides; naive values are refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive datetime {value!r}: give it a zone")
        moment = value.astimezone(UTC)
        # SQLite keeps text without a zone; all of it is UTC, so that it sorts as time.
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, _: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """All tables; every constraint has a name, so that both databases can drop it."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - read by SQLAlchemy
        datetime: UtcDateTime(),
        # SQLite counts rows by itself only in a column of exactly this type.
        int: BigInteger().with_variant(Integer(), "sqlite"),
        enum.Enum: Enum(
            enum.Enum,
            native_enum=False,
            create_constraint=True,
            length=20,
            values_callable=lambda words: [word.value for word in words],
        ),
    }


class IndexOfSome(Index):
    """An index of some rows only, those for which `rows` (SQL) holds, on both databases.

    To be told so with the index SQLAlchemy loads what it has for PostgreSQL, on SQLite too. Only
    who makes or compares tables asks for it.
    """

    def __init__(self, name: str, *columns: str, rows: str, unique: bool = False) -> None:
        super().__init__(name, *columns, unique=unique)
        self._rows = rows

    @cached_property
    def dialect_options(self) -> Any:
        options = super().dialect_options
        for dialect in ("sqlite", "postgresql"):
            options[dialect]["where"] = text(self._rows)
        return options


class PartitionedTable(Table):
    """A table that PostgreSQL keeps in parts, by its `info["partition_by"]` (SQL).

    Not told so with the table, for the reason that `IndexOfSome` has.
    """

    @cached_property
    def dialect_options(self) -> Any:
        options = super().dialect_options
        options["postgresql"]["partition_by"] = self.info["partition_by"]
        return options


class database_now(functions.FunctionElement[datetime]):  # noqa: N801 - reads as the SQL it is
    """The database's clock, `seconds` from now: leases are measured by it on every machine."""

    type = UtcDateTime()
    inherit_cache = True

    def __init__(self, seconds: float | BindParameter[float] = 0) -> None:
        given = isinstance(seconds, BindParameter)
        super().__init__(seconds if given else literal(float(seconds), Float()))


@compiles(database_now, "postgresql")
def _now_on_postgresql(element: database_now, compiler: SQLCompiler, **options: Any) -> str:
    seconds = compiler.process(element.clauses, **options)
    # Stable within a statement, so that an index can be searched by it.
    return f"(statement_timestamp() + make_interval(secs => CAST({seconds} AS double precision)))"


@compiles(database_now, "sqlite")
def _now_on_sqlite(element: database_now, compiler: SQLCompiler, **options: Any) -> str:
    seconds = compiler.process(element.clauses, **options)
    # Three more digits, as SQLAlchemy reads what stands after the point as microseconds.
    return f"(strftime('%Y-%m-%d %H:%M:%f', 'now', {seconds} || ' seconds') || '000')"

"""Rows to be looked at, as the models' objects, without what it costs to load them.

A page that only shows what there is reads the same rows again and again. Here the driver reads
them, each time, and of rows that are the same one object is made: it is kept by all its values, so
that it cannot be older than they are. It belongs to no session and is others' as well: nobody may
change it.
"""

import json
from collections.abc import Collection, Sequence
from functools import cache, lru_cache
from typing import Any, Generic, TypeVar

from sqlalchemy import JSON, ColumnElement, Table, Text, cast
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import Session, make_transient_to_detached
from sqlalchemy.orm.attributes import set_committed_value

from digest.database.spelling import Processor
from digest.database.tables import Base

KEPT = 4096

E = TypeVar("E", bound=Base)
Row = tuple[Any, ...]


class Shape(Generic[E]):
    """The columns of a model that a statement reads, and how its objects are made of them.

    `without`: the names of those that nobody looks at; to ask an object for one is an error.
    """

    def __init__(self, model: type[E], *, without: Collection[str] = ()) -> None:
        self.model = model
        table = model.__table__
        assert isinstance(table, Table)
        self._columns = {each.key: each for each in table.columns if each.key not in without}
        # JSON as text, which has a hash.
        self.selected: tuple[ColumnElement[Any], ...] = tuple(
            (cast(each, Text) if isinstance(each.type, JSON) else each).label(f"{table.name}_{key}")
            for key, each in self._columns.items()
        )

    def __len__(self) -> int:
        return len(self.selected)

    def all(self, session: Session, rows: Sequence[Any]) -> list[E]:
        """Return the objects of rows that were read in this session."""
        dialect = session.connection().dialect
        return [_kept(self, dialect, tuple(row)) for row in rows]

    def make(self, dialect: Dialect, row: Row) -> E:
        """Make an object of a row, which is nobody else's yet."""
        made = self.model()
        for (name, process), value in zip(self._readers(dialect), row, strict=True):
            read = process(value) if process is not None else value
            set_committed_value(made, name, read)
        make_transient_to_detached(made)
        return made

    @cache  # noqa: B019 - there are a few shapes, for as long as the process lives
    def _readers(self, dialect: Dialect) -> tuple[tuple[str, Processor | None], ...]:
        return tuple((name, _reader(each.type, dialect)) for name, each in self._columns.items())


def _reader(kind: Any, dialect: Dialect) -> Processor | None:
    if isinstance(kind, JSON):
        return _from_json
    # Only the driver's own rows are not read yet (`Prepared`).
    if dialect.name != "postgresql":
        return None
    reader: Processor | None = kind.dialect_impl(dialect).result_processor(dialect, None)
    return reader


def _from_json(text: str | None) -> Any:
    return None if text is None else json.loads(text)


@lru_cache(KEPT)
def _kept(shape: Shape[Any], dialect: Dialect, row: Row) -> Any:
    return shape.make(dialect, row)

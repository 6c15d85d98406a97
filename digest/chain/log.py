"""What a log says of itself: its tables, what a link covers, and what of it is personal."""

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Label, true
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.orm.util import AliasedClass

# What is raised where a row holds what its columns never should.
UNREADABLE = (LookupError, ValueError, TypeError, AttributeError, RecursionError)


class Writer(Protocol):
    """What links say of records. Made for one session, as a record may point to other rows."""

    def fields(self, record: Any) -> Mapping[str, Any]:
        """Return what a link says of a record, beside its place: canonical JSON can hold it.

        Raises one of UNREADABLE where the record holds what no link could.
        """

    def suspects(self, record: Any) -> str:
        """Return what may have been altered where a record does not fit its link: "it"."""


@dataclass(frozen=True)
class Part:
    """What of a record is personal: in a row of another table, which may be deleted.

    `of` is that row's reference to its record, in an alias of the table where there are several
    parts, told apart by `only`. `mac` names the record's column with the HMAC that `reckon` gives
    for a row that has these `columns`.
    """

    name: str
    what: str
    of: InstrumentedAttribute[int]
    columns: tuple[InstrumentedAttribute[Any] | Label[Any], ...]
    mac: str
    reckon: Callable[[Any], bytes]
    only: ColumnElement[bool] = field(default_factory=true)

    @property
    def reference(self) -> str:
        """The name under which a query has `of`: NULL where the part is gone."""
        return f"{self.name}_of"

    @property
    def table(self) -> type[Any] | AliasedClass[Any]:
        return self.of.parent.entity

    def fits(self, detail: Any, record: Any) -> bool:
        """Return whether the part is the one that the record's HMAC was made over."""
        try:
            return hmac.compare_digest(self.reckon(detail), getattr(record, self.mac))
        except UNREADABLE:
            return False


@dataclass(frozen=True)
class Log:
    """A table of records that are only ever added, and the table of links that seals them.

    Records have `id` and `at`; links have `sequence`, `previous`, `hash` and `sealed_at`, and
    `sealed`, the record's id. `detail` is the same in the table of all parts.

    `command` is the family whose `verify`, `head` and `export` are about it, `noun` what a record
    is called, `kind` what happened, in a word or two; `searched` names the heartbeat of sealing.
    """

    command: str
    noun: str
    kind: Callable[[Any], str]
    record: type[Any]
    columns: tuple[InstrumentedAttribute[Any] | Label[Any], ...]
    writer: Callable[[Session], Writer]
    seal: type[Any]
    sealed: InstrumentedAttribute[int]
    detail: InstrumentedAttribute[int]
    parts: tuple[Part, ...]
    searched: str

    def call(self, record: Any, *, first: bool = True) -> str:
        """Return "Record 12 (confirmed, 2026-11-14 06:00 UTC)"; not `first`: "record 12 …"."""
        noun = self.noun.capitalize() if first else self.noun
        return f"{noun} {record.id} ({self.kind(record)}, {in_words(record.at)})"


def in_words(at: datetime | None) -> str:
    """Return "2026-11-14 06:00 UTC"."""
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else "without a time"


def write_moment(at: datetime) -> str:
    """Return a moment as links hold it: in UTC, to the microsecond."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")

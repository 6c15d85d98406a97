"""Whether a chain holds: every record is as it was sealed, and none is missing.

It is read in batches, in the order of its links, so that it takes no more memory however long it
is. What is wrong is told by the number of its link and of its record, once for each.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, Select, and_, exists, select
from sqlalchemy.orm import Session

from digest.chain.heads import Head
from digest.chain.links import FIRST_PREVIOUS, hash_link
from digest.chain.log import UNREADABLE, Log, in_words

BATCH = 1000
MOST_LISTED = 100
MOST_SHIFTED = range(-50, 51)
# The tick seals each minute, and looks for stragglers once an hour: no record is later than this,
# nor stands after one that is so much younger.
SEALED_WITHIN = timedelta(hours=3)


@dataclass(frozen=True)
class Problem:
    """Something that is not as it was sealed. `link` and `record` say where, as far as is known."""

    kind: str
    sentence: str
    link: int | None = None
    record: int | None = None


@dataclass
class Findings:
    """What was found on the way along the chain; of the problems, the first hundred."""

    links: int = 0
    last_link: int = 0
    head: Head | None = None
    with_details: int = 0
    unsealed: int = 0
    problem_count: int = 0
    problems: list[Problem] = field(default_factory=list)
    heads_held: int = 0

    @property
    def holds(self) -> bool:
        return self.problem_count == 0

    def add(self, problem: Problem) -> None:
        self.problem_count += 1
        if len(self.problems) < MOST_LISTED:
            self.problems.append(problem)


def verify_chain(
    session: Session,
    log: Log,
    now: datetime,
    *,
    heads: Sequence[Head] = (),
    advanced: Callable[[int], None] = lambda _: None,
    batch: int = BATCH,
) -> Findings:
    """Walk along the whole chain. `heads` were kept elsewhere; `advanced` is told of each batch."""
    found = Findings()
    _Walk(session, log, found, {head.sequence: head for head in heads}).run(advanced, batch)
    _look_for_heads(found, heads)
    _look_at_unsealed(session, log, found, now)
    _look_for_orphans(session, log, found)
    return found


class _Walk:
    """The way along the chain, link by link."""

    def __init__(self, session: Session, log: Log, found: Findings, heads: dict[int, Head]) -> None:
        self.session = session
        self.log = log
        self.found = found
        self.heads = heads
        self.writer = log.writer(session)
        self.sequence = 0
        # None after a link that cannot be read: whatever follows has nothing to fit.
        self.hash: bytes | None = FIRST_PREVIOUS
        self.at: datetime | None = None
        # After links were put in or taken out, the others may have been given other numbers.
        self.broken = False
        self.shift = 0

    def run(self, advanced: Callable[[int], None], size: int) -> None:
        while rows := self._next(size):
            before = self.found.links
            for row in rows:
                self._follow(row)
            advanced(self.found.links - before)
        self.found.last_link = self.sequence
        if self.sequence and self.hash is not None:
            self.found.head = Head(self.sequence, self.hash.hex())

    def _next(self, size: int) -> Sequence[Any]:
        seal = self.log.seal
        links = (
            select(*self._link(), seal.previous, seal.hash, *_columns(self.log))
            .select_from(seal)
            .outerjoin(self.log.record, self.log.record.id == self.log.sealed)
            .where(seal.sequence > self.sequence)
            .order_by(seal.sequence)
            .limit(size)
        )
        links = _with_parts(links, self.log, self.log.sealed)
        try:
            return self.session.execute(links).all()
        except UNREADABLE:
            # Halved, until what cannot be read is the next by itself.
            return self._next(size // 2) if size > 1 else self._unreadable()

    def _unreadable(self) -> Sequence[Any]:
        """Pass over a link or a record that holds what cannot be read at all, and name it."""
        seal = self.log.seal
        link = self.session.execute(
            select(*self._link())
            .where(seal.sequence > self.sequence)
            .order_by(seal.sequence)
            .limit(1)
        ).one()
        self.found.links += 1
        name = f"{self.log.noun.capitalize()} {link.record}"
        self._altered(link, name, "one of them holds what cannot be read")
        self.sequence, self.hash = link.sequence, None
        return [None]

    def _link(self) -> tuple[Any, ...]:
        return self.log.seal.sequence, self.log.sealed.label("record")

    def _follow(self, row: Row[Any] | None) -> None:
        if row is None:
            return
        in_order = self._step(row)
        if row.id is None:
            self._add(
                "missing",
                f"{self.log.noun.capitalize()} {row.record} is missing: link {row.sequence} sealed "
                "it, and it is not there any more.",
                row,
            )
            return
        if in_order:
            self._compare(row)
        self._look_at_time(row)
        self.found.with_details += any(
            getattr(row, part.reference) is not None for part in self.log.parts
        )
        for sentence in _altered_parts(self.log, row):
            self._add("details", sentence, row)

    def _step(self, row: Any) -> bool:
        """Go on to a link; return whether it follows the one before."""
        expected, before, self.found.links = self.sequence + 1, self.hash, self.found.links + 1
        in_order = row.sequence == expected and before in {row.previous, None}
        if row.sequence != expected:
            gap = (
                f"Link {expected} is"
                if row.sequence == expected + 1
                else (f"Links {expected} to {row.sequence - 1} are")
            )
            self._add("missing", f"{gap} missing: link {row.sequence} comes next.", row)
        elif not in_order:
            follows = f"link {self.sequence}" if self.sequence else "the beginning"
            self._add(
                "order",
                f"{self._place(row)} does not follow {follows}: "
                "something was altered, put in, taken out or put in another order here.",
                row,
            )
        self.sequence = row.sequence
        self.hash = row.hash if isinstance(row.hash, bytes) else None
        self.broken = self.broken or not in_order
        head = self.heads.get(row.sequence)
        if head is not None:
            if self.hash is not None and head.hash == self.hash.hex():
                self.found.heads_held += 1
            else:
                self._add(
                    "head",
                    f"Link {row.sequence} is not the one that the head you kept was of: the chain "
                    "was written anew since, from somewhere at or before it.",
                    row,
                )
        return in_order

    def _compare(self, row: Row[Any]) -> None:
        if self._fits(row, row.sequence + self.shift):
            self.broken = False
            return
        for shift in MOST_SHIFTED if self.broken else ():
            if self._fits(row, row.sequence + shift):
                self.broken, self.shift = False, shift
                self._add(
                    "order",
                    f"{self._place(row)} was sealed as link "
                    f"{row.sequence + shift}: links before it were put in or taken out, and the "
                    "rest were numbered anew.",
                    row,
                )
                return
        suspects = self.writer.suspects(row)
        self._altered(row, self.log.call(row), f"{suspects} was altered after it was sealed")

    def _fits(self, row: Row[Any], sequence: int) -> bool:
        try:
            fields = self.writer.fields(row)
            return bool(hash_link(sequence, row.previous, fields) == row.hash)
        except UNREADABLE:
            return False

    def _place(self, row: Any) -> str:
        return f"Link {row.sequence} ({self.log.noun} {row.record})"

    def _altered(self, row: Any, name: str, how: str) -> None:
        self._add("altered", f"{name} does not fit link {row.sequence}: {how}.", row)

    def _look_at_time(self, row: Row[Any]) -> None:
        before, self.at = self.at, row.at
        if before is not None and row.at is not None and row.at < before - SEALED_WITHIN:
            self._add(
                "late",
                f"{self.log.call(row)} stands in the chain after one of {in_words(before)}: it was "
                "put in later than it says, or the server's clock was wrong then.",
                row,
            )

    def _add(self, kind: str, sentence: str, row: Any) -> None:
        self.found.add(Problem(kind, sentence, row.sequence, row.record))


def _look_for_heads(found: Findings, heads: Sequence[Head]) -> None:
    last = found.last_link
    for head in heads:
        if head.sequence > last:
            cut = head.sequence - last
            links = "link was" if cut == 1 else f"{cut:,} links were"
            found.add(
                Problem(
                    "cut",
                    f"The chain ends at link {last}, and the head you kept is of link "
                    f"{head.sequence}: the last {links} cut off.",
                    head.sequence,
                )
            )


def _look_at_unsealed(session: Session, log: Log, found: Findings, now: datetime) -> None:
    try:
        for row in _unsealed(session, log):
            found.unsealed += 1
            _look_at_one_unsealed(log, found, row, now)
    except UNREADABLE:
        article = "An" if log.noun[0] in "aeiou" else "A"
        sentence = f"{article} {log.noun} that is not in the chain holds what cannot be read."
        found.add(Problem("unsealed", sentence))


def _look_at_one_unsealed(log: Log, found: Findings, row: Any, now: datetime) -> None:
    for sentence in _altered_parts(log, row):
        found.add(Problem("details", sentence, record=row.id))
    if row.at is None or row.at < now - SEALED_WITHIN:
        found.add(
            Problem(
                "unsealed",
                f"{log.call(row)} is not in the chain, into which it belonged within minutes: it "
                "was put in later than it says, its link was cut off, or the tick does not run "
                "(`digest doctor` tells).",
                record=row.id,
            )
        )


def _unsealed(session: Session, log: Log) -> Iterator[Any]:
    last = 0
    sealed = exists().where(log.sealed == log.record.id)
    while True:
        records = (
            select(*_columns(log))
            .where(log.record.id > last, ~sealed)
            .order_by(log.record.id)
            .limit(BATCH)
        )
        batch = session.execute(_with_parts(records, log, log.record.id)).all()
        yield from batch
        if len(batch) < BATCH:
            return
        last = batch[-1].id


def _columns(log: Log) -> Iterator[Any]:
    yield from log.columns
    for part in log.parts:
        yield part.of.label(part.reference)
        yield from part.columns


def _with_parts(query: Select[Any], log: Log, record: Any) -> Select[Any]:
    for part in log.parts:
        query = query.outerjoin(part.table, and_(part.of == record, part.only))
    return query


def _altered_parts(log: Log, row: Any) -> Iterator[str]:
    for part in log.parts:
        if getattr(row, part.reference) is not None and not part.fits(row, row):
            yield (
                f"The personal details of {log.call(row, first=False)} are not those that were "
                f"recorded: {part.what} was altered."
            )


def _look_for_orphans(session: Session, log: Log, found: Findings) -> None:
    without_record = (
        select(log.detail)
        .distinct()
        .outerjoin(log.record, log.record.id == log.detail)
        .where(log.record.id.is_(None))
        .order_by(log.detail)
        .limit(MOST_LISTED)
    )
    for record in session.scalars(without_record):
        found.add(
            Problem(
                "missing",
                f"{log.noun.capitalize()} {record} is missing: its personal details are still "
                "there.",
                record=record,
            )
        )

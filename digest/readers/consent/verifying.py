"""Whether the chain of consents holds: every record is as it was sealed, and none is missing.

It is read in batches, in the order of its links, so that it takes no more memory however long it
is. What is wrong is told by the number of its link and of its record, once for each.
"""

import hmac
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, Select, exists, select
from sqlalchemy.orm import Session

from digest.models import Consent, ConsentDetail, ConsentSeal
from digest.readers.consent.chain import FIRST_PREVIOUS, RECORD, Head, Words, seal_hash
from digest.readers.consent.recording import Personal

BATCH = 1000
MOST_LISTED = 100
MOST_SHIFTED = range(-50, 51)
# The tick seals each minute, and looks for stragglers once an hour: no record is later than this,
# nor stands after one that is so much younger.
SEALED_WITHIN = timedelta(hours=3)

DETAIL = (
    ConsentDetail.salt,
    ConsentDetail.email,
    ConsentDetail.name,
    ConsentDetail.ip,
    ConsentDetail.user_agent,
    ConsentDetail.page_url,
    ConsentDetail.form,
)
LINK = (
    ConsentSeal.sequence,
    ConsentSeal.consent_id,
    ConsentSeal.previous,
    ConsentSeal.hash,
)
UNREADABLE = (LookupError, ValueError, TypeError, AttributeError)


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
    now: datetime,
    *,
    heads: Sequence[Head] = (),
    advanced: Callable[[int], None] = lambda _: None,
    batch: int = BATCH,
) -> Findings:
    """Walk along the whole chain. `heads` were kept elsewhere; `advanced` is told of each batch."""
    found = Findings()
    _Walk(session, found, {head.sequence: head for head in heads}).run(advanced, batch)
    _look_for_heads(found, heads)
    _look_at_unsealed(session, found, now)
    _look_for_orphans(session, found)
    return found


class _Walk:
    """The way along the chain, link by link."""

    def __init__(self, session: Session, found: Findings, heads: dict[int, Head]) -> None:
        self.session = session
        self.found = found
        self.heads = heads
        self.words = Words(session)
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
        links = (
            select(*LINK, *RECORD, ConsentDetail.consent_id.label("detail_of"), *DETAIL)
            .select_from(ConsentSeal)
            .outerjoin(Consent, Consent.id == ConsentSeal.consent_id)
            .outerjoin(ConsentDetail, ConsentDetail.consent_id == ConsentSeal.consent_id)
            .where(ConsentSeal.sequence > self.sequence)
            .order_by(ConsentSeal.sequence)
            .limit(size)
        )
        try:
            return self.session.execute(links).all()
        except UNREADABLE:
            # Halved, until what cannot be read is the next by itself.
            return self._next(size // 2) if size > 1 else self._unreadable()

    def _unreadable(self) -> Sequence[Any]:
        """Pass over a link or a record that holds what cannot be read at all, and name it."""
        link = self.session.execute(
            select(ConsentSeal.sequence, ConsentSeal.consent_id)
            .where(ConsentSeal.sequence > self.sequence)
            .order_by(ConsentSeal.sequence)
            .limit(1)
        ).one()
        self.found.links += 1
        self._altered(link, f"Record {link.consent_id}", "one of them holds what cannot be read")
        self.sequence, self.hash = link.sequence, None
        return [None]

    def _follow(self, row: Row[Any] | None) -> None:
        if row is None:
            return
        in_order = self._step(row)
        if row.id is None:
            self._add(
                "missing",
                f"Record {row.consent_id} is missing: link {row.sequence} sealed it, and it is "
                "not there any more.",
                row,
            )
            return
        if in_order:
            self._compare(row)
        self._look_at_time(row)
        if row.detail_of is not None:
            self.found.with_details += 1
            if not fits_mac(row, row.mac):
                self._add("details", details_sentence(row), row)

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
                f"Link {row.sequence} (record {row.consent_id}) does not follow {follows}: "
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
        words = self.words.hash_of(row.wording_id)
        if _fits(row, row.sequence + self.shift, words):
            self.broken = False
            return
        for shift in MOST_SHIFTED if self.broken else ():
            if _fits(row, row.sequence + shift, words):
                self.broken, self.shift = False, shift
                self._add(
                    "order",
                    f"Link {row.sequence} (record {row.consent_id}) was sealed as link "
                    f"{row.sequence + shift}: links before it were put in or taken out, and the "
                    "rest were numbered anew.",
                    row,
                )
                return
        shown = "the words that it points to are gone, or it"
        if row.wording_id is None:
            shown = "it"
        elif words is not None:
            shown = f"it, or the words that it points to (wording {row.wording_id}),"
        self._altered(row, called(row), f"{shown} was altered after it was sealed")

    def _altered(self, row: Any, name: str, how: str) -> None:
        self._add("altered", f"{name} does not fit link {row.sequence}: {how}.", row)

    def _look_at_time(self, row: Row[Any]) -> None:
        before, self.at = self.at, row.at
        if before is not None and row.at is not None and row.at < before - SEALED_WITHIN:
            self._add(
                "late",
                f"{called(row)} stands in the chain after one of {_moment(before)}: it was put in "
                "later than it says, or the server's clock was wrong then.",
                row,
            )

    def _add(self, kind: str, sentence: str, row: Any) -> None:
        self.found.add(Problem(kind, sentence, row.sequence, row.consent_id))


def _fits(row: Row[Any], sequence: int, words: str | None) -> bool:
    try:
        return bool(seal_hash(sequence, row.previous, row, words) == row.hash)
    except UNREADABLE:
        return False


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


def _look_at_unsealed(session: Session, found: Findings, now: datetime) -> None:
    try:
        for row in _unsealed(session):
            found.unsealed += 1
            _look_at_one_unsealed(found, row, now)
    except UNREADABLE:
        sentence = "A record that is not in the chain holds what cannot be read."
        found.add(Problem("unsealed", sentence))


def _look_at_one_unsealed(found: Findings, row: Any, now: datetime) -> None:
    if row.detail_of is not None and not fits_mac(row, row.mac):
        found.add(Problem("details", details_sentence(row), record=row.id))
    if row.at is None or row.at < now - SEALED_WITHIN:
        found.add(
            Problem(
                "unsealed",
                f"{called(row)} is not in the chain, into which it belonged within minutes: it was "
                "put in later than it says, its link was cut off, or the tick does not run "
                "(`digest doctor` tells).",
                record=row.id,
            )
        )


def _unsealed(session: Session) -> Iterator[Any]:
    last = 0
    sealed = exists().where(ConsentSeal.consent_id == Consent.id)
    while True:
        batch = session.execute(
            select(*RECORD, ConsentDetail.consent_id.label("detail_of"), *DETAIL)
            .outerjoin(ConsentDetail, ConsentDetail.consent_id == Consent.id)
            .where(Consent.id > last, ~sealed)
            .order_by(Consent.id)
            .limit(BATCH)
        ).all()
        yield from batch
        if len(batch) < BATCH:
            return
        last = batch[-1].id


def _look_for_orphans(session: Session, found: Findings) -> None:
    without_record: Select[Any] = (
        select(ConsentDetail.consent_id)
        .outerjoin(Consent, Consent.id == ConsentDetail.consent_id)
        .where(Consent.id.is_(None))
        .order_by(ConsentDetail.consent_id)
        .limit(MOST_LISTED)
    )
    for record in session.scalars(without_record):
        found.add(
            Problem(
                "missing",
                f"Record {record} is missing: its personal details are still there.",
                record=record,
            )
        )


def fits_mac(detail: Any, mac: bytes) -> bool:
    """Return whether personal details are those that a record's MAC was made over."""
    try:
        personal = Personal(**{name: getattr(detail, name) for name in Personal.__annotations__})
        return hmac.compare_digest(personal.mac(detail.salt), mac)
    except UNREADABLE:
        return False


def details_sentence(row: Any) -> str:
    return (
        f"The personal details of {called(row)[0].lower()}{called(row)[1:]} are not those that "
        "were recorded: who, or from where, was altered."
    )


def called(row: Any) -> str:
    """Return "Record 12 (confirmed, 2026-11-14 06:00 UTC)"."""
    return f"Record {row.id} ({row.kind}, {_moment(row.at)})"


def _moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else "without a time"

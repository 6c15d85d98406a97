"""The hash chain over consents: what a link is, and its head, which others keep.

A link is canonical JSON (RFC 8785), and its hash the SHA-256 of these bytes. It holds the hash of
the link before, so that whatever is altered, taken out, put in or put in another order no longer
fits. The words that were shown are hashed too: a chain over their ids alone would not notice if
somebody rewrote them.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import rfc8785
from sqlalchemy import String, func, select, type_coerce
from sqlalchemy.orm import Session

from digest.errors import RefusedError
from digest.models import Consent, ConsentSeal, Wording

FIRST_PREVIOUS = bytes(32)
MOST_HEADS = 10_000
ROWS_AT_ONCE = 1000

# The columns that a link covers.
RECORD = (
    Consent.id,
    Consent.subject,
    # Not as an enum: what somebody wrote into it may be none of its words.
    type_coerce(Consent.kind, String).label("kind"),
    Consent.newsletter_id,
    Consent.wording_id,
    Consent.terms_id,
    Consent.at,
    Consent.mac,
)


class Event(Protocol):
    """The columns of a consent that its link covers; a row of a query has them as well."""

    @property
    def id(self) -> int: ...
    @property
    def subject(self) -> bytes: ...
    @property
    def kind(self) -> str: ...
    @property
    def newsletter_id(self) -> int | None: ...
    @property
    def wording_id(self) -> int | None: ...
    @property
    def terms_id(self) -> int | None: ...
    @property
    def at(self) -> datetime: ...
    @property
    def mac(self) -> bytes: ...


def write_link(sequence: int, previous: bytes, event: Event, words: str | None) -> bytes:
    """Return one link: the event, the hash of the words it points to, and that of the link before.

    Raises ValueError where the row holds what no link could.
    """
    link: dict[str, str | int | None] = {
        "sequence": sequence,
        "previous": previous.hex(),
        "id": event.id,
        "subject": event.subject.hex(),
        "kind": str(event.kind),
        "newsletter": event.newsletter_id,
        "wording": event.wording_id,
        "terms": event.terms_id,
        "words": words,
        "at": event.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "mac": event.mac.hex(),
    }
    return rfc8785.dumps(link)


def seal_hash(sequence: int, previous: bytes, event: Event, words: str | None) -> bytes:
    """Return the hash of one link."""
    return hashlib.sha256(write_link(sequence, previous, event, words)).digest()


def write_words(wording: Wording) -> bytes:
    """Return the words that were shown: number and sentence, the terms' version and text."""
    words: list[str | int] = [
        wording.number,
        wording.label,
        wording.terms.version,
        wording.terms.body,
    ]
    return rfc8785.dumps(words)


def words_hash(wording: Wording) -> str:
    """Return the SHA-256 of the words, in hex, as links hold it."""
    return hashlib.sha256(write_words(wording)).hexdigest()


class Words:
    """The hashes of wordings, each reckoned once: terms are long."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._known: dict[int, str | None] = {}

    def hash_of(self, wording_id: int | None) -> str | None:
        """Return the hash of a wording; None where there is none."""
        if wording_id is None:
            return None
        if wording_id not in self._known:
            wording = self._session.scalar(select(Wording).where(Wording.id == wording_id))
            self._known[wording_id] = words_hash(wording) if wording else None
        return self._known[wording_id]


@dataclass(frozen=True)
class Head:
    """The newest link at some moment. With a copy of it elsewhere, all before it is fixed."""

    sequence: int
    hash: str

    def __str__(self) -> str:
        return f"{self.sequence} {self.hash}"


def count_links(session: Session) -> int:
    """Return how many links there are: for a progress bar."""
    return session.scalar(select(func.count()).select_from(ConsentSeal)) or 0


def chain_lines(session: Session) -> Iterator[str]:
    """Yield every link as a line, without holding them all; the next line has this one's hash."""
    words = Words(session)
    links = session.execute(
        select(ConsentSeal.sequence, ConsentSeal.previous, *RECORD)
        .join(Consent, Consent.id == ConsentSeal.consent_id)
        .order_by(ConsentSeal.sequence)
        .execution_options(yield_per=ROWS_AT_ONCE)
    )
    for row in links:
        link = write_link(row.sequence, row.previous, row, words.hash_of(row.wording_id))
        yield f"{link.decode()}\n"


def find_head(session: Session) -> Head | None:
    """Return the head of the chain, where anything is sealed."""
    newest = session.execute(
        select(ConsentSeal.sequence, ConsentSeal.hash)
        .order_by(ConsentSeal.sequence.desc())
        .limit(1)
    ).first()
    return Head(newest.sequence, newest.hash.hex()) if newest else None


def read_heads(text: str) -> tuple[Head, ...]:
    """Read heads that were kept: JSON as `digest consent head --json` prints it, or its lines.

    Raises:
        RefusedError: it holds none, or something else; says what.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) > MOST_HEADS:
        raise RefusedError(f"There are more than {MOST_HEADS:,} lines: that is no list of heads.")
    try:
        heads = (_from_json(text),) if text.lstrip().startswith("{") else _from_lines(lines)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise RefusedError(
            "That is no head of the chain: each line should be a number and 64 hex digits, as "
            "`digest consent head` prints them."
        ) from None
    if not heads:
        raise RefusedError("There is no head in it. `digest consent head` prints one.")
    return heads


def _from_json(text: str) -> Head:
    read = json.loads(text)
    return _head(str(read["sequence"]), str(read["hash"]))


def _from_lines(lines: Iterable[str]) -> tuple[Head, ...]:
    # What stands after the two is a person's note: the date, say.
    return tuple(_head(*line.split()[:2]) for line in lines)


def _head(sequence: str, hash_: str) -> Head:
    if not (re.fullmatch(r"[1-9][0-9]{0,17}", sequence) and re.fullmatch(r"[0-9a-f]{64}", hash_)):
        raise ValueError("not a head")
    return Head(int(sequence), hash_)

"""The hash chain over consents: what a link says of one, and of the words that were shown.

The words are hashed too: a chain over their ids alone would not notice if somebody rewrote them.
"""

import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Protocol

import rfc8785
from sqlalchemy import String, select, type_coerce
from sqlalchemy.orm import Session

from digest.chain import heads, links
from digest.chain.heads import Head
from digest.chain.log import Log, Part, write_moment
from digest.models import Consent, ConsentDetail, ConsentSeal, Wording
from digest.readers.consent.recording import Personal

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
    return links.write_link(sequence, previous, _fields(event, words))


def seal_hash(sequence: int, previous: bytes, event: Event, words: str | None) -> bytes:
    """Return the hash of one link."""
    return links.hash_link(sequence, previous, _fields(event, words))


def _fields(event: Event, words: str | None) -> dict[str, str | int | None]:
    return {
        "id": event.id,
        "subject": event.subject.hex(),
        "kind": str(event.kind),
        "newsletter": event.newsletter_id,
        "wording": event.wording_id,
        "terms": event.terms_id,
        "words": words,
        "at": write_moment(event.at),
        "mac": event.mac.hex(),
    }


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


class _ConsentWriter:
    def __init__(self, session: Session) -> None:
        self._words = Words(session)

    def fields(self, record: Event) -> dict[str, str | int | None]:
        return _fields(record, self._words.hash_of(record.wording_id))

    def suspects(self, record: Event) -> str:
        if record.wording_id is None:
            return "it"
        if self._words.hash_of(record.wording_id) is None:
            return "the words that it points to are gone, or it"
        return f"it, or the words that it points to (wording {record.wording_id}),"


def personal(detail: Any) -> Personal:
    """Return the personal fields of a row of details."""
    return Personal(**{name: getattr(detail, name) for name in Personal.__annotations__})


DETAIL = Part(
    name="detail",
    what="who, or from where,",
    of=ConsentDetail.consent_id,
    columns=(
        ConsentDetail.salt,
        *(getattr(ConsentDetail, name) for name in Personal.__annotations__),
    ),
    mac="mac",
    reckon=lambda detail: personal(detail).mac(detail.salt),
)

CONSENTS = Log(
    command="consent",
    noun="record",
    kind=lambda consent: consent.kind,
    record=Consent,
    columns=RECORD,
    writer=_ConsentWriter,
    seal=ConsentSeal,
    sealed=ConsentSeal.consent_id,
    detail=ConsentDetail.consent_id,
    parts=(DETAIL,),
    searched="seals",
)


def chain_lines(session: Session) -> Iterator[str]:
    """Yield every link as a line, without holding them all; the next line has this one's hash."""
    return links.chain_lines(session, CONSENTS)


def find_head(session: Session) -> Head | None:
    """Return the head of the chain, where anything is sealed."""
    return heads.find_head(session, CONSENTS)

"""The evidence: consents as they happen, and the hash chain that the tick makes of them."""

import hashlib
import hmac
import secrets
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import rfc8785
from sqlalchemy import exists, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from digest.database import Database
from digest.models import Consent, ConsentDetail, ConsentKind, ConsentSeal, Wording

SALT_BYTES = 32
FIRST_PREVIOUS = bytes(32)


@dataclass(frozen=True)
class Evidence:
    """Where a request came from, as far as it can be told."""

    ip: str | None = None
    user_agent: str | None = None
    page_url: str | None = None
    form: str | None = None


@dataclass(frozen=True)
class Personal:
    """The personal side of a consent: everything that its MAC covers, and erasure deletes."""

    email: str | None = None
    name: str | None = None
    ip: str | None = None
    user_agent: str | None = None
    page_url: str | None = None
    form: str | None = None

    def mac(self, salt: bytes) -> bytes:
        """Return the HMAC-SHA256 of these fields as canonical JSON (RFC 8785) under `salt`."""
        return hmac.digest(salt, rfc8785.dumps(asdict(self)), "sha256")


def record_consent(
    session: Session,
    kind: ConsentKind,
    subject: bytes,
    *,
    now: datetime,
    newsletter_id: int | None = None,
    wording: Wording | None = None,
    email: str | None = None,
    name: str | None = None,
    evidence: Evidence | None = None,
) -> Consent:
    """Add one event about `subject`. `wording` is what was shown, not what is current.

    Where nothing personal is known, nothing personal is kept: the salt is thrown away at once.
    """
    personal = Personal(email=email, name=name, **asdict(evidence or Evidence()))
    salt = secrets.token_bytes(SALT_BYTES)
    consent = Consent(
        subject=subject,
        kind=kind,
        newsletter_id=newsletter_id,
        wording_id=wording.id if wording else None,
        terms_id=wording.terms_id if wording else None,
        at=now,
        mac=personal.mac(salt),
    )
    session.add(consent)
    session.flush()
    if personal != Personal():
        session.add(ConsentDetail(consent_id=consent.id, salt=salt, **asdict(personal)))
    return consent


def seal_consents(database: Database, now: datetime, limit: int = 1000) -> int:
    """Extend the hash chain by what is not in it yet; return how many were sealed.

    Two at once are safe: whoever comes second finds the place in the chain taken, and gives up.
    """
    with database.reading() as session:
        if not _unsealed(session, 1):
            return 0
    try:
        with database.transaction() as session:
            return _extend_chain(session, now, limit)
    except IntegrityError:
        return 0


def _extend_chain(session: Session, now: datetime, limit: int) -> int:
    head = session.scalar(select(ConsentSeal).order_by(ConsentSeal.sequence.desc()).limit(1))
    sequence = head.sequence if head else 0
    previous = head.hash if head else FIRST_PREVIOUS
    consents = _unsealed(session, limit)
    words = _words(session, consents)
    for consent in consents:
        sequence += 1
        link = seal_hash(sequence, previous, consent, words.get(consent.wording_id))
        session.add(
            ConsentSeal(
                sequence=sequence,
                consent_id=consent.id,
                previous=previous,
                hash=link,
                sealed_at=now,
            )
        )
        previous = link
    return len(consents)


def seal_hash(sequence: int, previous: bytes, consent: Consent, wording: Wording | None) -> bytes:
    """Return the SHA-256 of one link: the row, the words it points to, and the link before.

    Canonical JSON (RFC 8785). The words are hashed too, because a chain over their ids alone
    would not notice if somebody rewrote them.
    """
    link: dict[str, str | int | None] = {
        "sequence": sequence,
        "previous": previous.hex(),
        "id": consent.id,
        "subject": consent.subject.hex(),
        "kind": consent.kind.value,
        "newsletter": consent.newsletter_id,
        "wording": consent.wording_id,
        "terms": consent.terms_id,
        "words": _words_hash(wording) if wording else None,
        "at": consent.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "mac": consent.mac.hex(),
    }
    return hashlib.sha256(rfc8785.dumps(link)).digest()


def _unsealed(session: Session, limit: int) -> list[Consent]:
    # By what is missing, not by the last id: a slow transaction may commit a lower id later.
    sealed = exists().where(ConsentSeal.consent_id == Consent.id)
    return list(session.scalars(select(Consent).where(~sealed).order_by(Consent.id).limit(limit)))


def _words(session: Session, consents: list[Consent]) -> dict[int | None, Wording]:
    ids = {consent.wording_id for consent in consents}
    return {
        wording.id: wording for wording in session.scalars(select(Wording)) if wording.id in ids
    }


def _words_hash(wording: Wording) -> str:
    words: list[str | int] = [
        wording.number,
        wording.label,
        wording.terms.version,
        wording.terms.body,
    ]
    return hashlib.sha256(rfc8785.dumps(words)).hexdigest()

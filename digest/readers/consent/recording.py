"""The evidence: consents as they happen. What seals them: `chain` and `sealing`."""

import hmac
import secrets
from dataclasses import asdict, dataclass
from datetime import datetime

import rfc8785
from sqlalchemy.orm import Session

from digest.models import Consent, ConsentDetail, ConsentKind, Subscriber, Wording

SALT_BYTES = 32


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

    def written(self) -> bytes:
        """Return these fields as canonical JSON (RFC 8785): what the MAC is made over."""
        return rfc8785.dumps({**vars(self)})

    def mac(self, salt: bytes) -> bytes:
        """Return the HMAC-SHA256 of these fields under `salt`."""
        return hmac.digest(salt, self.written(), "sha256")


def record_readers_consent(
    session: Session,
    kind: ConsentKind,
    reader: Subscriber,
    *,
    now: datetime,
    newsletter_id: int,
    wording: Wording | None,
    evidence: Evidence | None,
) -> None:
    """Add one event about somebody who is a reader, with what is known of them."""
    record_consent(
        session,
        kind,
        reader.subject,
        now=now,
        newsletter_id=newsletter_id,
        wording=wording,
        email=reader.email,
        name=reader.name,
        evidence=evidence,
    )


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

"""A long chain of consents, made fast."""

from datetime import timedelta

from sqlalchemy import insert
from sqlalchemy.orm import Session

from digest.database.transactions import Database
from digest.models import Consent, ConsentDetail, ConsentKind, Wording
from digest.readers.consent.recording import Personal
from digest.readers.consent.sealing import seal_consents
from tests.factories import NOW

KINDS = (ConsentKind.REQUESTED, ConsentKind.CONFIRMED, ConsentKind.WITHDRAWN)


def make_events(session: Session, wording: Wording, first: int, count: int) -> None:
    """Add events, one a second up to a quarter of an hour before NOW, each with its details."""
    consents, details = [], []
    for number in range(first, first + count):
        personal = Personal(
            email=f"reader{number}@example.org",
            ip="203.0.113.7",
            page_url="https://halyard.example/",
        )
        salt = number.to_bytes(32, "big")
        consents.append(
            {
                "id": number,
                "subject": (number // len(KINDS)).to_bytes(16, "big"),
                "kind": KINDS[number % len(KINDS)],
                "newsletter_id": 1,
                "wording_id": wording.id,
                "terms_id": wording.terms_id,
                "at": NOW - timedelta(days=30) + timedelta(seconds=number),
                "mac": personal.mac(salt),
            }
        )
        details.append({"consent_id": number, "salt": salt, **vars(personal)})
    session.execute(insert(Consent), consents)
    session.execute(insert(ConsentDetail), details)


def make_chain(database: Database, wording: Wording, count: int) -> None:
    """Add events and seal them."""
    with database.transaction() as session:
        make_events(session, wording, 1, count)
    while seal_consents(database, NOW):
        pass

"""A long chain made fast, and what somebody with all rights on the database can do to it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from digest.database.transactions import Database
from digest.models import Consent, ConsentDetail, ConsentKind, ConsentSeal, Wording
from digest.readers.consent.chain import FIRST_PREVIOUS, Words, seal_hash
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


@contextmanager
def all_rights(database: Database) -> Iterator[Session]:
    """Open a transaction in which nothing is protected; what is done in it is taken back."""
    with database.reading() as session:
        disarm(session)
        yield session


def disarm(session: Session) -> None:
    """Switch off what keeps evidence as it is."""
    if session.get_bind().dialect.name == "postgresql":
        for table in ("consent", "consent_seal", "consent_detail", "wording", "terms"):
            session.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER ALL"))
        session.execute(
            text("ALTER TABLE consent DROP CONSTRAINT IF EXISTS ck_consent_consentkind")
        )
        return
    session.execute(text("PRAGMA defer_foreign_keys = ON"))
    session.execute(text("PRAGMA ignore_check_constraints = ON"))
    triggers = session.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all()
    for trigger in triggers:
        session.execute(text(f"DROP TRIGGER {trigger}"))


def does(*statements: str) -> Callable[[Session], None]:
    """Return what runs these statements."""

    def tamper(session: Session) -> None:
        for statement in statements:
            session.execute(text(statement))

    return tamper


def swap_records(session: Session) -> None:
    """Let records 700 and 701 change places, their details with them."""
    for table, column in (("consent_detail", "consent_id"), ("consent", "id")):
        for old, new in ((700, 0), (701, 700), (0, 701)):
            session.execute(text(f"UPDATE {table} SET {column} = {new} WHERE {column} = {old}"))


def reorder_links(session: Session) -> None:
    """Let links 700 and 701 change places."""
    for old, new in ((700, 0), (701, 700), (0, 701)):
        statement = f"UPDATE consent_seal SET sequence = {new} WHERE sequence = {old}"
        session.execute(text(statement))


def insert_sealed(session: Session) -> None:
    """Put a record in as link 700, and number the later links anew."""
    session.execute(text("UPDATE consent_seal SET sequence = -sequence WHERE sequence >= 700"))
    session.execute(text("UPDATE consent_seal SET sequence = 1 - sequence WHERE sequence < 0"))
    forged = session.get_one(Consent, _insert_record(session))
    before = session.get_one(ConsentSeal, 699).hash
    words = Words(session).hash_of(forged.wording_id)
    session.add(
        ConsentSeal(
            sequence=700,
            consent_id=forged.id,
            previous=before,
            hash=seal_hash(700, before, forged, words),
            sealed_at=NOW,
        )
    )
    session.flush()


def insert_late(session: Session) -> None:
    """Put a record in that says it is old, and let it be sealed as if it were new."""
    record = _insert_record(session)
    newest = session.scalars(
        select(ConsentSeal).order_by(ConsentSeal.sequence.desc()).limit(1)
    ).one()
    forged = session.get_one(Consent, record)
    words = Words(session).hash_of(forged.wording_id)
    sequence = newest.sequence + 1
    link = seal_hash(sequence, newest.hash, forged, words)
    session.add(
        ConsentSeal(
            sequence=sequence, consent_id=record, previous=newest.hash, hash=link, sealed_at=NOW
        )
    )
    session.flush()


def insert_unsealed(session: Session) -> None:
    """Put a record in that says it is old."""
    _insert_record(session)


def _insert_record(session: Session) -> int:
    like = session.get_one(Consent, 500)
    session.add(
        Consent(
            id=1_000_000,
            subject=like.subject,
            kind=ConsentKind.CONFIRMED,
            newsletter_id=1,
            wording_id=like.wording_id,
            terms_id=like.terms_id,
            at=like.at - timedelta(days=10),
            mac=b"m" * 32,
        )
    )
    session.flush()
    return 1_000_000


def rewrite(session: Session) -> None:
    """Alter record 700, and reckon every link from there on anew: an owner can."""
    session.execute(text("UPDATE consent SET kind = 'imported' WHERE id = 700"))
    session.expire_all()
    words, previous = Words(session), FIRST_PREVIOUS
    links: Sequence[Any] = session.execute(
        select(ConsentSeal, Consent)
        .join(Consent, Consent.id == ConsentSeal.consent_id)
        .order_by(ConsentSeal.sequence)
    ).all()
    for seal, consent in links:
        seal.previous = previous
        previous = seal.hash = seal_hash(
            seal.sequence, previous, consent, words.hash_of(consent.wording_id)
        )
    session.flush()

"""Finding readers by the address that somebody typed, or by the beginning of it."""

import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from digest.addresses import seek_address
from digest.errors import NotFoundError
from digest.models import Newsletter, Subscriber, Subscription
from digest.prose import ended

# Behind every address that begins as what stands before it, in the order of bytes.
LAST = "\U0010ffff"
LONGEST_ID = 16


def find_reader(session: Session, email: str) -> Subscriber:
    """Return the subscriber with that address, in whatever way it is written.

    Raises:
        NotFoundError: nobody has it; says so where it is no address at all.
    """
    sought = seek_address(email)
    reader = session.scalar(select(Subscriber).where(Subscriber.email_key == sought.key))
    if reader is None:
        raise NotFoundError(ended(sought.flaw or "There is no subscriber with that address"))
    return reader


def find_reader_or_id(session: Session, typed: str) -> Subscriber:
    """Return the subscriber with that address, or of that id.

    Raises:
        NotFoundError: there is none.
    """
    word = typed.strip()
    if not (word.isascii() and word.isdecimal()):
        return find_reader(session, word)
    reader = session.get(Subscriber, int(word)) if len(word) < LONGEST_ID else None
    if reader is None:
        raise NotFoundError(f"There is no subscriber {word[:LONGEST_ID]}.")
    return reader


@dataclass(frozen=True)
class FoundReader:
    """One of those who were sought. `newsletters`: the names of what they get now."""

    id: int
    email: str
    name: str | None
    created_at: datetime
    newsletters: tuple[str, ...]


def search_readers(
    session: Session,
    typed: str,
    *,
    at_most: int,
    newsletter_ids: Collection[int] | None = None,
) -> list[FoundReader]:
    """Return readers whose address is, or begins with, what was typed; in the order of addresses.

    Neither case nor spaces around it matter. `newsletter_ids`: only who has, or had, one of these,
    and nothing about what else they get. Nothing typed finds nobody.
    """
    begins = unicodedata.normalize("NFC", typed.strip().lower())
    if not begins or not begins.isprintable():
        return []
    readers = select(Subscriber).where(Subscriber.email.is_not(None))
    if newsletter_ids is not None:
        of_these = Subscription.newsletter_id.in_(newsletter_ids)
        theirs = select(Subscription.id).where(Subscription.subscriber_id == Subscriber.id)
        # Not EXISTS: for a newsletter with few readers PostgreSQL would read all periods first.
        readers = readers.where(theirs.where(of_these).limit(1).scalar_subquery().is_not(None))
    key = Subscriber.email_key
    beginning = readers.where(key >= begins, key < begins + LAST).order_by(key).limit(at_most)
    # Typed in full it may be written otherwise than its key is.
    exactly = readers.where(key == seek_address(typed).key)
    found = {reader.id: reader for each in (exactly, beginning) for reader in session.scalars(each)}
    return _with_newsletters(session, list(found.values())[:at_most], newsletter_ids)


def _with_newsletters(
    session: Session, readers: Sequence[Subscriber], newsletter_ids: Collection[int] | None
) -> list[FoundReader]:
    statement = (
        select(Subscription.subscriber_id, Newsletter.name)
        .join(Subscription.newsletter)
        .where(
            Subscription.subscriber_id.in_([reader.id for reader in readers]),
            Subscription.ended_at.is_(None),
        )
        .order_by(Newsletter.id)
    )
    if newsletter_ids is not None:
        statement = statement.where(Newsletter.id.in_(newsletter_ids))
    active = session.execute(statement).all()
    return [
        FoundReader(
            id=reader.id,
            email=reader.email or "",
            name=reader.name,
            created_at=reader.created_at,
            newsletters=tuple(name for whose, name in active if whose == reader.id),
        )
        for reader in readers
    ]

"""Finding readers by the address that somebody typed, or by the beginning of it."""

import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import groupby

from sqlalchemy import Select, and_, bindparam, literal_column, select
from sqlalchemy.orm import Session

from digest.addresses import seek_address
from digest.database.prepared import Prepared
from digest.errors import NotFoundError
from digest.models import Newsletter, Subscriber, Subscription
from digest.prose import ended

# Behind every address that begins as what stands before it, in the order of bytes.
LAST = "\U0010ffff"
LONGEST_ID = 16
# Behind the address itself, and before all that is longer.
FIRST = "\x01"


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
    found: dict[int, FoundReader] = {}
    sought = seek_address(typed).key
    # Typed in full it may be written otherwise than its key is.
    ranges = [(sought, sought + FIRST)] if sought != begins else []
    for first, last in (*ranges, (begins, begins + LAST)):
        of = {} if newsletter_ids is None else {"of": list(newsletter_ids)}
        rows = prepared(at_most, bool(of)).rows(session, first=first, last=last, **of)
        for (id_, email, name, at), lines in groupby(rows, key=lambda row: tuple(row[:4])):
            gets = tuple(gets for *_, gets in lines if gets is not None)
            found.setdefault(id_, FoundReader(id_, email, name, at.astimezone(UTC), gets))
    return list(found.values())[:at_most]


@lru_cache
def prepared(at_most: int, of_some: bool) -> Prepared:
    """Return what finds readers between `first` and `last`; `of_some`: of newsletters, `of`."""
    return Prepared(searching(at_most, of_some))


def searching(at_most: int, of_some: bool) -> Select[int, str, str | None, datetime, str | None]:
    """Find the first readers in the order of addresses, each with what they get, at once."""
    key = Subscriber.email_key
    some = select(Subscriber.id, Subscriber.email, Subscriber.name, Subscriber.created_at, key)
    some = some.where(Subscriber.email.is_not(None), key >= bindparam("first"))
    some = some.where(key < bindparam("last"))
    active = [Subscription.ended_at.is_(None)]
    if of_some:
        of_these = Subscription.newsletter_id.in_(bindparam("of", expanding=True))
        theirs = select(Subscription.id).where(Subscription.subscriber_id == Subscriber.id)
        # Not EXISTS: for a newsletter with few readers PostgreSQL would read all periods first.
        some = some.where(theirs.where(of_these).limit(1).scalar_subquery().is_not(None))
        active.append(of_these)
    # Written out, so that a plan for any number of them is one for few.
    first = some.order_by(key).limit(literal_column(f"{at_most:d}")).subquery()
    return (
        select(first.c.id, first.c.email, first.c.name, first.c.created_at, Newsletter.name)
        .outerjoin(Subscription, and_(Subscription.subscriber_id == first.c.id, *active))
        .outerjoin(Newsletter, Newsletter.id == Subscription.newsletter_id)
        .order_by(first.c.email_key, Newsletter.id)
    )

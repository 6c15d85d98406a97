"""The tick seals what happened since: in the chain, a consent can no longer be altered unseen."""

from datetime import datetime, timedelta

from sqlalchemy import exists, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from digest.database.transactions import Database
from digest.models import Consent, ConsentSeal, Heartbeat
from digest.readers.consent.chain import FIRST_PREVIOUS, Words, find_head, seal_hash

# What is not in the chain is looked for among the events since this many links ago: most of them
# are newer than all. Ids are given before a commit, so that a slow transaction adds lower ones
# later; what took longer than this is found by the search through all, which takes seconds where
# there are millions.
RECENT_LINKS = 2000
SEARCH_ALL_EVERY = timedelta(hours=1)
SEARCHED = "seals"
BATCH = 1000


def seal_consents(database: Database, now: datetime, limit: int = 10_000) -> int:
    """Extend the hash chain by what is not in it yet; return how many were sealed.

    Two at once are safe: whoever comes second finds the place in the chain taken, and gives up.
    """
    with database.reading() as session:
        search_all = _search_is_due(session, now)
        since = 0 if search_all else _recent(session)
        found = _unsealed(session, since, 1)
    if search_all:
        _note_search(database, now)
    sealed = 0
    while found and sealed < limit:
        size = min(BATCH, limit - sealed)
        try:
            with database.transaction() as session:
                consents = _extend_chain(session, now, since, size)
        except IntegrityError:
            break
        sealed += len(consents)
        if len(consents) < size:
            break
        since = consents[-1].id
    return sealed


def _extend_chain(session: Session, now: datetime, since: int, limit: int) -> list[Consent]:
    head = find_head(session)
    sequence = head.sequence if head else 0
    previous = bytes.fromhex(head.hash) if head else FIRST_PREVIOUS
    consents = _unsealed(session, since, limit)
    words = Words(session)
    for consent in consents:
        sequence += 1
        link = seal_hash(sequence, previous, consent, words.hash_of(consent.wording_id))
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
    return consents


def _unsealed(session: Session, since: int, limit: int) -> list[Consent]:
    # By what is missing, not by the last id: a slow transaction may commit a lower id later.
    # Both sides from there on, or PostgreSQL reads the whole chain to hold a few rows against it.
    sealed = exists().where(ConsentSeal.consent_id == Consent.id, ConsentSeal.consent_id >= since)
    return list(
        session.scalars(
            select(Consent).where(Consent.id >= since, ~sealed).order_by(Consent.id).limit(limit)
        )
    )


def _recent(session: Session) -> int:
    """Return the lowest id among the newest links: the low-water mark."""
    newest = (
        select(ConsentSeal.consent_id)
        .order_by(ConsentSeal.sequence.desc())
        .limit(RECENT_LINKS)
        .subquery()
    )
    return session.scalar(select(func.min(newest.c.consent_id))) or 0


def _search_is_due(session: Session, now: datetime) -> bool:
    last = session.get(Heartbeat, SEARCHED)
    # A clock that was set back must not put it off for long.
    return last is None or not now - SEARCH_ALL_EVERY < last.at <= now


def _note_search(database: Database, now: datetime) -> None:
    try:
        with database.transaction() as session:
            noted = session.execute(
                update(Heartbeat)
                .where(Heartbeat.name == SEARCHED)
                .values(at=now)
                .returning(Heartbeat.name)
            )
            if noted.first() is None:
                session.add(Heartbeat(name=SEARCHED, at=now))
    except IntegrityError:
        # Another tick was first.
        pass

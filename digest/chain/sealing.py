"""Sealing: what happened since is put into the chain, where it can no longer be altered unseen."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import exists, func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from digest.chain.heads import find_head
from digest.chain.links import FIRST_PREVIOUS, hash_link
from digest.chain.log import Log
from digest.database.transactions import Database
from digest.heartbeats import beat, is_due

# What is not in the chain is looked for among the events since this many links ago: most of them
# are newer than all. Ids are given before a commit, so that a slow transaction adds lower ones
# later; what took longer than this is found by the search through all, which takes seconds where
# there are millions.
RECENT_LINKS = 2000
SEARCH_ALL_EVERY = timedelta(hours=1)
BATCH = 1000


def seal(database: Database, log: Log, now: datetime, limit: int = 10_000) -> int:
    """Extend a log's chain by what is not in it yet; return how many records were sealed.

    Two at once are safe: whoever comes second finds the place in the chain taken, and gives up.
    """
    with database.reading() as session:
        search_all = is_due(session, log.searched, now, SEARCH_ALL_EVERY)
        since = 0 if search_all else _recent(session, log)
        found = _unsealed(session, log, since, 1)
    if search_all:
        with database.transaction() as session:
            beat(session, log.searched, now)
    sealed = 0
    while found and sealed < limit:
        size = min(BATCH, limit - sealed)
        try:
            with database.transaction() as session:
                records = _extend_chain(session, log, now, since, size)
        except IntegrityError:
            break
        sealed += len(records)
        if len(records) < size:
            break
        since = records[-1].id
    return sealed


def _extend_chain(
    session: Session, log: Log, now: datetime, since: int, limit: int
) -> Sequence[Any]:
    head = find_head(session, log)
    following = head.sequence + 1 if head else 1
    previous = bytes.fromhex(head.hash) if head else FIRST_PREVIOUS
    records, links = _unsealed(session, log, since, limit), []
    writer = log.writer(session)
    for sequence, record in enumerate(records, start=following):
        link = hash_link(sequence, previous, writer.fields(record))
        links.append(
            {
                "sequence": sequence,
                log.sealed.key: record.id,
                "previous": previous,
                "hash": link,
                "sealed_at": now,
            }
        )
        previous = link
    if links:
        session.execute(insert(log.seal), links)
    return records


def _unsealed(session: Session, log: Log, since: int, limit: int) -> Sequence[Any]:
    # By what is missing, not by the last id: a slow transaction may commit a lower id later.
    # Both sides from there on, or PostgreSQL reads the whole chain to hold a few rows against it.
    sealed = exists().where(log.sealed == log.record.id, log.sealed >= since)
    return session.execute(
        select(*log.columns)
        .where(log.record.id >= since, ~sealed)
        .order_by(log.record.id)
        .limit(limit)
    ).all()


def _recent(session: Session, log: Log) -> int:
    """Return the lowest id among the newest links: the low-water mark."""
    newest = (
        select(log.sealed.label("record"))
        .order_by(log.seal.sequence.desc())
        .limit(RECENT_LINKS)
        .subquery()
    )
    return session.scalar(select(func.min(newest.c.record))) or 0

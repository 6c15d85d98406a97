"""The links of a chain: the bytes of each, and all of them as lines.

A link is canonical JSON (RFC 8785), and its hash the SHA-256 of these bytes. It holds the hash of
the link before, so that whatever is altered, taken out, put in or put in another order no longer
fits.
"""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import rfc8785
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from digest.chain.log import Log

FIRST_PREVIOUS = bytes(32)
ROWS_AT_ONCE = 1000


def write_link(sequence: int, previous: bytes, fields: Mapping[str, Any]) -> bytes:
    """Return one link: its number, the hash of the link before, and what it says of its record.

    Raises ValueError where the fields hold what no link could.
    """
    return rfc8785.dumps({"sequence": sequence, "previous": previous.hex(), **fields})


def hash_link(sequence: int, previous: bytes, fields: Mapping[str, Any]) -> bytes:
    """Return the hash of one link."""
    return hashlib.sha256(write_link(sequence, previous, fields)).digest()


def count_links(session: Session, log: Log) -> int:
    """Return how many links there are: for a progress bar."""
    return session.scalar(select(func.count()).select_from(log.seal)) or 0


def chain_lines(session: Session, log: Log) -> Iterator[str]:
    """Yield every link as a line, without holding them all; the next line has this one's hash."""
    writer = log.writer(session)
    links = session.execute(
        select(log.seal.sequence, log.seal.previous, *log.columns)
        .join(log.record, log.record.id == log.sealed)
        .order_by(log.seal.sequence)
        .execution_options(yield_per=ROWS_AT_ONCE)
    )
    for row in links:
        yield f"{write_link(row.sequence, row.previous, writer.fields(row)).decode()}\n"

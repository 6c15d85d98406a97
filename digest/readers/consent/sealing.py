"""The tick seals consents: in the chain they can no longer be altered unseen."""

from datetime import datetime

from digest.chain.sealing import seal
from digest.database.transactions import Database
from digest.readers.consent.chain import CONSENTS


def seal_consents(database: Database, now: datetime, limit: int = 10_000) -> int:
    """Extend the chain by what is not in it yet; return how many were sealed."""
    return seal(database, CONSENTS, now, limit)

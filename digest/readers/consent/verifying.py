"""Whether the chain of consents holds: every record is as it was sealed, and none is missing."""

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from digest.chain import verifying
from digest.chain.heads import Head
from digest.chain.verifying import BATCH, Findings
from digest.readers.consent.chain import CONSENTS


def verify_chain(
    session: Session,
    now: datetime,
    *,
    heads: Sequence[Head] = (),
    advanced: Callable[[int], None] = lambda _: None,
    batch: int = BATCH,
) -> Findings:
    """Walk along the whole chain. `heads` were kept elsewhere; `advanced` is told of each batch."""
    return verifying.verify_chain(
        session, CONSENTS, now, heads=heads, advanced=advanced, batch=batch
    )

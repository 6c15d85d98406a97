"""How many of those who signed up lately have an address that will not last."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from digest.checkup.finding import Finding, fine, warning
from digest.disposable import is_disposable
from digest.models import Subscriber

LATELY = timedelta(days=30)
LOOKED_AT = 5000
# Below, there is nothing to do about it.
WORTH_A_WORD = 0.05
FEWEST = 5


def look_at_addresses(session: Session, known: tuple[str, datetime]) -> Iterator[Finding]:
    """Return how many new readers have a disposable address, where the publisher wants to know."""
    choice, now = known
    if choice != "report":
        return
    emails = session.scalars(
        select(Subscriber.email)
        .where(Subscriber.email.is_not(None), Subscriber.created_at > now - LATELY)
        .order_by(Subscriber.id.desc())
        .limit(LOOKED_AT)
    ).all()
    found = sum(is_disposable(email) for email in emails if email)
    if not found:
        return
    said = (
        f"Of the last {len(emails):,} new readers, {found:,} have an address of a service that "
        "throws mail away."
    )
    if found >= FEWEST and found >= WORTH_A_WORD * len(emails):
        yield warning("addresses", said, "To take no more of them, set DIGEST_DISPOSABLE=refuse.")
    else:
        yield fine("addresses", said)

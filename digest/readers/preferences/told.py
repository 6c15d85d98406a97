"""What the readers of a newsletter told: the topics that they chose, and why others left."""

from collections import Counter

from sqlalchemy import select
from sqlalchemy.orm import Session

from digest.models import Farewell, Subscription


def topics_asked_for(session: Session, newsletter_id: int) -> dict[str, int]:
    """Return how many readers chose each topic, the most wanted first."""
    chosen = session.scalars(
        select(Subscription.topics)
        .where(Subscription.newsletter_id == newsletter_id, Subscription.ended_at.is_(None))
        .execution_options(yield_per=1000)
    )
    return dict(Counter(topic for topics in chosen for topic in topics).most_common())


def reasons_told(session: Session, newsletter_id: int) -> dict[str, dict[str, int]]:
    """Return how often each reason was given, by month, the newest first."""
    rows = session.scalars(
        select(Farewell)
        .where(Farewell.newsletter_id == newsletter_id)
        .order_by(Farewell.month.desc(), Farewell.readers.desc(), Farewell.reason)
    )
    told: dict[str, dict[str, int]] = {}
    for row in rows:
        told.setdefault(f"{row.month:%Y-%m}", {})[row.reason.value] = row.readers
    return told

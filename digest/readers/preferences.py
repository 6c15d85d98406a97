"""All that a reader gets, for the page behind `Change what we send`.

The link may have been forwarded: nothing here shows or changes the reader's address.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from digest.models import Subscription
from digest.readers.standing import Standing, find_period, standing_of


@dataclass(frozen=True)
class Preferences:
    """One standing for each newsletter that is active, and for the link's own."""

    standings: tuple[Standing, ...] = ()


def look_at_preferences(session: Session, token_id: bytes, *, now: datetime) -> Preferences:
    """Say what the reader gets, the link's own newsletter first. Changes nothing."""
    period = find_period(session, token_id)
    if period is None:
        return Preferences()
    others = session.scalars(
        select(Subscription)
        .where(
            Subscription.subscriber_id == period.subscriber_id,
            Subscription.newsletter_id != period.newsletter_id,
            Subscription.ended_at.is_(None),
        )
        .options(joinedload(Subscription.newsletter))
        .order_by(Subscription.id)
    )
    return Preferences(tuple(standing_of(session, each, now) for each in (period, *others)))


def period_of_newsletter(session: Session, token_id: bytes, slug: str) -> bytes | None:
    """Return the id of the same reader's active period of another newsletter, if there is one."""
    period = find_period(session, token_id)
    if period is None:
        return None
    if period.newsletter.slug == slug:
        return period.token_id
    others = session.scalars(
        select(Subscription)
        .where(Subscription.subscriber_id == period.subscriber_id, Subscription.ended_at.is_(None))
        .options(joinedload(Subscription.newsletter))
    )
    return next((each.token_id for each in others if each.newsletter.slug == slug), None)

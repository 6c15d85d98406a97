"""Who an issue goes to: counted before, and fixed when it is frozen, by the same statement."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, Select, and_, case, func, insert, literal, select
from sqlalchemy import cast as as_type
from sqlalchemy.orm import Session
from sqlalchemy.types import String

from digest.database.tables import database_now
from digest.delivery.ledger import partitions
from digest.models import (
    Delivery,
    DeliveryState,
    Issue,
    Subscriber,
    Subscription,
    Suppression,
    blocks_mail,
    reason_not_to_mail,
)


@dataclass(frozen=True)
class Audience:
    """How many an issue would go to; of the newsletter's other readers, how many and why not.

    `left_out` is by "paused", and for blocked mail by the suppression's reason; the most first.
    """

    readers: int
    left_out: dict[str, int]


def count_audience(session: Session, newsletter_id: int, now: datetime) -> Audience:
    """Count whom an issue that is frozen now would go to, by the statement that freezes.

    Who has left, or never confirmed, is not a reader, and counted nowhere.
    """
    mailable = _mailable(newsletter_id, now).subquery()
    why = case(
        (Suppression.id.is_not(None), as_type(Suppression.reason, String)),
        else_=reason_not_to_mail(now),
    )
    others = (
        _readers(newsletter_id)
        .where(reason_not_to_mail(now).is_not(None))
        # Two suppressions of one address give a reader two rows.
        .with_only_columns(func.min(why).label("why"))
        .group_by(Subscription.subscriber_id)
        .subquery()
    )
    counted = session.execute(
        select(others.c.why, func.count())
        .group_by(others.c.why)
        .order_by(func.count().desc(), others.c.why)
    )
    return Audience(
        session.execute(select(func.count()).select_from(mailable)).scalar_one(),
        dict(counted.all()),
    )


def reason_left_out(
    session: Session, newsletter_id: int, subscriber_id: int, now: datetime
) -> str | None:
    """Say why a reader is not in the audience of an issue that is frozen now; None: they are.

    It is "suppressed", "paused" or "left", by the predicate that freezes.
    """
    mine = _readers(newsletter_id).where(Subscription.subscriber_id == subscriber_id)
    found = session.execute(mine.with_only_columns(reason_not_to_mail(now)).limit(1)).first()
    return "left" if found is None else found[0]


def snapshot_audience(session: Session, issue: Issue, rendering_id: int, now: datetime) -> int:
    """Queue a delivery for everyone who may be mailed now; one statement. Return how many.

    Raises:
        RefusedError: the database's role may not make tables.
    """
    readers = _mailable(issue.newsletter_id, now).with_only_columns(
        literal(issue.id),
        Subscription.subscriber_id,
        literal(rendering_id),
        literal(DeliveryState.QUEUED, Delivery.state.type),
        literal(0),
        database_now(),
        database_now(),
    )
    columns = [
        Delivery.issue_id,
        Delivery.subscriber_id,
        Delivery.rendering_id,
        Delivery.state,
        Delivery.attempts,
        Delivery.released_at,
        Delivery.next_attempt_at,
    ]
    place = partitions.make(session, issue.id)
    written = session.execute(
        insert(place).from_select([c.key for c in columns], readers),
        execution_options={"preserve_rowcount": True},
    )
    partitions.attach(session, issue.id)
    return cast("CursorResult[Any]", written).rowcount


def _mailable(newsletter_id: int, now: datetime) -> Select[int]:
    return _readers(newsletter_id).where(reason_not_to_mail(now).is_(None))


def _readers(newsletter_id: int) -> Select[int]:
    """Select a newsletter's readers, each beside what blocks mail to them."""
    return (
        select(Subscription.subscriber_id)
        .join(Subscriber, Subscriber.id == Subscription.subscriber_id)
        .outerjoin(Suppression, and_(Suppression.mac == Subscriber.suppression_mac, blocks_mail()))
        .where(Subscription.newsletter_id == newsletter_id, Subscription.ended_at.is_(None))
    )

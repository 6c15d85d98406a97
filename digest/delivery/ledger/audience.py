"""Who an issue goes to: fixed when it is frozen."""

from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, and_, insert, literal, select
from sqlalchemy.orm import Session

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


def snapshot_audience(session: Session, issue: Issue, rendering_id: int, now: datetime) -> int:
    """Queue a delivery for everyone who may be mailed now; one statement. Return how many.

    Raises:
        RefusedError: the database's role may not make tables.
    """
    readers = (
        select(
            literal(issue.id),
            Subscription.subscriber_id,
            literal(rendering_id),
            literal(DeliveryState.QUEUED, Delivery.state.type),
            literal(0),
            database_now(),
            database_now(),
        )
        .join(Subscriber, Subscriber.id == Subscription.subscriber_id)
        .outerjoin(Suppression, and_(Suppression.mac == Subscriber.suppression_mac, blocks_mail()))
        .where(
            Subscription.newsletter_id == issue.newsletter_id,
            Subscription.ended_at.is_(None),
            reason_not_to_mail(now).is_(None),
        )
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

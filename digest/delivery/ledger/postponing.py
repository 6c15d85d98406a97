"""Rows whose domain is to get no more just now go back into the queue, each for its moment."""

from collections import defaultdict
from collections.abc import Iterable

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from digest.database.tables import database_now
from digest.database.transactions import Database
from digest.delivery.relay.pacing import Pace, Postponed
from digest.models import Delivery, DeliveryState, Subscriber


def spread_by_domain(database: Database, issue_id: int, token: bytes, pace: Pace) -> None:
    """Put those of a claim back into the queue whose domain is to get no more just now.

    Before they are on the wire, so that windows are filled with those who may have theirs. Each
    is queued for its own moment, and it does not count as a try.
    """
    if not pace.holds_domains_back:
        return
    with database.reading() as session:
        claimed = session.execute(
            select(Delivery.subscriber_id, Subscriber.email)
            .join(Subscriber, Subscriber.id == Delivery.subscriber_id)
            .where(
                Delivery.issue_id == issue_id,
                Delivery.claim == token,
                Delivery.state == DeliveryState.CLAIMED,
            )
        ).all()
    later = pace.hold_back((subscriber_id, email or "") for subscriber_id, email in claimed)
    if later:
        with database.transaction() as session:
            _postpone(session, issue_id, token, later)


def _postpone(session: Session, issue_id: int, token: bytes, later: Iterable[Postponed]) -> None:
    together: defaultdict[float, list[int]] = defaultdict(list)
    for each in later:
        together[each.seconds].append(each.subscriber_id)
    for seconds, readers in together.items():
        session.execute(
            update(Delivery)
            .where(
                Delivery.issue_id == issue_id,
                Delivery.subscriber_id.in_(readers),
                Delivery.claim == token,
                Delivery.state == DeliveryState.CLAIMED,
            )
            .values(
                state=DeliveryState.QUEUED,
                claim=None,
                lease_until=None,
                next_attempt_at=database_now(seconds),
            )
        )

"""Putting rows back whose domain is to get no more just now, and waiting for their moment."""

from collections import defaultdict
from collections.abc import Iterable

from sqlalchemy import ColumnElement, exists, literal, or_, select, update
from sqlalchemy.orm import Session, aliased

from digest.database import database_now
from digest.delivery.ledger import ON_THE_WIRE
from digest.delivery.pacing import Postponed
from digest.models import Delivery, DeliveryState, Issue, IssueState


def postpone(session: Session, issue_id: int, token: bytes, later: Iterable[Postponed]) -> None:
    """Queue rows of an open window again, each for its moment. It does not count as a try."""
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
                Delivery.state.in_(ON_THE_WIRE),
            )
            .values(
                state=DeliveryState.QUEUED,
                claim=None,
                lease_until=None,
                next_attempt_at=database_now(seconds),
            )
        )


def next_moment(session: Session, issue_id: int, *, within: float) -> float | None:
    """Return in how many seconds a row of the issue is due, if nobody else is there to see to it.

    None where that is more than `within` seconds away, or the issue is not being sent.
    """
    moments = session.execute(
        select(Delivery.next_attempt_at, database_now())
        .where(
            Delivery.issue_id == issue_id,
            Delivery.state == DeliveryState.QUEUED,
            exists().where(Issue.id == issue_id, Issue.state == IssueState.SENDING),
            ~_somebody_is_at_work(issue_id),
        )
        .order_by(Delivery.next_attempt_at)
        .limit(1)
    ).one_or_none()
    if moments is None:
        return None
    seconds = max(0.0, (moments[0] - moments[1]).total_seconds())
    return seconds if seconds <= within else None


def _somebody_is_at_work(issue_id: int) -> ColumnElement[bool]:
    other = aliased(Delivery)
    # A question for each state, in the words of the partial indexes.
    return or_(
        *(
            exists().where(
                other.issue_id == issue_id,
                other.state == literal(state, other.state.type, literal_execute=True),
                other.lease_until > database_now(),
            )
            for state in (DeliveryState.CLAIMED, DeliveryState.SENDING)
        )
    )

"""What no worker does for itself: leases that ran out, issues to park, resume and close."""

from datetime import datetime

from sqlalchemy import and_, exists, or_, select, update
from sqlalchemy.orm import Session

from digest.database import database_now
from digest.models import (
    OPEN,
    Delivery,
    DeliveryState,
    InDoubtPolicy,
    Issue,
    IssueState,
    Newsletter,
)


def park(session: Session, issue_id: int, reason: str, *, seconds: float) -> None:
    """Stop an issue that is being sent, with the reason in words; the tick resumes it."""
    session.execute(
        update(Issue)
        .where(Issue.id == issue_id, Issue.state == IssueState.SENDING)
        .values(state=IssueState.PARKED, reason=reason[:500], parked_until=database_now(seconds))
    )


def resume_parked(session: Session) -> None:
    """Send on with the issues whose wait is over."""
    session.execute(
        update(Issue)
        .where(Issue.state == IssueState.PARKED, Issue.parked_until <= database_now())
        .values(state=IssueState.SENDING, reason=None, parked_until=None)
    )


def close_if_done(session: Session, issue_id: int, now: datetime) -> bool:
    """Mark an issue sent when no row is open; rows in doubt do not keep it open."""
    still_open = exists().where(Delivery.issue_id == issue_id, Delivery.state.in_(OPEN))
    closed = session.execute(
        update(Issue)
        .where(Issue.id == issue_id, Issue.state == IssueState.SENDING, ~still_open)
        .values(state=IssueState.SENT, sent_at=now)
        .returning(Issue.id)
    )
    return closed.first() is not None


def sweep_leases(session: Session, *, final_dot_wait: float) -> None:
    """Take back what was held by workers that are gone.

    Claimed rows were never on the wire. Sending rows are in doubt, and are sent again only where
    the newsletter says so, and only `final_dot_wait` seconds after their lease.
    """
    over = Delivery.lease_until < database_now()
    session.execute(
        update(Delivery)
        .where(Delivery.state == DeliveryState.CLAIMED, over)
        .values(state=DeliveryState.QUEUED, claim=None, lease_until=None)
    )
    session.execute(
        update(Delivery)
        .where(Delivery.state == DeliveryState.SENDING, over)
        .values(state=DeliveryState.IN_DOUBT)
    )
    resending = (
        select(Issue.id)
        .join(Newsletter, Newsletter.id == Issue.newsletter_id)
        .where(
            Newsletter.in_doubt_policy == InDoubtPolicy.RESEND,
            Issue.state.in_((IssueState.SENDING, IssueState.SENT)),
        )
    )
    again = session.execute(
        update(Delivery)
        .where(
            Delivery.state == DeliveryState.IN_DOUBT,
            Delivery.issue_id.in_(resending),
            Delivery.lease_until < database_now(-final_dot_wait),
        )
        .values(
            state=DeliveryState.QUEUED,
            claim=None,
            lease_until=None,
            next_attempt_at=database_now(),
        )
        .returning(Delivery.issue_id)
    )
    reopened = {row.issue_id for row in again}
    if reopened:
        session.execute(
            update(Issue)
            .where(Issue.id.in_(reopened), Issue.state == IssueState.SENT)
            .values(state=IssueState.SENDING, sent_at=None)
        )


def issues_with_work(session: Session) -> list[int]:
    """Return the issues that have something to send now, or only need closing."""
    due = exists().where(
        Delivery.issue_id == Issue.id,
        Delivery.state == DeliveryState.QUEUED,
        Delivery.next_attempt_at <= database_now(),
    )
    still_open = exists().where(Delivery.issue_id == Issue.id, Delivery.state.in_(OPEN))
    found = session.execute(
        select(Issue.id).where(
            or_(
                Issue.state == IssueState.FROZEN,
                and_(Issue.state == IssueState.SENDING, or_(due, ~still_open)),
            )
        )
    )
    return list(found.scalars())

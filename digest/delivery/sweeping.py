"""What no worker does for itself: leases that ran out, issues to park, resume and close."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    and_,
    bindparam,
    exists,
    func,
    literal,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.orm import Session

from digest.database import database_now
from digest.delivery.backoff import GIVE_UP_AFTER
from digest.delivery.waiting import begin_waits, end_waits
from digest.models import (
    OPEN,
    Delivery,
    DeliveryState,
    InDoubtPolicy,
    Issue,
    IssueState,
    Newsletter,
)

HELD = (DeliveryState.CLAIMED, DeliveryState.SENDING, DeliveryState.IN_DOUBT)
_HELD = Delivery.state.in_(
    bindparam("held", HELD, Delivery.state.type, expanding=True, literal_execute=True)
)
_FREE: dict[str, Any] = {"claim": None, "lease_until": None}


def park(session: Session, issue_id: int, reason: str, *, seconds: float) -> None:
    """Stop an issue that is being sent, with the reason in words; the tick resumes it."""
    parked = session.execute(
        update(Issue)
        .where(Issue.id == issue_id, Issue.state == IssueState.SENDING)
        .values(state=IssueState.PARKED, reason=reason[:500], parked_until=database_now(seconds))
        .returning(Issue.id)
    )
    begin_waits(session, list(parked.scalars()), reason[:500])


def resume_parked(session: Session) -> None:
    """Send on with the issues whose wait is over."""
    resumed = session.execute(
        update(Issue)
        .where(Issue.state == IssueState.PARKED, Issue.parked_until <= database_now())
        .values(state=IssueState.SENDING, reason=None, parked_until=None)
        .returning(Issue.id)
    )
    end_waits(session, list(resumed.scalars()))


def close_if_done(session: Session, issue_id: int, now: datetime) -> bool:
    """Mark an issue sent when no row is open; rows in doubt do not keep it open."""
    closed = session.execute(
        update(Issue)
        .where(Issue.id == issue_id, Issue.state == IssueState.SENDING, ~_is_open())
        .values(state=IssueState.SENT, sent_at=now)
        .returning(Issue.id)
    )
    return closed.first() is not None


def sweep_leases(session: Session, *, final_dot_wait: float) -> None:
    """Take back what was held by workers that are gone.

    Claimed rows were never on the wire. Sending rows are in doubt, and are sent again only where
    the newsletter says so, only `final_dot_wait` seconds after their lease, and not once they
    are older than any row that is still tried.
    """
    over = Delivery.lease_until < database_now()
    _move_unlocked(session, _is(DeliveryState.CLAIMED) & over, DeliveryState.QUEUED, **_FREE)
    _move_unlocked(session, _is(DeliveryState.SENDING) & over, DeliveryState.IN_DOUBT)
    resending = (
        select(Issue.id)
        .join(Newsletter, Newsletter.id == Issue.newsletter_id)
        .where(
            Newsletter.in_doubt_policy == InDoubtPolicy.RESEND,
            Issue.state.in_((IssueState.SENDING, IssueState.SENT)),
        )
    )
    _move_unlocked(
        session,
        and_(
            _is(DeliveryState.IN_DOUBT),
            Delivery.issue_id.in_(resending),
            Delivery.lease_until < database_now(-final_dot_wait),
            Delivery.released_at > database_now(-GIVE_UP_AFTER.total_seconds()),
        ),
        DeliveryState.QUEUED,
        **_FREE,
        next_attempt_at=database_now(),
    )
    _reopen(session)


def others_on_the_wire(session: Session, claim: bytes) -> bool:
    """Say whether a worker other than the holder of `claim` has a window open right now."""
    at_work = _has(
        DeliveryState.SENDING, Delivery.lease_until > database_now(), Delivery.claim != claim
    )
    found = select(Issue.id).where(Issue.state == IssueState.SENDING, at_work).limit(1)
    return session.execute(found).first() is not None


def issues_with_work(session: Session) -> list[int]:
    """Return the issues that have something to send now and nobody at work, or need closing.

    Whoever is at work rings for more: another word each minute would fill the queue.
    """
    due = _has(DeliveryState.QUEUED, Delivery.next_attempt_at <= database_now())
    found = session.execute(
        select(Issue.id).where(
            or_(
                Issue.state == IssueState.FROZEN,
                and_(Issue.state == IssueState.SENDING, or_(due & ~_at_work(), ~_is_open())),
            )
        )
    )
    return list(found.scalars())


def next_moment(session: Session, issue_id: int, *, within: float) -> float | None:
    """Return in how many seconds a row of the issue is due, if nobody else is there to see to it.

    None where that is more than `within` seconds away, or the issue is not being sent.
    """
    soonest = (
        select(func.min(Delivery.next_attempt_at))
        .where(Delivery.issue_id == issue_id, _is(DeliveryState.QUEUED))
        .scalar_subquery()
    )
    found = session.execute(
        select(soonest, database_now()).where(
            Issue.id == issue_id, Issue.state == IssueState.SENDING, ~_at_work()
        )
    ).one_or_none()
    if found is None or found[0] is None:
        return None
    seconds = max(0.0, (found[0] - found[1]).total_seconds())
    return seconds if seconds <= within else None


def _reopen(session: Session) -> None:
    """Send on with issues that were closed before a row of theirs went back to the queue."""
    session.execute(
        update(Issue)
        .where(Issue.state == IssueState.SENT, _has(DeliveryState.QUEUED))
        .values(state=IssueState.SENDING, sent_at=None)
    )


def _move_unlocked(
    session: Session, which: ColumnElement[bool], to: DeliveryState, **values: Any
) -> None:
    # A row that is locked is being written by the worker that holds it, which knows better.
    found = (
        select(Delivery.issue_id, Delivery.subscriber_id)
        .where(which)
        .with_for_update(skip_locked=True)
        .cte("found")
    )
    session.execute(
        update(Delivery)
        .where(
            tuple_(Delivery.issue_id, Delivery.subscriber_id).in_(
                select(found.c.issue_id, found.c.subscriber_id)
            )
        )
        .values(state=to, **values)
        .execution_options(synchronize_session=False)
    )


def _at_work() -> ColumnElement[bool]:
    live = Delivery.lease_until > database_now()
    return or_(*(_has(state, live) for state in (DeliveryState.CLAIMED, DeliveryState.SENDING)))


def _is_open() -> ColumnElement[bool]:
    # A question for each state: so the partial indexes answer, however many rows are final.
    return or_(*(_has(state) for state in OPEN))


def _has(state: DeliveryState, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(Delivery.issue_id == Issue.id, _is(state), *conditions)


def _is(state: DeliveryState) -> ColumnElement[bool]:
    # In the very words of the partial indexes, without which SQLite does not use them.
    named = Delivery.state == literal(state, Delivery.state.type, literal_execute=True)
    return named & _HELD if state in HELD else named

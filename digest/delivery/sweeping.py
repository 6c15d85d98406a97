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
from digest.delivery.watching import living_issues, watched_issues
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
    closed = session.execute(
        update(Issue)
        .where(Issue.id == issue_id, Issue.state == IssueState.SENDING, ~_is_open([issue_id]))
        .values(state=IssueState.SENT, sent_at=now, watched_until=None)
        .returning(Issue.id)
    )
    return closed.first() is not None


def sweep_leases(session: Session, *, final_dot_wait: float) -> None:
    """Take back what was held by workers that are gone.

    Claimed rows were never on the wire. Sending rows are in doubt, and are sent again only where
    the newsletter says so, only `final_dot_wait` seconds after their lease, and not once they
    are older than any row that is still tried.
    """
    issues = watched_issues(session)
    if not issues:
        return
    over = Delivery.lease_until < database_now()
    claimed, sending = (
        _is(state) & over for state in (DeliveryState.CLAIMED, DeliveryState.SENDING)
    )
    _move_unlocked(session, issues, claimed, DeliveryState.QUEUED, **_FREE)
    _move_unlocked(session, issues, sending, DeliveryState.IN_DOUBT)
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
        issues,
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
    _reopen(session, issues)


def issues_with_work(session: Session) -> list[int]:
    """Return the issues that have something to send now and nobody at work, or need closing.

    Whoever is at work rings for more: another word each minute would fill the queue.
    """
    issues = living_issues(session)
    if not issues:
        return []
    due = _has(issues, DeliveryState.QUEUED, Delivery.next_attempt_at <= database_now())
    at_work = or_(
        *(
            _has(issues, state, Delivery.lease_until > database_now())
            for state in (DeliveryState.CLAIMED, DeliveryState.SENDING)
        )
    )
    found = session.execute(
        select(Issue.id).where(
            Issue.id.in_(issues),
            or_(
                Issue.state == IssueState.FROZEN,
                and_(Issue.state == IssueState.SENDING, or_(due & ~at_work, ~_is_open(issues))),
            ),
        )
    )
    return list(found.scalars())


def _reopen(session: Session, issues: list[int]) -> None:
    """Send on with issues that were closed before a row of theirs went back to the queue."""
    session.execute(
        update(Issue)
        .where(
            Issue.id.in_(issues),
            Issue.state == IssueState.SENT,
            _has(issues, DeliveryState.QUEUED),
        )
        .values(state=IssueState.SENDING, sent_at=None)
    )


def _move_unlocked(
    session: Session,
    issues: list[int],
    which: ColumnElement[bool],
    to: DeliveryState,
    **values: Any,
) -> None:
    # A row that is locked is being written by the worker that holds it, which knows better.
    found = (
        select(Delivery.issue_id, Delivery.subscriber_id)
        .where(Delivery.issue_id.in_(issues), which)
        .with_for_update(skip_locked=True)
        .cte("found")
    )
    session.execute(
        update(Delivery)
        .where(
            # Again: what is written is chosen apart from what is read.
            Delivery.issue_id.in_(issues),
            tuple_(Delivery.issue_id, Delivery.subscriber_id).in_(
                select(found.c.issue_id, found.c.subscriber_id)
            ),
        )
        .values(state=to, **values)
        .execution_options(synchronize_session=False)
    )


def _is_open(issues: list[int]) -> ColumnElement[bool]:
    # A question for each state: so the partial indexes answer, however many rows are final.
    return or_(*(_has(issues, state) for state in OPEN))


def _has(
    issues: list[int], state: DeliveryState, *conditions: ColumnElement[bool]
) -> ColumnElement[bool]:
    # Named, and not only joined: by the names partitions are left out before they are opened.
    these = (Delivery.issue_id == Issue.id, Delivery.issue_id.in_(issues), _is(state), *conditions)
    if state is not DeliveryState.QUEUED:
        return exists().where(*these)
    # Not `exists`: statistics from the freeze say that all are queued, so that PostgreSQL would
    # read the whole table for the first one, long after the last is sent. The least is in an index.
    first = select(func.min(Delivery.next_attempt_at)).where(*these).correlate(Issue)
    return first.scalar_subquery().is_not(None)


def _is(state: DeliveryState) -> ColumnElement[bool]:
    # In the very words of the partial indexes, without which SQLite does not use them.
    named = Delivery.state == literal(state, Delivery.state.type, literal_execute=True)
    return named & _HELD if state in HELD else named

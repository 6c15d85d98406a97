"""What no worker does for itself: leases that ran out, issues to park, resume, close, withdraw."""

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

from digest.database.tables import database_now
from digest.delivery.ledger.reporting import check_account
from digest.delivery.ledger.waiting import begin_waits, end_waits
from digest.delivery.ledger.watching import living_issues, watched_issues
from digest.delivery.relay.backoff import GIVE_UP_AFTER
from digest.models import (
    OPEN,
    Approval,
    Correction,
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
    """Mark an issue sent when no row is open; rows in doubt do not keep it open.

    Its numbers are checked then, and it says so where they do not add up.
    """
    closed = session.execute(
        update(Issue)
        .where(Issue.id == issue_id, Issue.state == IssueState.SENDING, ~is_open([issue_id]))
        .values(state=IssueState.SENT, sent_at=now, reason=None, watched_until=None)
        .returning(Issue.id)
    )
    if closed.first() is None:
        return False
    check_account(session, issue_id)
    return True


def withdraw(session: Session, issue_id: int, *, at_most: int) -> int:
    """Cancel rows of a cancelled issue that are not on the wire. Return how many.

    `at_most` so many of the queued and of the claimed ones. Rows that a worker is writing at this
    moment are passed over.
    """
    return sum(
        _withdraw(session, issue_id, state, at_most)
        for state in (DeliveryState.CLAIMED, DeliveryState.QUEUED)
    )


def _withdraw(session: Session, issue_id: int, state: DeliveryState, at_most: int) -> int:
    # In the order of an index: a scan would pass by all that is cancelled already, each time.
    queued = state is DeliveryState.QUEUED
    # The issue is named twice, for each mention of the table to be looked for in one partition.
    found = (
        select(Delivery.subscriber_id)
        .where(
            Delivery.issue_id == issue_id,
            _is(state),
            exists().where(Issue.id == issue_id, Issue.state == IssueState.CANCELLED),
        )
        .order_by(Delivery.next_attempt_at if queued else Delivery.lease_until)
        .limit(at_most)
        .with_for_update(skip_locked=True)
        .cte("found")
    )
    withdrawn = session.execute(
        update(Delivery)
        .where(
            Delivery.issue_id == issue_id,
            Delivery.subscriber_id.in_(select(found.c.subscriber_id)),
        )
        .values(state=DeliveryState.CANCELLED, **_FREE, final_at=database_now())
        # SQLite's driver counts no rows of a statement that begins with WITH.
        .returning(Delivery.subscriber_id)
        .execution_options(synchronize_session=False)
    )
    return len(withdrawn.all())


def sweep_leases(session: Session, *, final_dot_wait: float) -> None:
    """Take back what was held by workers that are gone.

    Claimed rows were never on the wire. Sending rows are in doubt, and are sent again only where
    the newsletter says so, only `final_dot_wait` seconds after their lease, and not once they
    are older than any row that is still tried. What was corrected when it had gone out is sent on
    by a person, where its newsletter asks for a second one.
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
            ~_needs_second_person(),
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


def _needs_second_person() -> ColumnElement[bool]:
    corrected = exists().where(Correction.issue_id == Issue.id)
    asked = Newsletter.approval == Approval.SECOND_PERSON
    return and_(asked, Issue.state == IssueState.SENT, corrected)


def end_leases(session: Session) -> None:
    """Take back what any worker holds, and leave what is in doubt to a person.

    For a database that was restored or copied: its workers are not those that held the rows.
    """
    issues = living_issues(session)
    _move_unlocked(session, issues, _is(DeliveryState.CLAIMED), DeliveryState.QUEUED, **_FREE)
    _move_unlocked(session, issues, _is(DeliveryState.SENDING), DeliveryState.IN_DOUBT)
    # Without a lease there is no moment from which it could be sent again.
    doubtful = _is(DeliveryState.IN_DOUBT) & Delivery.lease_until.is_not(None)
    _move_unlocked(session, issues, doubtful, DeliveryState.IN_DOUBT, lease_until=None)


def others_on_the_wire(session: Session, claim: bytes) -> bool:
    """Say whether a worker other than the holder of `claim` has a window open right now."""
    issues = living_issues(session)
    at_work = _has(
        issues,
        DeliveryState.SENDING,
        Delivery.lease_until > database_now(),
        Delivery.claim != claim,
    )
    found = select(Issue.id).where(Issue.state == IssueState.SENDING, at_work).limit(1)
    return session.execute(found).first() is not None


def issues_with_work(session: Session) -> list[int]:
    """Return the issues that have something to send now and nobody at work, or need closing.

    Cancelled ones that have rows to withdraw are among them.

    Whoever is at work rings for more: another word each minute would fill the queue.
    """
    issues = living_issues(session)
    if not issues:
        return []
    due = _has(issues, DeliveryState.QUEUED, Delivery.next_attempt_at <= database_now())
    rests = ~_at_work(issues)
    found = session.execute(
        select(Issue.id).where(
            Issue.id.in_(issues),
            or_(
                Issue.state == IssueState.FROZEN,
                and_(Issue.state == IssueState.SENDING, or_(due & rests, ~is_open(issues))),
                and_(
                    Issue.state == IssueState.CANCELLED,
                    or_(
                        _has(issues, DeliveryState.QUEUED),
                        _has(issues, DeliveryState.CLAIMED),
                    ),
                ),
            ),
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
            Issue.id == issue_id, Issue.state == IssueState.SENDING, ~_at_work([issue_id])
        )
    ).one_or_none()
    if found is None or found[0] is None:
        return None
    seconds = max(0.0, (found[0] - found[1]).total_seconds())
    return seconds if seconds <= within else None


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


def _at_work(issues: list[int]) -> ColumnElement[bool]:
    live = Delivery.lease_until > database_now()
    states = (DeliveryState.CLAIMED, DeliveryState.SENDING)
    return or_(*(_has(issues, state, live) for state in states))


def is_open(issues: list[int]) -> ColumnElement[bool]:
    """Return the condition that an issue, one of `issues`, has rows that may still be sent."""
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

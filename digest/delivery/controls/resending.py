"""Sending an issue again, to those of whom it missed that may be mailed now."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import ColumnElement, CursorResult, func, select, update
from sqlalchemy.orm import Session

from digest import home
from digest.database.tables import database_now
from digest.delivery.controls.pausing import lock_issue, refuse_uncorrected, reopen
from digest.delivery.ledger import statements
from digest.delivery.ledger.reporting import refuse_folded
from digest.errors import RefusedError
from digest.models import UNDER_WAY, Delivery, DeliveryState, Issue, IssueState

MISSED = (DeliveryState.FAILED, DeliveryState.EXCLUDED)
# A relay's 5xx about a reader is sent against again only when a person asks for it by name.
REFUSED = "refused"
REASONS = ("gave_up", REFUSED, "left", "paused", "suppressed")


@dataclass(frozen=True)
class Resent:
    """How many were queued again; of the others, how many and why not. `issue` as it is now."""

    issue: Issue
    queued: int
    not_mailable: dict[str, int]
    not_chosen: dict[str, int]


def resend(
    session: Session,
    issue_id: int,
    *,
    now: datetime,
    reasons: Collection[str] = (),
    dry_run: bool = False,
) -> Resent:
    """Queue the failed and excluded rows of an issue again whose readers may be mailed now.

    `reasons`: only rows with one of these; without any, all but those that the relay refused for
    good. They count as released now: tries and their 48 hours begin anew. The caller rings for
    workers after the commit.

    Raises:
        RefusedError: the issue has not gone out, or was cancelled; or a correction of it waits.
    """
    home.refuse_if_moved(session)
    issue = lock_issue(session, issue_id)
    refuse_folded(issue)
    if issue.state is IssueState.CANCELLED:
        raise RefusedError(f"Nothing of it is sent again. It is cancelled: {issue.reason}")
    if issue.state not in (*UNDER_WAY, IssueState.SENT):
        raise RefusedError(
            f"It has not gone out yet, so nobody has missed it: it is {issue.state}."
        )
    refuse_uncorrected(session, issue)
    resent = _count(session, issue, now, reasons)
    if dry_run or not resent.queued:
        return resent
    queued = _queue(session, issue_id, now, reasons)
    reopen(issue, now)
    session.flush()
    return replace(resent, queued=queued)


def _count(session: Session, issue: Issue, now: datetime, reasons: Collection[str]) -> Resent:
    missed = statements.standing(issue.id, now).where(Delivery.state.in_(MISSED)).subquery()
    cause = func.coalesce(missed.c.reason, missed.c.state)
    found = session.execute(
        # Two suppressions of one address give a reader two rows.
        select(cause, missed.c.why_not, func.count(missed.c.subscriber_id.distinct()))
        .group_by(cause, missed.c.why_not)
        .order_by(func.count().desc(), cause)
    )
    queued, not_mailable, not_chosen = 0, dict[str, int](), dict[str, int]()
    for reason, why_not, readers in found:
        if why_not is not None:
            not_mailable[why_not] = not_mailable.get(why_not, 0) + readers
        elif _is_chosen(reason, reasons):
            queued += readers
        else:
            not_chosen[reason] = readers
    return Resent(issue, queued, not_mailable, not_chosen)


def _queue(session: Session, issue_id: int, now: datetime, reasons: Collection[str]) -> int:
    standing = statements.standing(issue_id, now).where(Delivery.state.in_(MISSED)).subquery()
    mailable = select(standing.c.subscriber_id).where(
        standing.c.why_not.is_(None), _chosen(standing.c.reason, reasons)
    )
    queued = session.execute(
        update(Delivery)
        .where(
            Delivery.issue_id == issue_id,
            Delivery.state.in_(MISSED),
            Delivery.subscriber_id.in_(mailable),
        )
        .values(
            state=DeliveryState.QUEUED,
            reason=None,
            attempts=0,
            released_at=database_now(),
            next_attempt_at=database_now(),
            final_at=None,
            claim=None,
            lease_until=None,
            code=None,
            enhanced=None,
            reply=None,
        )
        .execution_options(synchronize_session=False)
    )
    assert isinstance(queued, CursorResult)
    return queued.rowcount


def _is_chosen(reason: str, reasons: Collection[str]) -> bool:
    return reason in reasons if reasons else reason != REFUSED


def _chosen(reason: ColumnElement[str | None], reasons: Collection[str]) -> ColumnElement[bool]:
    return reason.in_(reasons) if reasons else reason.is_distinct_from(REFUSED)

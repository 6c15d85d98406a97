"""Settling what is in doubt: a person says whether it arrived, or that it shall be sent again."""

import enum
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, CursorResult, and_, func, or_, select, update
from sqlalchemy.orm import Session

from digest import home
from digest.database.tables import database_now
from digest.delivery.controls.pausing import lock_issue, refuse_uncorrected, reopen
from digest.delivery.ledger.reporting import refuse_folded
from digest.errors import RefusedError
from digest.logs import get_logger
from digest.models import Delivery, DeliveryState, Issue, IssueState

log = get_logger(__name__)


class Verdict(enum.StrEnum):
    """What a person says of a message in doubt."""

    ACCEPTED = "accepted"
    QUEUED = "queued"


@dataclass(frozen=True)
class Resolved:
    """How many rows were settled, and how many cannot be sent again yet. `issue` as it is now."""

    issue: Issue
    settled: int
    too_early: int


def resolve(
    session: Session,
    issue_id: int,
    verdict: Verdict,
    *,
    by: str,
    now: datetime,
    readers: Collection[int] | None = None,
    final_dot_wait: float,
) -> Resolved:
    """Settle an issue's rows in doubt, or those of `readers` alone.

    To be queued again a row has to be `final_dot_wait` seconds past its lease, for so long its
    first copy may still arrive (RFC 5321 4.5.3.2). The bytes, and so the Message-ID, are the same.
    The caller rings for workers after the commit.

    Raises:
        RefusedError: the issue is folded, or was cancelled; a correction of it waits; a reader's
            row is not in doubt; or it is too early.
    """
    home.refuse_if_moved(session)
    issue = lock_issue(session, issue_id)
    refuse_folded(issue)
    if verdict is Verdict.QUEUED and issue.state is IssueState.CANCELLED:
        raise RefusedError(f"Nothing of it is sent again. It is cancelled: {issue.reason}")
    if verdict is Verdict.QUEUED:
        refuse_uncorrected(session, issue)
    doubted = and_(Delivery.issue_id == issue_id, Delivery.state == DeliveryState.IN_DOUBT)
    if readers is not None:
        doubted = and_(doubted, Delivery.subscriber_id.in_(readers))
    found = session.scalar(select(func.count()).select_from(Delivery).where(doubted)) or 0
    if readers is not None and found < len(set(readers)):
        raise RefusedError("Not all of these readers are in doubt in this issue. Nothing was done.")
    if verdict is Verdict.ACCEPTED:
        settled = _accept(session, doubted)
    else:
        settled = _queue(session, doubted, final_dot_wait)
        if found and not settled:
            raise RefusedError(
                "It is too early: for a while the relay may still take what is in doubt. Try again "
                f"in {final_dot_wait / 60:.0f} minutes."
            )
    if settled and verdict is Verdict.QUEUED:
        reopen(issue, now)
        session.flush()
    if settled:
        # Its rows are no longer those that were counted.
        issue.counted_at = None
        session.flush()
        log.info("doubt settled", issue=issue_id, verdict=verdict.value, rows=settled, by=by)
    return Resolved(issue, settled, found - settled)


def _accept(session: Session, doubted: ColumnElement[bool]) -> int:
    return _settle(
        session,
        doubted,
        state=DeliveryState.ACCEPTED,
        # Told apart from what the relay itself said.
        reason="resolved",
        final_at=database_now(),
        lease_until=None,
        code=None,
        enhanced=None,
        reply=None,
    )


def _queue(session: Session, doubted: ColumnElement[bool], final_dot_wait: float) -> int:
    over = or_(Delivery.lease_until.is_(None), Delivery.lease_until < database_now(-final_dot_wait))
    return _settle(
        session,
        and_(doubted, over),
        state=DeliveryState.QUEUED,
        claim=None,
        lease_until=None,
        attempts=0,
        released_at=database_now(),
        next_attempt_at=database_now(),
    )


def _settle(session: Session, which: ColumnElement[bool], **values: object) -> int:
    settled = session.execute(
        update(Delivery).where(which).values(**values).execution_options(synchronize_session=False)
    )
    assert isinstance(settled, CursorResult)
    return settled.rowcount

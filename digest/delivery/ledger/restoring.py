"""A database that was restored or copied: all that would go out is held, until a person decides.

It does not know what was sent after the backup was made. So whatever was on its way then may have
arrived since, and nothing of it goes on by itself, also once the new place is accepted.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import CursorResult, func, or_, select, update
from sqlalchemy.orm import Session, joinedload

from digest import home
from digest.database.tables import database_now
from digest.database.transactions import Database
from digest.delivery.ledger import sweeping
from digest.delivery.ledger.watching import living_issues
from digest.delivery.relay.backoff import GIVE_UP_AFTER
from digest.logs import get_logger
from digest.models import (
    AFTER_FREEZE,
    OPEN,
    Approval,
    Delivery,
    DeliveryState,
    Installation,
    Issue,
    IssueState,
    Newsletter,
    Notice,
    NoticeState,
    Restore,
)

RESTORED = "This database was restored or copied."
# What goes back to this state where nothing was lost. What waited for the relay asks it again.
BACK_TO = {
    IssueState.PARKED: IssueState.SENDING,
    IssueState.SENT: IssueState.SENDING,
}

log = get_logger(__name__)


@dataclass(frozen=True)
class Accepted:
    """What came of accepting: `why` it was asked for, and the issues that were held for it."""

    why: str
    issues: tuple[Issue, ...]


def hold_if_moved(database: Database, now: datetime) -> bool:
    """Hold what would go out, where the database is not where it lives. Return whether it is so."""
    with database.reading() as session:
        if not home.look(session).moved:
            return False
    with database.transaction() as session:
        _one_at_a_time(session)
        found = home.look(session)
        if not found.moved:
            return False
        hold(session, found.why, now)
    log.warning("nothing is sent: this database was restored or copied", why=found.why)
    return True


def hold(session: Session, why: str, now: datetime) -> Restore:
    """Hold what is scheduled, pause what has begun, and note what was what before."""
    restore = _open_restore(session, why, now)
    before = _hold_scheduled(session)
    sweeping.end_leases(session)
    before |= _pause_begun(session)
    # A new value, for a change within a dictionary is not seen.
    restore.held = restore.held | {str(issue_id): state.value for issue_id, state in before.items()}
    session.flush()
    return restore


def accept(
    database: Database,
    by: str,
    now: datetime,
    *,
    nothing_lost: bool = False,
    waits: Callable[[Session, Issue], bool] = lambda _, __: False,
) -> Accepted | None:
    """Record the place that the database is in now. Return None where it has not changed.

    What is held stays so, each until a person decides; slots of the calendar that have passed make
    no issue. With `nothing_lost`, where nothing was sent since the copy was made, all of it goes on
    as it was instead; but what `waits` for somebody to send it on stays paused. `Accepted.issues`
    are those that stay.
    """
    with database.transaction() as session:
        _one_at_a_time(session)
        found = home.look(session)
        if not found.moved:
            return None
        if nothing_lost:
            restore = _open_restore(session, found.why, now)
            stay = _put_back(session, restore, waits)
        else:
            restore = hold(session, found.why, now)
            stay = [int(issue_id) for issue_id in restore.held]
            _skip_what_is_past(session, now)
            _cancel_old_notices(session)
        restore.accepted_at, restore.accepted_by = now, by
        restore.nothing_lost = nothing_lost
        home.record(session, now)
        issues = session.scalars(
            select(Issue)
            .where(Issue.id.in_(stay))
            .order_by(Issue.send_at, Issue.id)
            .options(joinedload(Issue.newsletter))
        ).all()
    log.warning("the database's new place was accepted", by=by, nothing_lost=nothing_lost)
    return Accepted(found.why, tuple(issues))


def _one_at_a_time(session: Session) -> None:
    # So that nobody holds by what was so before somebody else accepted it.
    session.execute(select(Installation.id).with_for_update())


def _open_restore(session: Session, why: str, now: datetime) -> Restore:
    noticed = session.scalar(
        select(Restore).where(Restore.accepted_at.is_(None)).order_by(Restore.id.desc()).limit(1)
    )
    if noticed is None:
        noticed = Restore(noticed_at=now, why=why, held={})
        session.add(noticed)
    return noticed


def _hold_scheduled(session: Session) -> dict[int, IssueState]:
    """Hold what would go out by itself: a draft as well, where nobody needs to approve it."""
    found = session.execute(
        select(Issue.id, Issue.state)
        .join(Newsletter)
        .where(
            or_(
                Issue.state == IssueState.SCHEDULED,
                (Issue.state == IssueState.DRAFT) & (Newsletter.approval == Approval.AUTOMATIC),
            )
        )
    ).all()
    reason = f"{RESTORED} The issue may have gone out since the copy was made."
    return {
        issue_id: state
        for issue_id, state in found
        if _move(session, issue_id, state, IssueState.HELD, reason=reason)
    }


def _pause_begun(session: Session) -> dict[int, IssueState]:
    begun = (IssueState.FROZEN, IssueState.SENDING, IssueState.PARKED)
    living = living_issues(session)
    found = session.execute(
        select(Issue.id, Issue.state).where(
            or_(
                Issue.state.in_(begun),
                (Issue.state == IssueState.SENT) & sweeping.is_open(living),
            )
        )
    ).all()
    return {
        issue_id: state
        for issue_id, state in found
        if _move(
            session,
            issue_id,
            state,
            IssueState.PAUSED,
            reason=_why_paused(session, issue_id),
            parked_until=None,
            sent_at=None,
        )
    }


def _why_paused(session: Session, issue_id: int) -> str:
    found = session.execute(
        select(Delivery.state, func.count())
        .where(Delivery.issue_id == issue_id)
        .group_by(Delivery.state)
    )
    counts: dict[DeliveryState, int] = dict(found.all())
    waiting = sum(counts.get(state, 0) for state in OPEN)
    doubtful = counts.get(DeliveryState.IN_DOUBT, 0)
    words = (
        f"{RESTORED} When the copy was made, {waiting:,} of {sum(counts.values()):,} readers were "
        "still to get this issue, and may have got it since."
    )
    return f"{words} Of {doubtful:,} it is not known." if doubtful else words


def _move(
    session: Session, issue_id: int, before: IssueState, to: IssueState, **values: Any
) -> bool:
    moved = session.execute(
        update(Issue)
        .where(Issue.id == issue_id, Issue.state == before)
        .values(state=to, **values)
        .execution_options(synchronize_session=False)
    )
    assert isinstance(moved, CursorResult)
    return moved.rowcount > 0


def _put_back(
    session: Session, restore: Restore, waits: Callable[[Session, Issue], bool]
) -> list[int]:
    """Put back what was held; return what stays, as it was corrected and waits for somebody."""
    stay = []
    for issue_id, word in restore.held.items():
        before = IssueState(word)
        held = IssueState.PAUSED if before in AFTER_FREEZE else IssueState.HELD
        issue = session.get(Issue, int(issue_id))
        if issue is not None and issue.state is IssueState.PAUSED and waits(session, issue):
            issue.reason = "It was corrected, and needs a second person to send it on."
            stay.append(issue.id)
            continue
        _move(session, int(issue_id), held, BACK_TO.get(before, before), reason=None)
    session.flush()
    return stay


def _skip_what_is_past(session: Session, now: datetime) -> None:
    # An issue that was made, and sent, after the copy has no row here: its slot would make another.
    session.execute(
        update(Newsletter).where(Newsletter.calendar_since < now).values(calendar_since=now)
    )


def _cancel_old_notices(session: Session) -> None:
    # The others are sent: a confirmation that never comes is worse than one that comes twice.
    session.execute(
        update(Notice)
        .where(
            Notice.state.in_((NoticeState.QUEUED, NoticeState.SENDING)),
            Notice.released_at < database_now(-GIVE_UP_AFTER.total_seconds()),
        )
        .values(
            state=NoticeState.CANCELLED,
            claim=None,
            lease_until=None,
            final_at=database_now(),
            to_address=None,
        )
    )

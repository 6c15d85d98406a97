"""An issue that nobody has had yet, and that would come too late, is for a person to decide about.

Judged once: whoever resumes an issue has decided. Once anyone has it, it goes on to the others.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from digest import prose, zones
from digest.delivery.ledger.waiting import end_waits
from digest.models import (
    MAY_HAVE_ARRIVED,
    OPEN,
    Delivery,
    DeliveryState,
    Issue,
    IssueState,
    NoticeKind,
)
from digest.telling import tell_editors

BEFORE_MAIL = (IssueState.FROZEN, IssueState.SENDING, IssueState.PARKED)
OUT_OF_OUR_HANDS = tuple(state for state in MAY_HAVE_ARRIVED if state is not DeliveryState.SENDING)


def pause_late(session: Session, now: datetime, late: timedelta) -> list[int]:
    """Pause every frozen issue of which nothing has left, more than `late` after its time.

    Its editors are told.
    """
    found = session.scalars(
        select(Issue.id).where(
            Issue.state.in_(BEFORE_MAIL),
            Issue.send_at < now - late,
            Issue.lateness_judged_at.is_(None),
        )
    ).all()
    return [issue_id for issue_id in found if _judge(session, issue_id, now)]


def pause_if_late(session: Session, issue_id: int, now: datetime, late: timedelta) -> bool:
    """Pause this issue if it is one of those; return whether it was. Locks its row only then."""
    return _is_late(session, issue_id, now - late) and _judge(session, issue_id, now)


def _judge(session: Session, issue_id: int, now: datetime) -> bool:
    issue = session.get_one(
        Issue, issue_id, with_for_update={"key_share": True}, populate_existing=True
    )
    if issue.state not in BEFORE_MAIL or issue.lateness_judged_at is not None:
        return False
    # Or nobody waits for it, who could get it late.
    if _is_anywhere(session, issue_id, OUT_OF_OUR_HANDS) or not _is_anywhere(
        session, issue_id, OPEN
    ):
        issue.lateness_judged_at = now
        session.flush()
        return False
    # A window on the wire may come back unsent: the next tick judges.
    if _is_anywhere(session, issue_id, (DeliveryState.SENDING,)):
        return False
    issue.reason = _why(issue)
    issue.state, issue.parked_until, issue.lateness_judged_at = IssueState.PAUSED, None, now
    session.flush()
    # This happens to an issue once.
    tell_editors(session, issue, NoticeKind.HELD, now, once=f"late:{issue.id}")
    end_waits(session, [issue_id])
    return True


def _is_anywhere(session: Session, issue_id: int, states: Sequence[DeliveryState]) -> bool:
    # Asked for one issue at a time: a question about many would open every issue's partition.
    found = exists().where(Delivery.issue_id == issue_id, Delivery.state.in_(states))
    return session.execute(select(found)).scalar_one()


def _is_late(session: Session, issue_id: int, latest: datetime) -> bool:
    late = select(Issue.id).where(
        Issue.id == issue_id, Issue.send_at < latest, Issue.lateness_judged_at.is_(None)
    )
    return session.scalar(late) is not None


def _why(issue: Issue) -> str:
    local = issue.send_at.astimezone(zones.named(issue.newsletter.zone))
    due = f"It was due on {prose.short_day(local.date())} at {local:%H:%M}, and nobody has it yet."
    return f"{due} What kept it: {issue.reason}"[:500] if issue.reason else due

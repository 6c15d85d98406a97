"""Choosing when an issue goes out: at another time, or now."""

from datetime import datetime

from sqlalchemy.orm import Session

from digest import zones
from digest.errors import RefusedError
from digest.home import refuse_if_moved
from digest.models import BEFORE_FREEZE, Issue, IssueState
from digest.newsroom.issues.approving import refuse_empty
from digest.newsroom.issues.calendar import slot_sent_at
from digest.newsroom.issues.moving import called, move


def schedule(
    session: Session, issue: Issue, send_at: datetime, now: datetime, *, special: bool = False
) -> None:
    """Give an issue a new time. A held one is taken up again: as approved, if it had been.

    It stays the issue of its slot, whichever day it goes out on, unless it is made `special`: then
    another is made for that slot.

    Raises:
        RefusedError: it has left already, the time has passed, or this database was restored.
    """
    refuse_if_moved(session)
    _refuse_unless_waiting(issue)
    if send_at <= now:
        raise RefusedError("That time has passed. Choose a later one, or send the issue now.")
    times = slot_sent_at(
        issue.newsletter, zones.local_date(send_at, issue.newsletter.zone), send_at
    )
    state = issue.state
    if state is IssueState.HELD:
        state = IssueState.SCHEDULED if issue.approved_at else IssueState.DRAFT
    move(
        session,
        issue,
        state,
        reason=None,
        dateline=times.occurrence_on,
        compose_at=min(issue.compose_at, times.compose_at),
        closes_at=times.closes_at,
        send_at=times.send_at,
        **_outside_of_calendar(special),
    )


def send_now(
    session: Session, issue: Issue, by: str, now: datetime, *, special: bool = False
) -> None:
    """Approve an issue and let it be due at once; the caller rings for a worker after commit.

    It uses up its slot, however early it goes, unless it is made `special` (see `schedule`).

    Raises:
        RefusedError: it has left already, holds no stories, or this database was restored.
    """
    refuse_if_moved(session)
    _refuse_unless_waiting(issue)
    refuse_empty(session, issue)
    approved = {} if issue.approved_at else {"approved_at": now, "approved_by": by}
    move(
        session,
        issue,
        IssueState.SCHEDULED,
        reason=None,
        dateline=zones.local_date(now, issue.newsletter.zone),
        compose_at=min(issue.compose_at, now),
        closes_at=min(issue.closes_at, now),
        send_at=now,
        **approved,
        **_outside_of_calendar(special),
    )


def _outside_of_calendar(special: bool) -> dict[str, None]:
    return {"occurrence_on": None} if special else {}


def _refuse_unless_waiting(issue: Issue) -> None:
    if issue.state in BEFORE_FREEZE:
        return
    because = f": {issue.reason}" if issue.reason else "."
    raise RefusedError(
        f"It is too late to choose when {called(issue)} goes; it is {issue.state}{because}"
    )

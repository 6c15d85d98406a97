"""Choosing when an issue goes out: at another time, or now."""

from datetime import datetime

from sqlalchemy.orm import Session

from digest import zones
from digest.errors import RefusedError
from digest.home import refuse_if_moved
from digest.models import BEFORE_FREEZE, Issue, IssueState
from digest.newsroom.issues.approving import (
    note_approval,
    refuse_empty,
    refuse_uncomposed,
    refuse_unseen,
    refuse_writer,
)
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
        compose_at=_compose_at(issue, times.compose_at),
        closes_at=times.closes_at,
        send_at=times.send_at,
        **_outside_of_calendar(special),
    )


def send_now(
    session: Session,
    issue: Issue,
    by: str,
    now: datetime,
    *,
    special: bool = False,
    version: int | None = None,
    user_id: int | None = None,
    override: str | None = None,
) -> None:
    """Approve an issue and let it be due at once; the caller rings for a worker after commit.

    It uses up its slot, however early it goes, unless it is made `special` (see `schedule`).
    `version`, `user_id` and `override` are `approve`'s; nothing is asked of one that is approved
    already.

    Raises:
        FieldError: `override` says nothing, or too much.
        RefusedError: it has left already, holds no stories, may not be approved by them, or this
            database was restored.
    """
    refuse_if_moved(session)
    _refuse_unless_waiting(issue)
    refuse_empty(session, issue)
    approves = issue.approved_at is None
    if approves and not special:
        refuse_uncomposed(issue)
    if approves:
        refuse_unseen(issue, version)
    beside = refuse_writer(session, issue, by, user_id, override) if approves else ""
    approved = {"approved_at": now, "approved_by": by} if approves else {}
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
    if approves:
        note_approval(session, issue, by, now, user_id=user_id, beside=beside)


def _compose_at(issue: Issue, wanted: datetime) -> datetime:
    # What is composed was composed when it was; what is not has its hours before the new time.
    return wanted if issue.composed_at is None else min(issue.compose_at, wanted)


def _outside_of_calendar(special: bool) -> dict[str, None]:
    return {"occurrence_on": None} if special else {}


def _refuse_unless_waiting(issue: Issue) -> None:
    if issue.state in BEFORE_FREEZE:
        return
    because = f": {issue.reason}" if issue.reason else "."
    raise RefusedError(
        f"It is too late to choose when {called(issue)} goes; it is {issue.state}{because}"
    )

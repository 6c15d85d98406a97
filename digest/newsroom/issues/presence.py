"""Who is in an issue: whoever changes it, or has its page open and looks at it.

Each is in for a minute from when they were last heard of: nobody has to say that they leave. It is
no change of the issue, so that no version is made, and nothing in its history.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import CursorResult, bindparam, delete, select, update
from sqlalchemy.orm import Session

from digest.database.adding import add_unless_there
from digest.database.prepared import Prepared
from digest.models import IssuePresence, User

LEASE = timedelta(minutes=1)

_OTHERS = Prepared(
    select(User.name, IssuePresence.since)
    .join(User, User.id == IssuePresence.user_id)
    .where(
        IssuePresence.issue_id == bindparam("issue_id"),
        IssuePresence.user_id != bindparam("user_id"),
        IssuePresence.until > bindparam("now"),
    )
    .order_by(IssuePresence.since, User.id)
)


@dataclass(frozen=True)
class Here:
    """Somebody who is in an issue, and since when."""

    name: str
    since: datetime


def come_in(session: Session, issue_id: int, user_id: int, now: datetime) -> None:
    """Be in an issue, or stay in it."""
    until = now + LEASE
    stays = session.execute(
        update(IssuePresence)
        .where(
            IssuePresence.issue_id == issue_id,
            IssuePresence.user_id == user_id,
            IssuePresence.until > now,
        )
        .values(until=until)
        .execution_options(synchronize_session=False)
    )
    assert isinstance(stays, CursorResult)
    if stays.rowcount:
        return
    # Only here: of two who each hold a row that they renewed, none waits for the other's.
    session.execute(
        delete(IssuePresence)
        .where(IssuePresence.until <= now)
        .execution_options(synchronize_session=False)
    )
    # Their other tab may have come in at the same moment: then they are in.
    row = IssuePresence(issue_id=issue_id, user_id=user_id, since=now, until=until)
    add_unless_there(session, row)


def others_in(session: Session, issue_id: int, user_id: int, now: datetime) -> list[Here]:
    """Return who else is in an issue, the longest there first."""
    found = _OTHERS.rows(session, issue_id=issue_id, user_id=user_id, now=now)
    return [Here(name, since) for name, since in found]

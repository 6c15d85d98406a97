"""Which issues the tick looks after: those under way, and those over for a few days at most.

Every question about deliveries names these issues first, so that the partitions of old ones are
not even opened.
"""

from datetime import timedelta

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from digest.database.tables import database_now
from digest.models import Issue, IssueState

OVER = (IssueState.SENT, IssueState.CANCELLED)
# A row may go back into the queue for 48 hours after its release, plus a lease and a final dot.
WATCH = timedelta(days=3)

_NOT_YET = (IssueState.DRAFT, IssueState.SCHEDULED, IssueState.SKIPPED)


def watched_issues(session: Session) -> list[int]:
    """Return the issues whose deliveries may still move. Notes since when the others are over."""
    session.execute(
        update(Issue)
        .where(Issue.state.in_(OVER), Issue.watched_until.is_(None))
        .values(watched_until=database_now(WATCH.total_seconds()))
    )
    session.execute(
        update(Issue)
        .where(Issue.state.not_in(OVER), Issue.watched_until.is_not(None))
        .values(watched_until=None)
    )
    return living_issues(session)


def living_issues(session: Session) -> list[int]:
    """Return the same, and note nothing."""
    found = session.execute(
        select(Issue.id).where(
            or_(
                Issue.state.not_in((*_NOT_YET, *OVER)),
                Issue.state.in_(OVER)
                & (Issue.watched_until.is_(None) | (Issue.watched_until > database_now())),
            )
        )
    )
    return list(found.scalars())

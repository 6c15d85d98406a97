"""Which issues the tick looks after: those under way, and those over for a few days at most.

Every question about deliveries names these issues first, so that the partitions of old ones are
not even opened. Nor are those of an issue whose deliveries have all ended: of a paper with many
newsletters a good part was sent within these days.
"""

from datetime import timedelta

from sqlalchemy import ColumnElement, exists, or_, select, union_all, update
from sqlalchemy.orm import Session

from digest.database.tables import database_now
from digest.models import OPEN, DeliveryState, Issue, IssueState, IssueTotal

OVER = (IssueState.SENT, IssueState.CANCELLED)
# A row may go back into the queue for 48 hours after its release, plus a lease and a final dot.
WATCH = timedelta(days=3)

_NOT_YET = (IssueState.DRAFT, IssueState.SCHEDULED, IssueState.SKIPPED)
# Named one by one: an index finds what is so, not what is not so.
UNDER_WAY = tuple(state for state in IssueState if state not in (*_NOT_YET, *OVER))
_MAY_MOVE = (*OPEN, DeliveryState.IN_DOUBT)


def watched_issues(session: Session) -> list[int]:
    """Return the issues whose deliveries may still move. Notes since when the others are over."""
    session.execute(
        update(Issue)
        .where(Issue.state.in_(OVER), Issue.watched_until.is_(None))
        .values(watched_until=database_now(WATCH.total_seconds()))
    )
    session.execute(
        update(Issue)
        .where(Issue.state.in_((*_NOT_YET, *UNDER_WAY)), Issue.watched_until.is_not(None))
        .values(watched_until=None)
    )
    return living_issues(session)


def living_issues(session: Session) -> list[int]:
    """Return the same, and note nothing."""
    # Each part by its own index; in one condition they would be looked for among all issues.
    under_way = select(Issue.id).where(Issue.state.in_(UNDER_WAY))
    unmarked = select(Issue.id).where(Issue.state.in_(OVER), Issue.watched_until.is_(None))
    watched = select(Issue.id).where(
        Issue.state.in_(OVER), Issue.watched_until > database_now(), may_move()
    )
    return list(session.execute(union_all(under_way, unmarked, watched)).scalars())


def may_move() -> ColumnElement[bool]:
    """Say of which issues a delivery may move by itself: not of those that were seen to have ended.

    They were counted after they were sent, and none was open, or in doubt. Whoever sends an issue
    to more readers makes it one that is being sent; what comes back counts as it comes.
    """
    moving = exists().where(
        IssueTotal.issue_id == Issue.id, IssueTotal.state.in_(_MAY_MOVE), IssueTotal.readers > 0
    )
    return or_(
        Issue.state != IssueState.SENT,
        Issue.sent_at.is_(None),
        Issue.counted_at.is_(None),
        Issue.counted_at < Issue.sent_at,
        moving,
    )

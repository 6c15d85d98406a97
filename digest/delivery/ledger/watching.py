"""Which issues the tick looks after: those under way, and those over for a few days at most.

Every question about deliveries names these issues first, so that the partitions of old ones are
not even opened. Nor are those of an issue whose deliveries have all ended: of a paper with many
newsletters a good part was sent within these days.
"""

from datetime import timedelta

from sqlalchemy import ColumnElement, exists, or_, select, union_all, update
from sqlalchemy.orm import Session

from digest.database.tables import database_now
from digest.models import OPEN, Bounce, DeliveryState, Issue, IssueState, IssueTotal

OVER = (IssueState.SENT, IssueState.CANCELLED)
# A row may go back into the queue for 48 hours after its release, plus a lease and a final dot.
WATCH = timedelta(days=3)

# A transaction may end a while after the moment that it wrote down.
LAG = timedelta(minutes=5)

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


def is_settled(session: Session, issue: Issue) -> bool:
    """Say whether what the tick has counted of an issue is what another count would find.

    It was counted long enough after it was sent, all deliveries had ended by then, and nothing has
    come back since. Of a million deliveries each count takes a good part of a second.
    """
    if issue.state is not IssueState.SENT or issue.sent_at is None or issue.counted_at is None:
        return False
    if issue.counted_at < issue.sent_at + LAG:
        return False
    came_back = exists().where(Bounce.issue_id == issue.id, Bounce.at >= issue.counted_at - LAG)
    settled = select(Issue.id).where(Issue.id == issue.id, ~may_move(), ~came_back)
    return session.scalar(settled) is not None

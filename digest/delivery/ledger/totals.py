"""An issue's deliveries counted into small tables, for reports; kept up by the tick.

At each tick while it is being sent and until all that was on the wire has ended; then once an hour
for as long as its rows may still move, and whenever mail has come back.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    and_,
    case,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    union,
    update,
)
from sqlalchemy.orm import Session

from digest.database.spans import minute_of
from digest.database.tables import database_now
from digest.database.transactions import Database
from digest.delivery.ledger.watching import UNDER_WAY, may_move
from digest.models import (
    DID_NOT_GET_IT,
    ONCE_ACCEPTED,
    OPEN,
    AcceptedMinute,
    Bounce,
    Correction,
    Delivery,
    DeliveryState,
    Issue,
    IssueState,
    IssueTotal,
    Rendering,
)

# At each tick, so that no tick is long; a paper with years of issues is counted within the hour.
AT_ONCE = 10
TEN_MINUTES, HOUR, DAY = timedelta(minutes=10), timedelta(hours=1), timedelta(days=1)

ON_ITS_WAY = (IssueState.FROZEN, IssueState.SENDING)
ON_THE_WIRE = (DeliveryState.CLAIMED, DeliveryState.SENDING)

Total = tuple[DeliveryState, str, int, int]
MINUTES = minute_of(Delivery.final_at)


def count_issues(database: Database, now: datetime) -> None:
    """Count the issues whose deliveries have moved, or may have. Safe in several processes."""
    with database.reading() as session:
        due = session.scalars(
            select(Issue.id).where(_due(now)).order_by(Issue.counted_at, Issue.id).limit(AT_ONCE)
        ).all()
    for issue_id in due:
        count_issue(database, issue_id, now)


def _due(now: datetime) -> ColumnElement[bool]:
    return and_(
        # First those few that may be due, each kind by an index; then which of them are.
        Issue.id.in_(_may_be_due(now)),
        Issue.folded_at.is_(None),
        Issue.frozen_at.is_not(None),
        or_(
            Issue.counted_at.is_(None),
            Issue.state.in_(ON_ITS_WAY),
            # What was on the wire when it was paused, and what was to go when it was cancelled.
            _counted_as(ON_THE_WIRE),
            and_(Issue.state == IssueState.CANCELLED, _counted_as(OPEN)),
            Issue.counted_at < Issue.sent_at,
            # A transaction may end a while after the moment that it wrote down.
            Issue.sent_at >= now - TEN_MINUTES,
            _came_back(now),
            and_(_is_watched(), Issue.counted_at < now - HOUR, may_move()),
        ),
    )


def _may_be_due(now: datetime) -> CompoundSelect[int]:
    frozen = (Issue.folded_at.is_(None), Issue.frozen_at.is_not(None))
    return union(
        select(Issue.id).where(Issue.counted_at.is_(None), *frozen),
        select(Issue.id).where(Issue.watched_until.is_(None), *frozen),
        select(Issue.id).where(Issue.watched_until > database_now()),
        select(Issue.id).where(Issue.state.in_(UNDER_WAY)),
        select(Bounce.issue_id).where(Bounce.at >= now - DAY),
    )


def _is_watched() -> ColumnElement[bool]:
    return or_(Issue.watched_until.is_(None), Issue.watched_until > database_now())


def _counted_as(states: Sequence[DeliveryState]) -> ColumnElement[bool]:
    return exists().where(
        IssueTotal.issue_id == Issue.id, IssueTotal.state.in_(states), IssueTotal.readers > 0
    )


def _came_back(now: datetime) -> ColumnElement[bool]:
    return exists().where(
        Bounce.issue_id == Issue.id,
        Bounce.at >= now - DAY,
        or_(Bounce.at >= Issue.counted_at, Bounce.at >= now - TEN_MINUTES),
    )


def count_issue(database: Database, issue_id: int, now: datetime) -> None:
    """Count one issue's deliveries: how they ended, and in which minute they were accepted."""
    with database.reading() as session:
        totals = count_totals(session, issue_id)
        accepted = session.execute(
            select(MINUTES, func.count())
            .where(Delivery.issue_id == issue_id, Delivery.state == DeliveryState.ACCEPTED)
            .where(Delivery.final_at.is_not(None))
            .group_by(MINUTES)
        ).all()
    with database.transaction() as session:
        taken = session.execute(
            update(Issue)
            .where(Issue.id == issue_id, Issue.folded_at.is_(None))
            .values(counted_at=now)
            .returning(Issue.id)
        ).first()
        if taken is not None:
            keep_totals(session, issue_id, totals)
            if session.scalar(select(exists().where(Correction.issue_id == issue_id))):
                keep_editions(session, issue_id)
            _keep_minutes(session, issue_id, accepted)


def count_totals(session: Session, issue_id: int) -> list[Total]:
    """Count an issue's deliveries by how they ended: by state, reason and code."""
    told = Delivery.state.in_(DID_NOT_GET_IT)
    reason = case((told, func.coalesce(Delivery.reason, "")), else_="")
    code = case((told, func.coalesce(Delivery.code, 0)), else_=0)
    counted = session.execute(
        select(Delivery.state, reason, code, func.count())
        .where(Delivery.issue_id == issue_id)
        .group_by(Delivery.state, reason, code)
    )
    totals = [(row[0], row[1], row[2], row[3]) for row in counted]
    there = {state for state, *_ in totals}
    empty = (DeliveryState.ACCEPTED, DeliveryState.BOUNCED)
    return totals + [(state, "", 0, 0) for state in empty if state not in there]


def keep_totals(session: Session, issue_id: int, totals: list[Total]) -> None:
    """Write an issue's totals in place of those that were counted before."""
    session.execute(delete(IssueTotal).where(IssueTotal.issue_id == issue_id))
    session.execute(
        insert(IssueTotal),
        [
            {"issue_id": issue_id, "state": state, "reason": reason, "code": code, "readers": many}
            for state, reason, code, many in totals
        ],
    )


def keep_editions(session: Session, issue_id: int) -> None:
    """Write how many readers have got each edition of an issue."""
    got = (
        select(func.count())
        .where(
            Delivery.issue_id == issue_id,
            Delivery.rendering_id == Rendering.id,
            Delivery.state.in_(ONCE_ACCEPTED),
        )
        .correlate(Rendering)
        .scalar_subquery()
    )
    session.execute(
        update(Rendering)
        .where(Rendering.issue_id == issue_id)
        .values(accepted=got)
        .execution_options(synchronize_session=False)
    )


def _keep_minutes(
    session: Session, issue_id: int, accepted: Sequence[tuple[datetime, int]]
) -> None:
    # Who comes back counts in their minute still, though their row has another moment now.
    before = dict(
        session.execute(
            select(AcceptedMinute.minute, AcceptedMinute.readers).where(
                AcceptedMinute.issue_id == issue_id
            )
        ).all()
    )
    more = [(minute, many) for minute, many in accepted if many > before.get(minute, 0)]
    if not more:
        return
    minutes = [minute for minute, _ in more if minute in before]
    session.execute(
        delete(AcceptedMinute).where(
            AcceptedMinute.issue_id == issue_id, AcceptedMinute.minute.in_(minutes)
        )
    )
    session.execute(
        insert(AcceptedMinute),
        [{"issue_id": issue_id, "minute": minute, "readers": many} for minute, many in more],
    )

"""How many asked, confirmed, came and went on each day: counted once, for reports to read."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import (
    Select,
    SQLColumnExpression,
    String,
    delete,
    func,
    insert,
    literal,
    select,
    type_coerce,
)
from sqlalchemy.orm import Session

from digest.database.spans import utc_day
from digest.database.transactions import Database
from digest.heartbeats import beat
from digest.models import Counted, DayCount, Heartbeat, SignUp, SignUpChoice, Subscription

DAY_COUNTS = "day_counts"
# What is counted again: a transaction may end a while after the moment that it wrote down.
AGAIN = timedelta(days=1)

Row = tuple[int, date, Counted, str, int]


def count_days(database: Database, now: datetime) -> None:
    """Count the days since they were last counted, and the one before; the first time, all.

    Safe in several processes at once, and at any time. Days long past keep their counts: a form's
    name is forgotten with a sign-up that nobody confirmed.
    """
    with database.reading() as session:
        last = session.get(Heartbeat, DAY_COUNTS)
        since = None if last is None else (min(last.at, now) - AGAIN).date()
        rows = list(_counted(session, since))
    with database.transaction() as session:
        # The beat is the lock: whoever comes second waits here, and then counts the same.
        beat(session, DAY_COUNTS, now)
        again = DayCount.day >= since if since else literal(True)
        session.execute(delete(DayCount).where(again))
        if rows:
            names = ("newsletter_id", "day", "what", "detail", "readers")
            session.execute(insert(DayCount), [dict(zip(names, row, strict=True)) for row in rows])


def _counted(session: Session, since: date | None) -> Iterable[Row]:
    for what, statement in (
        (Counted.ASKED, _sign_ups(SignUp.requested_at, since)),
        (Counted.CONFIRMED, _sign_ups(SignUp.confirmed_at, since)),
        (Counted.STARTED, _started(since)),
        (Counted.ENDED, _ended(since)),
    ):
        for newsletter_id, day, detail, readers in session.execute(statement):
            yield newsletter_id, day, what, detail, readers


def _sign_ups(moment: SQLColumnExpression[Any], since: date | None) -> Select[int, date, str, int]:
    # One is confirmed only while it lasts, so that the index over its end finds both.
    within = [] if since is None else [SignUp.expires_at >= _begin(since), moment >= _begin(since)]
    day, form = utc_day(moment), func.coalesce(SignUp.form, "")
    return (
        select(SignUpChoice.newsletter_id, day, form, func.count())
        .join(SignUp, SignUp.id == SignUpChoice.sign_up_id)
        .where(moment.is_not(None), *within)
        .group_by(SignUpChoice.newsletter_id, day, form)
    )


def _started(since: date | None) -> Select[int, date, str, int]:
    day = utc_day(Subscription.started_at)
    counted = select(Subscription.newsletter_id, day, literal(""), func.count())
    if since is not None:
        counted = counted.where(Subscription.started_at >= _begin(since))
    return counted.group_by(Subscription.newsletter_id, day)


def _ended(since: date | None) -> Select[int, date, str, int]:
    day = utc_day(Subscription.ended_at)
    reason = func.coalesce(type_coerce(Subscription.ended_reason, String(60)), "")
    counted = select(Subscription.newsletter_id, day, reason, func.count()).where(
        Subscription.ended_at.is_not(None)
    )
    if since is not None:
        counted = counted.where(Subscription.ended_at >= _begin(since))
    return counted.group_by(Subscription.newsletter_id, day, reason)


def _begin(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)

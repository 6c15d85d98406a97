"""Why readers left: one optional question, answered by a tick, counted without their names."""

from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, update
from sqlalchemy.orm import Session

from digest.database.adding import add_unless_there
from digest.models import EndedReason, Farewell, LeavingReason, Subscription
from digest.readers.preferences.standing import find_period, newest_period

WORDS = {
    LeavingReason.TOO_OFTEN: "It comes too often",
    LeavingReason.NOT_FOR_ME: "It is not what I had hoped for",
    LeavingReason.NO_TIME: "I have no time to read it",
    LeavingReason.ELSEWHERE: "I read it elsewhere, or at another address",
    LeavingReason.NEVER_ASKED: "I never asked for it",
}


def tell_reason(session: Session, token_id: bytes, reason: LeavingReason, *, now: datetime) -> bool:
    """Count why the reader of that period left; return whether it was counted.

    Once for each time of leaving. Of the reader, only that they answered is kept.
    """
    period = find_period(session, token_id)
    if period is None:
        return False
    newest = newest_period(session, period.subscriber_id, period.newsletter_id)
    told = session.execute(
        update(Subscription)
        .where(
            Subscription.id == newest.id,
            Subscription.ended_reason == EndedReason.LEFT,
            Subscription.reason_told_at.is_(None),
        )
        .values(reason_told_at=now)
    )
    if cast("CursorResult[Any]", told).rowcount != 1:
        return False
    _count(session, period.newsletter_id, reason, now)
    return True


def _count(session: Session, newsletter_id: int, reason: LeavingReason, now: datetime) -> None:
    month = now.date().replace(day=1)
    one_more = (
        update(Farewell)
        .where(
            Farewell.newsletter_id == newsletter_id,
            Farewell.month == month,
            Farewell.reason == reason,
        )
        .values(readers=Farewell.readers + 1)
        .execution_options(synchronize_session=False)
    )
    if cast("CursorResult[Any]", session.execute(one_more)).rowcount:
        return
    first = Farewell(newsletter_id=newsletter_id, month=month, reason=reason, readers=1)
    if not add_unless_there(session, first):
        # The month's first two came at the same moment.
        session.execute(one_more)

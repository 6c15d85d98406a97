"""Old deliveries: counted into an issue's totals after some months, then dropped.

What outlives them: the issue, its stories and renderings (so "never twice the same story" and the
archive go on), its bounces, and every link and address that was mailed, which prove themselves.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    and_,
    delete,
    exists,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session

from digest.clock import months_before
from digest.database.tables import database_now
from digest.database.transactions import Database
from digest.delivery.ledger import partitions
from digest.delivery.ledger.totals import count_totals, keep_editions, keep_totals
from digest.delivery.ledger.watching import WATCH
from digest.logs import get_logger
from digest.models import (
    OPEN,
    Attempt,
    Delivery,
    Issue,
    IssueState,
)

# Rows deleted in one transaction, where there is no partition to drop.
SLICE = 2000

log = get_logger(__name__)


def fold_due(session: Session, now: datetime, months: int) -> bool:
    """Say whether there is an issue to fold, or rows of a folded one to delete."""
    if not months:
        return False
    # One by one: each has an index of its own.
    found = (exists().where(each) for each in (*_to_fold_each(now, months), _to_clear()))
    return session.execute(select(or_(*found))).scalar_one()


def fold_deliveries(
    database: Database, *, now: datetime, months: int, go_on: Callable[[], bool]
) -> None:
    """Fold every issue that ended more than `months` calendar months ago; 0 keeps all for ever.

    Works in short transactions while `go_on` says so. Safe in any number of processes at once,
    and at any time: what is left undone is found again.
    """
    if not months:
        return
    with database.reading() as session:
        to_fold = session.scalars(select(Issue.id).where(_to_fold(now, months))).all()
    for issue_id in to_fold:
        if not go_on():
            return
        _fold(database, issue_id, now, months)
    with database.reading() as session:
        to_clear = session.scalars(select(Issue.id).where(_to_clear())).all()
    for issue_id in to_clear:
        while go_on():
            with database.transaction() as session:
                if not _clear_slice(session, issue_id, now):
                    break


def _to_fold(now: datetime, months: int) -> ColumnElement[bool]:
    return or_(*_to_fold_each(now, months))


def _to_fold_each(now: datetime, months: int) -> tuple[ColumnElement[bool], ...]:
    """Say which issues were sent so long ago, and which were cancelled."""
    before = months_before(now, months)
    # Over, and the tick has looked after it to the end.
    over = (Issue.folded_at.is_(None), Issue.watched_until < database_now())
    return (
        and_(*over, Issue.state == IssueState.SENT, Issue.sent_at < before),
        # Nobody wrote down when it was cancelled, but the watch began at the next tick.
        and_(*over, Issue.state == IssueState.CANCELLED, Issue.watched_until < before + WATCH),
    )


def _to_clear() -> ColumnElement[bool]:
    return and_(Issue.folded_at.is_not(None), Issue.cleared_at.is_(None))


def _fold(database: Database, issue_id: int, now: datetime, months: int) -> None:
    with database.transaction() as session:
        # The condition is the lock: a second process waits here, and then finds it folded.
        taken = session.execute(
            update(Issue)
            .where(Issue.id == issue_id, _to_fold(now, months), ~_is_open(issue_id))
            .values(folded_at=now)
            .returning(Issue.id)
        ).first()
        if taken is None:
            return
        keep_totals(session, issue_id, count_totals(session, issue_id))
        keep_editions(session, issue_id)
        if partitions.are_kept(session) and not partitions.drop(session, issue_id):
            log.info("old deliveries are being read; they are dropped later", issue=issue_id)
            session.rollback()
            return
    log.info("old deliveries folded into totals", issue=issue_id)


def _is_open(issue_id: int) -> ColumnElement[bool]:
    return or_(
        *(
            exists().where(
                Delivery.issue_id == issue_id,
                Delivery.state == literal(state, Delivery.state.type, literal_execute=True),
            )
            for state in OPEN
        )
    )


def _clear_slice(session: Session, issue_id: int, now: datetime) -> bool:
    """Delete some of what is left of a folded issue. Return whether there may be more."""
    attempts = select(Attempt.id).where(Attempt.issue_id == issue_id).limit(SLICE)
    deleted = _deleted(session, delete(Attempt).where(Attempt.id.in_(attempts)))
    if not deleted and not partitions.are_kept(session):
        some = select(Delivery.subscriber_id).where(Delivery.issue_id == issue_id).limit(SLICE)
        deleted = _deleted(
            session,
            delete(Delivery).where(Delivery.issue_id == issue_id, Delivery.subscriber_id.in_(some)),
        )
    if not deleted:
        session.execute(update(Issue).where(Issue.id == issue_id).values(cleared_at=now))
    return deleted > 0


def _deleted(session: Session, statement: Any) -> int:
    done = session.execute(statement, execution_options={"synchronize_session": False})
    return cast("CursorResult[Any]", done).rowcount

"""How long issues were parked, and why: kept, so that a report can still say it afterwards."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from digest.database.tables import database_now
from digest.models import Issue, IssueState, Wait


@dataclass(frozen=True)
class Waited:
    """One reason: how many times an issue waited for it, and how long in all."""

    reason: str
    times: int
    lasted: timedelta
    still: bool


def begin_waits(session: Session, issue_ids: Sequence[int], reason: str) -> None:
    """Note that these issues are parked. One that waits already goes on waiting, for this."""
    if not issue_ids:
        return
    waiting = (
        update(Wait)
        .where(Wait.issue_id.in_(issue_ids), Wait.ended_at.is_(None))
        .values(reason=reason)
        .returning(Wait.issue_id)
        .execution_options(synchronize_session=False)
    )
    known = set(session.execute(waiting).scalars())
    for issue_id in issue_ids:
        if issue_id not in known:
            session.execute(
                insert(Wait).values(issue_id=issue_id, reason=reason, began_at=database_now())
            )


def end_waits(session: Session, issue_ids: Sequence[int] | None = None) -> None:
    """Note that these issues wait no longer; or all that are not parked, whoever moved them."""
    parked = select(Issue.id).where(Issue.state == IssueState.PARKED)
    which = Wait.issue_id.not_in(parked) if issue_ids is None else Wait.issue_id.in_(issue_ids)
    session.execute(
        update(Wait)
        .where(Wait.ended_at.is_(None), which)
        .values(ended_at=database_now())
        .execution_options(synchronize_session=False)
    )


def waits_of(session: Session, issue_id: int) -> tuple[Waited, ...]:
    """Return what an issue waited for, the longest first."""
    found = session.execute(
        select(Wait, database_now()).where(Wait.issue_id == issue_id).order_by(Wait.id)
    )
    waits: dict[str, Waited] = {}
    for wait, now in found:
        before = waits.get(wait.reason, Waited(wait.reason, 0, timedelta(0), still=False))
        waits[wait.reason] = Waited(
            reason=wait.reason,
            times=before.times + 1,
            lasted=before.lasted + ((wait.ended_at or now) - wait.began_at),
            still=before.still or wait.ended_at is None,
        )
    return tuple(sorted(waits.values(), key=lambda each: each.lasted, reverse=True))

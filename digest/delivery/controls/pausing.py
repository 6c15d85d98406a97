"""Pausing, resuming and cancelling an issue: what a person does to one that is on its way.

Each locks the issue's row, which no worker holds for longer than a moment, looks at the state, and
moves it. Workers read the state in each statement that claims rows or opens a window: a window
that is open finishes, and nothing more is opened.
"""

import time
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from digest import home, prose
from digest.database.transactions import Database
from digest.delivery.ledger import sweeping
from digest.delivery.ledger.reporting import check_account
from digest.errors import RefusedError
from digest.models import BEFORE_FREEZE, UNDER_WAY, Issue, IssueState, WaitingCorrection

# So many rows are cancelled in one transaction, with a breath after it: on SQLite nobody else can
# write meanwhile, and whoever waits there looks ten times a second whether it is over.
SLICE = 20_000
BREATH_SECONDS = 0.1


def refuse_uncorrected(session: Session, issue: Issue) -> None:
    """Refuse to send an issue to anybody again while a correction of it waits for a second person.

    Raises:
        RefusedError: one waits: what would go out is what was found wrong.
    """
    waiting = session.get(WaitingCorrection, issue.id)
    if waiting is not None:
        raise RefusedError(
            f"{waiting.by} has corrected it, and that waits for a second person: what would go out "
            "now is the issue with the mistake. Confirm the correction, or drop it, first (digest "
            "issue confirm)."
        )


def pause(session: Session, issue_id: int, by: str, reason: str = "") -> bool:
    """Send no more of an issue until somebody resumes it. Return False if it was paused already.

    Raises:
        RefusedError: it is not on its way; the message says what to do instead.
    """
    issue = lock_issue(session, issue_id)
    if issue.state is IssueState.PAUSED:
        return False
    if issue.state in BEFORE_FREEZE:
        raise RefusedError(
            f"It is {issue.state}, and nothing of it has left. Choose a later time for it (digest "
            "issue schedule), or cancel it (digest issue cancel)."
        )
    if issue.state not in UNDER_WAY:
        raise RefusedError(f"There is nothing to pause. {_as_it_is(issue)}")
    issue.state, issue.parked_until = IssueState.PAUSED, None
    issue.reason = _said(by, "paused", reason)
    session.flush()
    return True


def resume(session: Session, issue_id: int, now: datetime) -> bool:
    """Send on with a paused or parked issue, however late it is.

    Return False if it was being sent already. The caller rings for workers after the commit.

    Raises:
        RefusedError: it is neither on its way nor was it stopped there; or the database was
            restored, and that is not accepted.
    """
    home.refuse_if_moved(session)
    issue = lock_issue(session, issue_id)
    if issue.state in (IssueState.FROZEN, IssueState.SENDING):
        return False
    if issue.state not in UNDER_WAY:
        raise RefusedError(f"Only a paused or a parked issue can be resumed. {_as_it_is(issue)}")
    issue.state, issue.parked_until, issue.reason = IssueState.SENDING, None, None
    issue.lateness_judged_at = now
    session.flush()
    return True


def cancel(session: Session, issue_id: int, by: str, reason: str = "") -> bool:
    """Give an issue up for good. Return False if it was cancelled already.

    From the commit on nothing of it is claimed or opened. `withdraw_rows` then closes its rows;
    whatever of that is left undone, the tick finds.

    Raises:
        RefusedError: it has gone out, or was skipped.
    """
    issue = lock_issue(session, issue_id)
    if issue.state is IssueState.CANCELLED:
        return False
    if issue.state is IssueState.SENT:
        raise RefusedError("It has gone out. What the relay has accepted cannot be called back.")
    if issue.state not in (*BEFORE_FREEZE, *UNDER_WAY):
        raise RefusedError(f"There is nothing to cancel. {_as_it_is(issue)}")
    issue.state, issue.parked_until, issue.watched_until = IssueState.CANCELLED, None, None
    issue.reason = _said(by, "cancelled", reason)
    session.flush()
    return True


def withdraw_rows(
    database: Database, issue_id: int, *, go_on: Callable[[], bool] = lambda: True
) -> bool:
    """Cancel the queued and claimed rows of a cancelled issue, slice by slice, while `go_on` says.

    Does nothing to any other issue. Return whether there is more to do.
    """
    with database.reading() as session:
        state = session.scalar(select(Issue.state).where(Issue.id == issue_id))
    if state is not IssueState.CANCELLED:
        return False
    while True:
        with database.transaction() as session:
            if not sweeping.withdraw(session, issue_id, at_most=SLICE):
                check_account(session, issue_id)
                return False
        if not go_on():
            return True
        time.sleep(BREATH_SECONDS)


def lock_issue(session: Session, issue_id: int) -> Issue:
    """Return an issue as it is now, and as it stays until this transaction ends."""
    # Weak enough for a delivery to be inserted meanwhile: its foreign key reads the row.
    return session.get_one(
        Issue, issue_id, with_for_update={"key_share": True}, populate_existing=True
    )


def reopen(issue: Issue, now: datetime) -> None:
    """Let a locked issue that had gone out be sent on: a person had rows of it queued again.

    So they decided that it is not too late for it.
    """
    issue.lateness_judged_at = now
    if issue.state is IssueState.SENT:
        issue.state, issue.sent_at, issue.reason = IssueState.SENDING, None, None
        issue.watched_until = None


def _said(by: str, did: str, reason: str) -> str:
    words = prose.on_one_line(reason)
    return f"{by} {did} it: {words}"[:500] if words else f"{by} {did} it."


def _as_it_is(issue: Issue) -> str:
    return f"It is {issue.state}: {issue.reason}" if issue.reason else f"It is {issue.state}."

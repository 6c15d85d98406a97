"""Approving an issue: from then on it goes out by itself, at its time."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from digest.errors import RefusedError
from digest.home import refuse_if_moved
from digest.models import Issue, IssueState, Story
from digest.newsroom.issues.moving import called, move


def approve(
    session: Session, issue: Issue, by: str, now: datetime, *, version: int | None = None
) -> None:
    """Approve a composed draft; it is frozen and sent when its `send_at` comes.

    `version`: the one that was looked at; None: the issue as it is now.

    Raises:
        RefusedError: with the reason in words.
    """
    refuse_if_moved(session)
    if issue.state is IssueState.HELD:
        raise RefusedError(
            f"It is held: {issue.reason} Send it now, or schedule it for a new time."
        )
    if issue.state is not IssueState.DRAFT:
        raise RefusedError(f"Only a draft can be approved, and {called(issue)} is {issue.state}.")
    refuse_empty(session, issue)
    if version is not None and version != issue.version:
        raise RefusedError("It was changed since you looked. Look at it, then approve it.")
    move(session, issue, IssueState.SCHEDULED, approved_at=now, approved_by=by)


def refuse_empty(session: Session, issue: Issue) -> None:
    """Raise RefusedError where an issue has no stories."""
    found = session.scalar(
        select(func.count()).select_from(Story).where(Story.issue_id == issue.id)
    )
    if not found:
        raise RefusedError(f"There are no stories in {called(issue)} yet. Compose it first.")

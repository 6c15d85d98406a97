"""Letting the rule fill a draft before its time, because an editor asks for it."""

from datetime import datetime

from sqlalchemy.orm import Session

from digest.errors import RefusedError
from digest.models import Issue, IssueState
from digest.newsroom.issues.composing import compose
from digest.newsroom.issues.history import Editor
from digest.newsroom.issues.moving import called


def fill(session: Session, issue: Issue, by: Editor, now: datetime) -> None:
    """Let the rule pick the stories of a draft that has none, or none but what is pinned to it.

    With too few articles it stays as it is: to skip the week is not what was asked for.

    Raises:
        RefusedError: with the reason in words; the caller's transaction has to be rolled back.
    """
    if issue.stories and issue.composed_at is not None:
        raise RefusedError(f"There are stories in {called(issue)} already.")
    compose(session, issue, now, again=True, asked_by=by)
    if issue.state is IssueState.SKIPPED:
        raise RefusedError(f"Nothing is picked yet. {issue.reason}")

"""Letting a warning stand: by name, and only as it was."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from digest.database.adding import add_unless_there
from digest.errors import RefusedError
from digest.models import AcceptedFinding, Issue
from digest.newsroom.issues.history import LONGEST_NAME, Editor
from digest.preflight.checking import look_over, refuse_too_late
from digest.preflight.findings import LONGEST_SENTENCE


def accept(
    session: Session, issue: Issue, code: str, by: Editor, now: datetime, *, public_url: str
) -> AcceptedFinding:
    """Accept the warning of that code; return the row that says who did, and when.

    Accepting twice is accepting once, by whoever was first: `at` is `now` only for that one.

    Raises:
        RefusedError: it is a blocker, has changed, or the issue is frozen.
    """
    refuse_too_late(issue)
    found = look_over(session, issue, public_url=public_url, now=now)
    finding = next((each for each in found.findings if each.code == code), None)
    if finding is None:
        raise RefusedError("That finding has changed since, or is gone. Look at what is there now.")
    if finding.blocks:
        raise RefusedError(f"That keeps the issue from going out, so mend it. {finding.sentence}")
    row = AcceptedFinding(
        issue_id=issue.id,
        code=code,
        sentence=finding.sentence[:LONGEST_SENTENCE],
        by=by.name[:LONGEST_NAME],
        user_id=by.user_id,
        at=now,
    )
    if code not in found.accepted and add_unless_there(session, row):
        return row
    return session.scalars(
        select(AcceptedFinding).where(
            AcceptedFinding.issue_id == issue.id, AcceptedFinding.code == code
        )
    ).one()

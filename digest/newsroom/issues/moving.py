"""Moving an issue from one state to another, without overwriting what somebody else just did."""

from datetime import date

from sqlalchemy import CursorResult, update
from sqlalchemy.orm import Session

from digest.errors import RefusedError
from digest.models import Issue, IssueState


def move(session: Session, issue: Issue, to: IssueState, **values: object) -> None:
    """Set an issue's state and other columns, provided that it is still as `issue` says.

    Raises:
        RefusedError: it was changed in the meantime.
    """
    session.flush()
    moved = session.execute(
        update(Issue)
        .where(
            Issue.id == issue.id,
            Issue.state == issue.state,
            Issue.composed_at.is_not_distinct_from(issue.composed_at),
            Issue.version == issue.version,
        )
        .values(state=to, **values)
        .execution_options(synchronize_session=False)
    )
    assert isinstance(moved, CursorResult)
    if moved.rowcount == 0:
        raise RefusedError(
            "Somebody else changed this issue at the same moment. Look at it, then try again."
        )
    session.refresh(issue)


def called(issue: Issue) -> str:
    """Return what an issue is called in a sentence: by its number, before that by its date."""
    return name_of(issue.number, issue.dateline)


def name_of(number: int | None, day: date) -> str:
    """Return what an issue of that number and dateline is called; None: it has no number yet."""
    return f"No. {number}" if number is not None else f"the issue of {day.day} {day:%B %Y}"

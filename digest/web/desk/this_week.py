"""This week: how the next issue of each newsletter stands, and the one thing to do about it."""

from dataclasses import dataclass
from datetime import datetime

from flask import Response
from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from digest.models import BEFORE_FREEZE, Issue, IssueState, Newsletter, Role
from digest.newsroom.issues.coming import next_send_at
from digest.web.context import current_runtime
from digest.web.desk.approval import approval_shown
from digest.web.desk.signed_in import desk, desk_blueprint, show
from digest.web.desk.standing import Standing, missing_of, moment, needs_approval, standing_of

# What a person may have to do something about, soonest first.
OPEN = (
    *BEFORE_FREEZE,
    IssueState.FROZEN,
    IssueState.SENDING,
    IssueState.PAUSED,
    IssueState.PARKED,
)
MOST_SHOWN = 5

this_week_pages = desk_blueprint("this_week", __name__)


@dataclass(frozen=True)
class Row:
    """A newsletter: its issues that are open, soonest first, or when the next will be composed.

    `missing` is a sentence on the first of them, `may_approve` whether whoever asks may approve it.
    """

    newsletter: Newsletter
    issues: tuple[tuple[Issue, Standing], ...]
    next_one: str
    missing: str
    may_approve: bool
    last: tuple[Issue, Standing] | None

    @property
    def waits(self) -> bool:
        """Whether something waits for a person."""
        return any(
            issue.state in {IssueState.HELD, IssueState.PAUSED}
            or (issue.composed_at is not None and needs_approval(issue))
            for issue, _ in self.issues
        )


@this_week_pages.get("/")
def show_week() -> Response:
    """Show the newsletters that whoever asks may look at."""
    now = desk().now
    with current_runtime().database.reading() as session:
        newsletters = session.scalars(
            select(Newsletter).where(Newsletter.retired_at.is_(None)).order_by(Newsletter.id)
        )
        rows = [
            _row(session, each, now) for each in newsletters if desk().may(Role.VIEWER, each.id)
        ]
    return show("this_week.html", rows=rows)


def _row(session: Session, newsletter: Newsletter, now: datetime) -> Row:
    issues = select(Issue).where(Issue.newsletter_id == newsletter.id)
    next_at = next_send_at(session, newsletter, now)
    # What is made for later weeks, to pin stories to it say, stands in the calendar.
    later = (
        (Issue.state == IssueState.DRAFT)
        & Issue.composed_at.is_(None)
        & Issue.occurrence_on.is_not(None)
        & (Issue.send_at > next_at)
    )
    found = session.scalars(
        issues.where(Issue.state.in_(OPEN), ~later)
        .options(selectinload(Issue.stories))
        .order_by(Issue.send_at, Issue.id)
        .limit(MOST_SHOWN)
    ).all()
    last = session.scalar(
        issues.where(Issue.state == IssueState.SENT).order_by(Issue.number.desc()).limit(1)
    )
    return Row(
        newsletter=newsletter,
        issues=tuple((each, standing_of(each, now)) for each in found),
        next_one=moment(next_at, newsletter),
        missing=missing_of(found[0]) if found else "",
        may_approve=bool(found) and approval_shown(session, found[0]).may,
        last=(last, standing_of(last, now)) if last else None,
    )

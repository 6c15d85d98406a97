"""This week: how the next issue of each newsletter stands, and the one thing to do about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Response
from sqlalchemy import bindparam, func, or_, select
from sqlalchemy.orm import Session, aliased

from digest.database.prepared import Prepared
from digest.models import BEFORE_FREEZE, Issue, IssueState, Newsletter, Role, Story
from digest.newsroom.issues.coming import earliest_known, first_moment, was_made_ahead
from digest.newsroom.issues.looking import ISSUE, NEWSLETTER, look_at_head
from digest.web.desk.approval import approval_shown
from digest.web.desk.signed_in import carried_on, carries_on, desk, desk_blueprint, show
from digest.web.desk.standing import Standing, missing_of, moment, needs_approval, standing_of
from digest.web.paging import page_of

# What a person may have to do something about, soonest first.
OPEN = (
    *BEFORE_FREEZE,
    IssueState.FROZEN,
    IssueState.SENDING,
    IssueState.PAUSED,
    IssueState.PARKED,
)
MOST_SHOWN = 5
NEWSLETTERS_SHOWN = 50
# Which of an issue's columns names its newsletter.
OF = list(Issue.__table__.columns.keys()).index("newsletter_id")

NEWSLETTERS = Prepared(
    select(*NEWSLETTER.selected).where(Newsletter.retired_at.is_(None)).order_by(Newsletter.id)
)
_OTHER = aliased(Issue)
_LAST = (
    select(_OTHER.id)
    .where(_OTHER.newsletter_id == Newsletter.id, _OTHER.state == IssueState.SENT)
    .order_by(_OTHER.number.desc())
    .limit(1)
    .scalar_subquery()
)
_RANK = func.row_number().over(partition_by=Issue.newsletter_id, order_by=(Issue.send_at, Issue.id))
_OPEN = select(Issue.id, _RANK.label("rank")).where(Issue.state.in_(OPEN)).subquery()
# In one statement: those that are open, the last one sent, and whose slots the calendar may meet.
ISSUES = Prepared(
    select(
        *ISSUE.selected,
        select(func.count()).where(Story.issue_id == Issue.id).scalar_subquery().label("stories"),
    )
    .where(
        Issue.newsletter_id.in_(bindparam("mine", expanding=True)),
        or_(
            Issue.id.in_(select(_OPEN.c.id).where(_OPEN.c.rank <= MOST_SHOWN)),
            Issue.id.in_(select(_LAST).select_from(Newsletter)),
            Issue.occurrence_on >= bindparam("since"),
        ),
    )
    .order_by(Issue.send_at, Issue.id)
)

this_week_pages = desk_blueprint("this_week", __name__)


@dataclass(frozen=True)
class Row:
    """A newsletter: its issues that are open, soonest first, or when the next one goes out.

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
@carries_on()
def show_week() -> Response:
    """Show the newsletters that whoever asks may look at."""
    now = desk().now
    with carried_on() as session:
        found = {row[0]: tuple(row) for row in NEWSLETTERS.rows(session)}
        # All of them are read for their permission; what costs is told of a page of them.
        ids = [each for each in found if desk().may(Role.VIEWER, each)]
        page = page_of(lambda most, first: ids[first : first + most], NEWSLETTERS_SHOWN)
        mine = {each: found[each] for each in page.rows}
        told = _told(session, mine, now)
        rows = [
            _row(session, each, [(i, n) for i, n in told if i.newsletter_id == each.id], now)
            for each in NEWSLETTER.all(session, list(mine.values()))
        ]
    return show("this_week.html", rows=rows, page=page)


def _told(
    session: Session, newsletters: Mapping[int, tuple[Any, ...]], now: datetime
) -> list[tuple[Issue, int]]:
    """Return the issues of newsletters (rows, by their ids), each with how many stories it has."""
    rows = ISSUES.rows(session, mine=list(newsletters), since=earliest_known(now))
    return [
        (look_at_head(session, newsletters[row[OF]], tuple(row)), stories) for *row, stories in rows
    ]


def _row(
    session: Session, newsletter: Newsletter, told: Sequence[tuple[Issue, int]], now: datetime
) -> Row:
    known = {issue.occurrence_on: (issue.state, issue.send_at) for issue, _ in told}
    next_at = first_moment(newsletter, known, now)
    found = [
        (issue, stories)
        for issue, stories in told
        # What is made ahead stands in the calendar.
        if issue.state in OPEN and not was_made_ahead(issue, next_at)
    ][:MOST_SHOWN]
    sent = [issue for issue, _ in told if issue.state is IssueState.SENT]
    last = max(sent, key=lambda issue: issue.number or 0, default=None)
    missing, may_approve = "", False
    if found:
        first, stories = found[0]
        missing = missing_of(first, stories)
        may_approve = approval_shown(session, first, stories=stories).may
    return Row(
        newsletter=newsletter,
        issues=tuple((each, standing_of(each, now, stories=count)) for each, count in found),
        next_one=moment(next_at, newsletter),
        missing=missing,
        may_approve=may_approve,
        last=(last, standing_of(last, now)) if last else None,
    )

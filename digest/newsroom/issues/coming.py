"""What is coming: a newsletter's next issue, and the issues that wait with a source's stories."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from digest.models import BEFORE_FREEZE, Article, Issue, IssueState, Newsletter, Source, Story
from digest.newsroom.issues.calendar import slots_after

# Nothing more comes of these: their slot is used up, early or for good.
OVER = frozenset({IssueState.SENDING, IssueState.SENT, IssueState.SKIPPED, IssueState.CANCELLED})
# An issue may be moved away from its slot by less than this.
A_WEEK = timedelta(days=7)

# By their occurrence: how they stand, and when they go out.
Known = Mapping[date | None, tuple[IssueState, datetime]]


def next_send_at(session: Session, newsletter: Newsletter, after: datetime) -> datetime:
    """Return when the first weekly issue later than `after` goes out, in UTC.

    It is the calendar's moment, or that of the issue where somebody moved it; an issue that was
    sent early, skipped or cancelled has used its slot up.
    """
    issues = select(Issue.occurrence_on, Issue.state, Issue.send_at).where(
        Issue.newsletter_id == newsletter.id,
        Issue.occurrence_on >= earliest_known(after),
    )
    known = {day: (state, send_at) for day, state, send_at in session.execute(issues)}
    return first_moment(newsletter, known, after)


def earliest_known(after: datetime) -> date:
    """Return from which occurrence on issues have to be known, to tell what goes out `after`."""
    return (after - 2 * A_WEEK).date()


def first_moment(newsletter: Newsletter, known: Known, after: datetime) -> datetime:
    """Return what `next_send_at` does, where the issues are known already."""
    moments = []
    for slot in slots_after(newsletter, after - A_WEEK):
        state, send_at = known.get(slot.occurrence_on, (None, slot.send_at))
        if state not in OVER and send_at > after:
            moments.append(send_at)
        # What stands later in the calendar can hardly come earlier.
        if moments and slot.send_at > after:
            return min(moments)
    raise AssertionError("the calendar has an end")


def is_made_ahead(next_at: datetime) -> ColumnElement[bool]:
    """Say which issues are made for weeks after the next one, at `next_at`: to pin to them, say.

    They are not composed, and nobody has to do anything about them yet.
    """
    return (
        (Issue.state == IssueState.DRAFT)
        & Issue.composed_at.is_(None)
        & Issue.occurrence_on.is_not(None)
        & (Issue.send_at > next_at)
    )


def was_made_ahead(issue: Issue, next_at: datetime) -> bool:
    """Tell the same of an issue that is at hand."""
    return (
        issue.state is IssueState.DRAFT
        and issue.composed_at is None
        and issue.occurrence_on is not None
        and issue.send_at > next_at
    )


def waiting_with(session: Session, source: Source) -> list[Issue]:
    """Return the issues that wait to go out with a story of a source, the soonest first."""
    return list(
        session.scalars(
            select(Issue)
            .join(Story, Story.issue_id == Issue.id)
            .join(Article, Article.id == Story.article_id)
            .where(Article.source_id == source.id, Issue.state.in_(BEFORE_FREEZE))
            .order_by(Issue.send_at, Issue.id)
            .distinct()
        )
    )

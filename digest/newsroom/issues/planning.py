"""A newsletter's calendar as a person sees it: what comes, whether made or not, and what was."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, selectinload

from digest.models import BEFORE_FREEZE, Article, Issue, IssueState, Newsletter, Story
from digest.newsroom.issues.calendar import Slot, slot, slots_after

WEEKS_AHEAD = 8
A_DAY = timedelta(days=1)
OVER = (IssueState.SENT, IssueState.SKIPPED, IssueState.CANCELLED)


@dataclass(frozen=True)
class Planned:
    """One line of the calendar. `issue` is None where none is made yet.

    `moved_from` is the moment of the slot that an issue was moved away from.
    """

    send_at: datetime
    on: date | None
    issue: Issue | None
    moved_from: datetime | None = None


def coming(session: Session, newsletter: Newsletter, now: datetime) -> list[Planned]:
    """Return what is to come within eight weeks, and whatever waits, soonest first."""
    until = now + timedelta(weeks=WEEKS_AHEAD)
    found = session.scalars(
        select(Issue)
        .where(
            Issue.newsletter_id == newsletter.id,
            or_(Issue.state.not_in(OVER), Issue.send_at > now),
        )
        .options(selectinload(Issue.stories).joinedload(Story.article).defer(Article.body))
    ).all()
    planned = [_of_issue(each) for each in found]
    made = {each.occurrence_on for each in found} | _used_up(session, newsletter, now)
    planned += [
        Planned(each.send_at, each.occurrence_on, None)
        for each in _slots(newsletter, now, until)
        if each.occurrence_on not in made
    ]
    return sorted(planned, key=lambda each: (each.send_at, each.issue.id if each.issue else 0))


def past(
    session: Session, newsletter: Newsletter, now: datetime, *, at_most: int, offset: int = 0
) -> Sequence[Issue]:
    """Return what is over, sent, skipped or cancelled, the latest first."""
    return session.scalars(
        select(Issue)
        .where(Issue.newsletter_id == newsletter.id, Issue.state.in_(OVER), Issue.send_at <= now)
        .order_by(Issue.send_at.desc(), Issue.id.desc())
        .offset(offset)
        .limit(at_most)
    ).all()


def _of_issue(issue: Issue) -> Planned:
    moved = None
    if issue.occurrence_on is not None and issue.state in BEFORE_FREEZE:
        was = slot(issue.newsletter, issue.occurrence_on).send_at
        moved = was if was != issue.send_at else None
    return Planned(issue.send_at, issue.occurrence_on, issue, moved)


def _slots(newsletter: Newsletter, now: datetime, until: datetime) -> list[Slot]:
    slots = []
    for each in slots_after(newsletter, max(now, newsletter.calendar_since)):
        if each.send_at > until:
            break
        slots.append(each)
    return slots


def _used_up(session: Session, newsletter: Newsletter, now: datetime) -> set[date | None]:
    """Return the coming dates whose issue went out early."""
    used = select(Issue.occurrence_on).where(
        Issue.newsletter_id == newsletter.id, Issue.occurrence_on >= (now - A_DAY).date()
    )
    return set(session.scalars(used))

"""When a newsletter's day, time or zone changes: the issues that exist follow it, or say that not.

An issue that no person has touched moves to its new slot, with what is pinned to it. One that
somebody wrote in, approved or gave a time of its own keeps that time, and takes the nearest new
slot's place in the calendar, so that no second issue is made beside it.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from digest.models import BEFORE_FREEZE, Issue, IssueState, Newsletter
from digest.newsroom.issues.calendar import Schedule, slot
from digest.newsroom.issues.moving import move


@dataclass(frozen=True)
class Followed:
    """What became of one issue. `kept_because` is empty where it moved."""

    issue: Issue
    kept_because: str = ""


def follow(
    session: Session, newsletter: Newsletter, before: Schedule, now: datetime
) -> list[Followed]:
    """Move the issues of a newsletter that come before its freeze, as its calendar has moved.

    `before` is the calendar as it was; specials have no place in either.

    Raises:
        RefusedError: somebody else changed one of them at the same moment.
    """
    waiting = session.scalars(
        select(Issue)
        .where(
            Issue.newsletter_id == newsletter.id,
            # A week that was left out stays so.
            or_(
                Issue.state.in_(BEFORE_FREEZE),
                (Issue.state == IssueState.SKIPPED) & (Issue.send_at > now),
            ),
            Issue.occurrence_on.is_not(None),
        )
        .order_by(Issue.occurrence_on)
    ).all()
    return [_follow(session, issue, before, now) for issue in waiting]


def _follow(session: Session, issue: Issue, before: Schedule, now: datetime) -> Followed:
    newsletter, old = issue.newsletter, issue.occurrence_on
    assert old is not None
    because = _why_kept(issue, before, old)
    new = _new_date(session, issue, old, now)
    if because:
        if new is not None and new != old:
            move(session, issue, issue.state, occurrence_on=new)
        return Followed(issue, because)
    if new is None:
        return Followed(issue, "the new time has passed")
    times = slot(newsletter, new)
    move(
        session,
        issue,
        issue.state,
        occurrence_on=new,
        dateline=new,
        compose_at=times.compose_at,
        closes_at=times.closes_at,
        send_at=times.send_at,
    )
    return Followed(issue)


def _why_kept(issue: Issue, before: Schedule, old: date) -> str:
    if issue.state is IssueState.HELD:
        return "it is held"
    if issue.state is IssueState.SKIPPED:
        return "it is skipped"
    if issue.approved_at is not None or issue.state is not IssueState.DRAFT:
        return "it is approved"
    if issue.send_at != slot(before, old).send_at:
        return "somebody gave it a time of its own"
    written = (issue.subject, issue.preheader, issue.note, issue.last_thing)
    picked = issue.composed_at is not None and any(story.is_by_hand for story in issue.stories)
    if any(written) or picked:
        return "somebody has written in it"
    return ""


def _new_date(session: Session, issue: Issue, old: date, now: datetime) -> date | None:
    """Return the nearest date of the new calendar that is still to come and is nobody else's."""
    weekday = issue.newsletter.weekday
    around = (old + timedelta(days=days) for days in range(-6, 7))
    near = sorted(
        (day for day in around if day.weekday() == weekday),
        key=lambda day: (abs(day - old), old - day),
    )
    # Where the weekday stays, so does the date.
    for day in near[:1] if near[0] == old else near:
        if slot(issue.newsletter, day).send_at > now and not _taken(session, issue, day):
            return day
    return None


def _taken(session: Session, issue: Issue, day: date) -> bool:
    found = select(Issue.id).where(
        Issue.newsletter_id == issue.newsletter_id,
        Issue.occurrence_on == day,
        Issue.id != issue.id,
    )
    return session.scalar(found) is not None

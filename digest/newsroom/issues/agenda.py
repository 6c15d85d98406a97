"""What the tick does for issues: makes, composes, approves and holds those whose time has come.

Found from the calendar and the database alone, each in a transaction of its own, so that a missed
tick, two at once or a week of downtime heal by themselves.
"""

from collections.abc import Callable
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.orm import Session

from digest import prose, zones
from digest.database.transactions import Database
from digest.errors import RefusedError
from digest.logs import get_logger, kept_apart
from digest.models import (
    Approval,
    Issue,
    IssueState,
    Newsletter,
    Notice,
    NoticeKind,
    Story,
)
from digest.newsroom.issues.approving import BY_ITSELF, approve
from digest.newsroom.issues.calendar import (
    HOURS_AHEAD_AT_MOST,
    WEEK,
    begins_at_the_earliest,
    days_between,
    occurrences_due,
    slot,
)
from digest.newsroom.issues.composing import compose, create_issue
from digest.newsroom.issues.moving import move
from digest.newsroom.issues.replacing import replace_withdrawn, shows_withdrawn
from digest.telling import tell_editors

# A reminder comes so long before an issue closes, or at half of the time that there is.
REMIND_AHEAD = timedelta(hours=3)
# What the calendar needs to know of a newsletter, and no more.
SCHEDULE = (
    Newsletter.id,
    Newsletter.weekday,
    Newsletter.local_time,
    Newsletter.zone,
    Newsletter.compose_hours,
    Newsletter.close_hours,
    Newsletter.calendar_since,
)

log = get_logger(__name__)


def keep_agenda(database: Database, now: datetime, *, late: timedelta) -> None:
    """Do for every issue what is due by `now`. One that is more than `late` late is held."""
    _make_issues(database, now)
    _each(database, _to_compose(now), lambda session, issue: _compose(session, issue, now))
    _each(
        database,
        shows_withdrawn(),
        lambda session, issue: _replace_withdrawn(session, issue, now),
    )
    _each(database, _to_approve(now), lambda session, issue: _approve(session, issue, now))
    _each(
        database,
        _unapproved(now),
        lambda session, issue: _hold(session, issue, _why_unapproved(issue)),
    )
    _each(
        database,
        _too_late(now - late),
        lambda session, issue: _hold(session, issue, f"It was due on {_when(issue)}."),
    )
    _each(database, _closes_soon(now), lambda session, issue: _remind(session, issue, now))
    _each(
        database,
        _untold(),
        lambda session, issue: tell_editors(session, issue, NoticeKind.HELD, now),
    )


def _make_issues(database: Database, now: datetime) -> None:
    """Make the issues of the slots that are to be composed by now, a week back at most.

    Two questions, however many newsletters there are: a transaction is begun only for an issue.
    """
    with database.reading() as session:
        found = session.execute(select(*SCHEDULE).where(_may_lack_an_issue(now))).all()
        known = _known_days(session, [each.id for each in found], now)
    for schedule in found:
        with kept_apart("calendar", newsletter=schedule.id):
            days = (day for day in _around(now) if day.weekday() == schedule.weekday)
            lacking = [day for day in days if (schedule.id, day) not in known]
            slots = (slot(schedule, day) for day in lacking)
            since = max(now - WEEK, schedule.calendar_since)
            if any(each.send_at > since and each.compose_at <= now for each in slots):
                _make_issue(database, schedule.id, now)


def _around(now: datetime) -> list[date]:
    return days_between(now - WEEK, now + timedelta(hours=HOURS_AHEAD_AT_MOST))


def _make_issue(database: Database, newsletter_id: int, now: datetime) -> None:
    with database.transaction() as session:
        # Read again: it may have another calendar by now.
        newsletter = session.get_one(Newsletter, newsletter_id)
        since = max(now - WEEK, newsletter.calendar_since)
        for occurrence_on in occurrences_due(newsletter, since, now):
            create_issue(session, newsletter, occurrence_on, now)


def _may_lack_an_issue(now: datetime) -> ColumnElement[bool]:
    """Say which newsletters have a day without an issue that may be a slot to compose by now.

    By whole days, as those begin furthest east; the calendar tells the hour.
    """
    slots = []
    for day in _around(now):
        ahead = begins_at_the_earliest(day) - now
        # Not by `exists`: PostgreSQL would read all issues once for each day.
        made = select(func.min(Issue.id)).where(
            Issue.newsletter_id == Newsletter.id, Issue.occurrence_on == day
        )
        slots.append(
            (Newsletter.weekday == day.weekday())
            & (Newsletter.compose_hours >= ahead / timedelta(hours=1))
            & made.scalar_subquery().is_(None)
        )
    return Newsletter.retired_at.is_(None) & or_(*slots)


def _known_days(
    session: Session, newsletter_ids: list[int], now: datetime
) -> set[tuple[int, date | None]]:
    made = select(Issue.newsletter_id, Issue.occurrence_on).where(
        Issue.newsletter_id.in_(newsletter_ids),
        Issue.occurrence_on >= _around(now)[0],
    )
    return {(newsletter_id, day) for newsletter_id, day in session.execute(made)}


def _each(
    database: Database,
    which: ColumnElement[bool],
    act: Callable[[Session, Issue], None],
) -> None:
    with database.reading() as session:
        found = session.scalars(
            select(Issue.id).join(Newsletter).where(which).order_by(Issue.send_at)
        ).all()
    for issue_id in found:
        with kept_apart("agenda", issue=issue_id):
            _one(database, issue_id, which, act)


def _one(
    database: Database,
    issue_id: int,
    which: ColumnElement[bool],
    act: Callable[[Session, Issue], None],
) -> None:
    try:
        with database.transaction() as session:
            # Asked again: another tick may have done it since.
            issue = session.scalar(
                select(Issue).join(Newsletter).where(Issue.id == issue_id, which)
            )
            if issue is not None:
                act(session, issue)
    except RefusedError as error:
        # Somebody was faster; what is left to do, the next tick finds.
        log.info("left for the next tick", issue=issue_id, reason=str(error))


def _to_compose(now: datetime) -> ColumnElement[bool]:
    return (
        (Issue.state == IssueState.DRAFT) & Issue.composed_at.is_(None) & (Issue.compose_at <= now)
    )


def _compose(session: Session, issue: Issue, now: datetime) -> None:
    compose(session, issue, now)
    # One that is late, and approved by itself in this very tick, waits for nobody.
    waits = issue.newsletter.approval.waits or issue.closes_at > now
    if issue.state is IssueState.DRAFT and waits:
        # What was skipped and taken up again is composed anew, and is news.
        kind = NoticeKind.DRAFT_READY
        tell_editors(session, issue, kind, now, once=f"{kind}:{issue.id}:{now.isoformat()}")


def _replace_withdrawn(session: Session, issue: Issue, now: datetime) -> None:
    was_held = issue.state is IssueState.HELD
    left_out = replace_withdrawn(session, issue, now)
    # Of one that is held by this its editor hears why.
    is_told_so = issue.state is IssueState.HELD and not was_held
    if not is_told_so and any(not each.replacement_id for each in left_out):
        kind = NoticeKind.STORY_WITHDRAWN
        tell_editors(session, issue, kind, now, once=f"{kind}:{left_out[0].id}")


def _to_approve(now: datetime) -> ColumnElement[bool]:
    return (
        (Issue.state == IssueState.DRAFT)
        & Issue.composed_at.is_not(None)
        & (Issue.closes_at <= now)
        & (Newsletter.approval == Approval.AUTOMATIC)
    )


def _approve(session: Session, issue: Issue, now: datetime) -> None:
    approve(session, issue, BY_ITSELF, now)


def _closes_soon(now: datetime) -> ColumnElement[bool]:
    # What was told within the time in which a reminder comes at all, was told of this closing.
    told = exists().where(
        Notice.issue_id == Issue.id,
        Notice.kind == NoticeKind.REMINDER,
        Notice.created_at > now - REMIND_AHEAD,
    )
    return (
        (Issue.state == IssueState.DRAFT)
        & Issue.composed_at.is_not(None)
        & (Issue.closes_at > now)
        & (Issue.closes_at <= now + REMIND_AHEAD)
        & ~told
    )


def _remind(session: Session, issue: Issue, now: datetime) -> None:
    assert issue.composed_at is not None
    # One that closes soon after it was composed was told of just now.
    ahead = min(REMIND_AHEAD, (issue.closes_at - issue.composed_at) / 2)
    if now >= issue.closes_at - ahead:
        tell_editors(session, issue, NoticeKind.REMINDER, now)


def _unapproved(now: datetime) -> ColumnElement[bool]:
    # What could not be composed, or has nothing in it to approve, would wait here for ever.
    return (
        (Issue.state == IssueState.DRAFT)
        & (Issue.send_at <= now)
        & or_(
            Issue.composed_at.is_(None),
            Newsletter.approval != Approval.AUTOMATIC,
            ~exists().where(Story.issue_id == Issue.id),
        )
    )


def _why_unapproved(issue: Issue) -> str:
    if issue.composed_at is None:
        return f"It could not be composed by {_when(issue)}. The log of the workers says why."
    if not issue.stories:
        return f"There were no stories in it by {_when(issue)}."
    return f"Nobody approved it by {_when(issue)}."


def _too_late(latest: datetime) -> ColumnElement[bool]:
    return (Issue.state == IssueState.SCHEDULED) & (Issue.send_at < latest)


def _hold(session: Session, issue: Issue, reason: str) -> None:
    move(session, issue, IssueState.HELD, reason=reason)


def _untold() -> ColumnElement[bool]:
    # Whoever held it, a worker that could not render it included.
    told = exists().where(
        Notice.issue_id == Issue.id,
        Notice.kind == NoticeKind.HELD,
        Notice.created_at >= Issue.send_at,
    )
    return (Issue.state == IssueState.HELD) & ~told


def _when(issue: Issue) -> str:
    local = issue.send_at.astimezone(zones.named(issue.newsletter.zone))
    return f"{prose.short_day(local.date())} at {local:%H:%M}"

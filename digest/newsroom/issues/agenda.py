"""What the tick does for issues: makes, composes, approves and holds those whose time has come.

Found from the calendar and the database alone, each in a transaction of its own, so that a missed
tick, two at once or a week of downtime heal by themselves.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.orm import Session

from digest import prose, zones
from digest.database.transactions import Database
from digest.errors import RefusedError
from digest.logs import kept_apart
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
from digest.newsroom.issues.calendar import WEEK, occurrences_due
from digest.newsroom.issues.composing import compose, create_issue
from digest.newsroom.issues.moving import move
from digest.newsroom.issues.replacing import replace_withdrawn, shows_withdrawn
from digest.telling import tell_editors

# A reminder comes so long before an issue closes, or at half of the time that there is.
REMIND_AHEAD = timedelta(hours=3)

log = structlog.get_logger(__name__)


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
    """Make the issues of the slots that are to be composed by now, a week back at most."""
    with database.reading() as session:
        in_use = session.scalars(select(Newsletter.id).where(Newsletter.retired_at.is_(None))).all()
    for newsletter_id in in_use:
        with kept_apart("calendar", newsletter=newsletter_id), database.transaction() as session:
            newsletter = session.get_one(Newsletter, newsletter_id)
            since = max(now - WEEK, newsletter.calendar_since)
            for occurrence_on in occurrences_due(newsletter, since, now):
                create_issue(session, newsletter, occurrence_on, now)


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

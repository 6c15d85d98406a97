"""Leaving a week out, and taking it up again: what a person does to one date of the calendar."""

from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from digest import prose, zones
from digest.errors import FieldError, RefusedError
from digest.home import refuse_if_moved
from digest.models import BEFORE_FREEZE, Issue, IssueState, Newsletter
from digest.newsroom.issues.calendar import slot
from digest.newsroom.issues.composing import create_issue
from digest.newsroom.issues.history import Editor, begin
from digest.newsroom.issues.moving import called, move

LONGEST_REASON = 300
# Further ahead nobody plans, and a year of five digits is a slip of the finger.
AHEAD = timedelta(days=2 * 366)


def issue_of(session: Session, newsletter: Newsletter, on: date, now: datetime) -> Issue:
    """Return the issue of a coming date of the calendar, made if there is none yet.

    Raises:
        RefusedError: the newsletter does not come on that day, it is over, or too far ahead.
    """
    if on.weekday() != newsletter.weekday:
        comes, is_ = (prose.WEEKDAYS[each] for each in (newsletter.weekday, on.weekday()))
        raise RefusedError(f"{newsletter.name} comes on {comes}, and {on} is a {is_}.")
    if on > zones.local_date(now, newsletter.zone) + AHEAD:
        raise RefusedError("That is more than two years ahead. Choose an earlier date.")
    if slot(newsletter, on).send_at <= now:
        raise RefusedError(f"{prose.short_day(on)} {on.year} is over. Choose a coming date.")
    return create_issue(session, newsletter, on, now)


def skip(session: Session, issue: Issue, by: Editor, now: datetime, *, reason: str = "") -> None:
    """Leave an issue out: nothing goes out on its date, until it is taken up again.

    An approval is void by that; its stories are free for another issue.

    Raises:
        FieldError: the reason is too long.
        RefusedError: it has left, is skipped already, or somebody else just changed it.
    """
    words = " ".join(reason.split())
    if len(words) > LONGEST_REASON:
        raise FieldError("reason", f"Say why in at most {LONGEST_REASON} characters.")
    if issue.state is IssueState.SKIPPED:
        raise RefusedError(f"{_beginning(issue)} is skipped already: {issue.reason}")
    if issue.state not in BEFORE_FREEZE:
        raise RefusedError(f"It is too late to skip {called(issue)}; it is {issue.state}.")
    approved_by = issue.approved_by or "somebody"
    void = f"It was skipped, so what {approved_by} approved is void."
    begin(session, issue, by, now).void_approval(void)
    said = f"{by.name} skipped it: {prose.ended(words)}" if words else f"{by.name} skipped it."
    move(session, issue, IssueState.SKIPPED, reason=said)


def take_up(session: Session, issue: Issue, now: datetime) -> None:
    """Take a skipped issue up again, or one that was cancelled before it was frozen.

    It is composed anew when its time comes, around what a person had picked.

    Raises:
        RefusedError: it is neither, its time has passed, or this database was restored.
    """
    refuse_if_moved(session)
    given_up = issue.state is IssueState.CANCELLED and issue.number is None
    if issue.state is not IssueState.SKIPPED and not given_up:
        raise RefusedError(f"{_beginning(issue)} is not skipped; it is {issue.state}.")
    if issue.send_at <= now:
        raise RefusedError("Its time has passed. Make a special edition instead.")
    anew = {"reason": None, "composed_at": None, "approved_at": None, "approved_by": None}
    move(session, issue, IssueState.DRAFT, **anew)


def _beginning(issue: Issue) -> str:
    name = called(issue)
    return f"{name[:1].upper()}{name[1:]}"

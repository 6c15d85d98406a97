"""A newsletter's calendar: what was, what comes; leaving a week out, moving, a special edition."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time

from flask import Response, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as AnyResponse

from digest import prose, zones
from digest.desk.audit import record_issue
from digest.errors import FieldError, NotFoundError, RefusedError
from digest.models import BEFORE_FREEZE, Issue, IssueState, Newsletter, Role, Story
from digest.newsroom.issues.calendar import existing_moment, oddity
from digest.newsroom.issues.composing import create_special
from digest.newsroom.issues.history import Editor
from digest.newsroom.issues.pinning import pins_of
from digest.newsroom.issues.planning import Planned, coming, past
from digest.newsroom.issues.scheduling import schedule
from digest.newsroom.issues.skipping import AHEAD, issue_of, skip, take_up
from digest.web.context import current_runtime
from digest.web.desk.findings import look_over_first
from digest.web.desk.signed_in import ID, actor, desk, desk_blueprint, refuse_without, show
from digest.web.desk.standing import Standing, moment, standing_of
from digest.web.paging import page_of

PAST_SHOWN = 20
DONE = {
    "skip": "It is skipped. Nothing goes out that week.",
    "take-up": "It is taken up again.",
    "move": "It has a new time.",
    "special": "There is a special edition now. Open it to choose its stories.",
    "pin": "It is pinned there.",
    "unpin": "It is not pinned any more.",
}

calendar_pages = desk_blueprint("calendar", __name__)


@dataclass(frozen=True)
class Line:
    """A line of the page: its `anchor`, when, how it stands, and what may be done with it.

    `odd`: what the clocks do at that time, where it is odd.
    """

    anchor: str
    planned: Planned
    when: str
    standing: Standing | None
    moved_from: str
    local: datetime
    odd: str
    can_move: bool
    can_skip: bool
    can_take_up: bool
    pins: list[Story]


@calendar_pages.get(f"/calendar/<{ID}:newsletter_id>")
def show_calendar(newsletter_id: int) -> Response:
    """Show what comes, and what was: sent, skipped with the reason, or cancelled."""
    return _shown(newsletter_id)


@calendar_pages.post(f"/calendar/<{ID}:newsletter_id>/<action>")
def act(newsletter_id: int, action: str) -> AnyResponse:
    """Skip a week, take it up again, move an issue, or make a special edition."""
    if action not in VERBS:
        raise NotFoundError("There is no such page.")
    verb, logged = VERBS[action]
    try:
        with current_runtime().database.transaction() as session:
            newsletter = found_newsletter(session, newsletter_id)
            refuse_without(Role.EDITOR, newsletter.id)
            if newsletter.retired_at is not None:
                raise RefusedError(f"{newsletter.name} is retired, and has no calendar any more.")
            who = actor(session)
            issue, fields = verb(session, newsletter)
            record_issue(session, who, logged, issue, now=desk().now, fields=fields)
            anchor = anchor_of(None, issue)
    except FieldError as error:
        # Each form of the page has fields of these names.
        where = _form(action)
        wrong = FieldError(f"{error.field}-{where}", error.sentence)
        return _shown(newsletter_id, (wrong,), wrong_at=(action, where))
    except RefusedError as error:
        return _shown(newsletter_id, (FieldError("coming", str(error)),))
    page = url_for("calendar.show_calendar", newsletter_id=newsletter_id, done=action)
    return redirect(f"{page}#{anchor}", 303)


Done = tuple[Issue, tuple[str, ...]]


def _skip(session: Session, newsletter: Newsletter) -> Done:
    issue = _meant(session, newsletter)
    by = Editor(desk().user.name, desk().user.id)
    skip(session, issue, by, desk().now, reason=request.form.get("reason", ""))
    return issue, ("state", "reason")


def _take_up(session: Session, newsletter: Newsletter) -> Done:
    issue = _meant(session, newsletter)
    take_up(session, issue, desk().now)
    return issue, ("state", "reason")


def _move(session: Session, newsletter: Newsletter) -> Done:
    issue = _meant(session, newsletter)
    schedule(session, issue, _chosen(newsletter), desk().now)
    if issue.approved_at is not None:
        look_over_first(session, issue)
    return issue, ("send_at",)


def _special(session: Session, newsletter: Newsletter) -> Done:
    return create_special(session, newsletter, _chosen(newsletter), desk().now), ("send_at",)


# As the log calls them.
VERBS: dict[str, tuple[Callable[[Session, Newsletter], Done], str]] = {
    "skip": (_skip, "issue skip"),
    "take-up": (_take_up, "issue take-up"),
    "move": (_move, "issue schedule"),
    "special": (_special, "issue create"),
}


def found_newsletter(session: Session, newsletter_id: int) -> Newsletter:
    """Return a newsletter that whoever asks may look at, or say no more than that there is none."""
    newsletter = session.get(Newsletter, newsletter_id)
    if newsletter is None or not desk().may(Role.VIEWER, newsletter_id):
        raise NotFoundError("There is no such newsletter.")
    return newsletter


def _meant(session: Session, newsletter: Newsletter) -> Issue:
    return issue_meant(session, newsletter, request.form.get("issue", ""))


def issue_meant(session: Session, newsletter: Newsletter, named: str) -> Issue:
    """Return the issue that a form names by its id, or by its date in `on`, on which it is made.

    Raises:
        NotFoundError: there is no such issue of this newsletter.
        RefusedError: as `issue_of`.
    """
    if not named:
        return issue_of(session, newsletter, _day("on"), desk().now)
    known = named.isascii() and named.isdecimal() and len(named) < 16
    issue = session.get(Issue, int(named)) if known else None
    if issue is None or issue.newsletter_id != newsletter.id:
        raise NotFoundError("There is no such issue.")
    return issue


def _chosen(newsletter: Newsletter) -> datetime:
    """Return the moment that was typed, by the newsletter's own clock.

    Raises:
        FieldError: there is no such day or time, or it is too far ahead.
    """
    day = _day("date")
    if day > zones.local_date(desk().now, newsletter.zone) + AHEAD:
        raise FieldError("date", "That is more than two years ahead. Choose an earlier date.")
    try:
        at = time.fromisoformat(request.form.get("time", ""))
    except ValueError:
        raise FieldError("time", "Type a time like 07:00.") from None
    return existing_moment(day, at.replace(tzinfo=None, second=0, microsecond=0), newsletter.zone)


def _day(name: str) -> date:
    try:
        return date.fromisoformat(request.form.get(name, ""))
    except ValueError:
        if name == "on":
            raise BadRequest("This form is not whole. Load the page again, and go on.") from None
        raise FieldError(name, "Type a date like 2026-11-28.") from None


def _form(action: str) -> str:
    """Return the anchor of the form that was sent."""
    if action == "special":
        return action
    named = request.form.get("issue", "")
    return f"issue-{named}" if named else f"on-{request.form.get('on', '')}"


def _shown(
    newsletter_id: int,
    errors: tuple[FieldError, ...] = (),
    *,
    wrong_at: tuple[str, str] = ("", ""),
) -> Response:
    now = desk().now
    with current_runtime().database.reading() as session:
        newsletter = found_newsletter(session, newsletter_id)
        over = page_of(
            lambda most, first: past(session, newsletter, now, at_most=most, offset=first),
            PAST_SHOWN,
        )
        zone = newsletter.zone
        return show(
            "calendar.html",
            422 if errors else 200,
            errors=errors,
            newsletter=newsletter,
            lines=[_line(newsletter, each, now) for each in coming(session, newsletter, now)],
            over=[
                (each, standing_of(each, now), prose.long_day(local.date()), f"{local:%H:%M}")
                for each in over.rows
                for local in [each.send_at.astimezone(zones.named(zone))]
            ],
            page=over.number,
            more=over.more,
            may_change=desk().may(Role.EDITOR, newsletter_id) and newsletter.retired_at is None,
            tomorrow=zones.local_date(now, zone),
            wrong_at=wrong_at,
            typed=request.form,
            done=DONE.get(request.args.get("done", ""), ""),
        )


def _line(newsletter: Newsletter, planned: Planned, now: datetime) -> Line:
    issue = planned.issue
    waits = issue is None or issue.state in BEFORE_FREEZE
    given_up = issue is not None and (
        issue.state is IssueState.SKIPPED
        or (issue.state is IssueState.CANCELLED and issue.number is None)
    )
    local = planned.send_at.astimezone(zones.named(newsletter.zone))
    in_place = planned.on is not None and planned.moved_from is None
    day, at = (
        (planned.on or local.date(), newsletter.local_time)
        if in_place
        else (local.date(), local.time())
    )
    return Line(
        anchor=anchor_of(planned.on, issue),
        planned=planned,
        when=moment(planned.send_at, newsletter),
        standing=standing_of(issue, now) if issue else None,
        moved_from=moment(planned.moved_from, newsletter) if planned.moved_from else "",
        local=local,
        odd=oddity(day, at, newsletter.zone) if waits else "",
        can_move=waits,
        can_skip=waits,
        can_take_up=given_up,
        pins=pins_of(issue) if issue else [],
    )


def anchor_of(on: date | None, issue: Issue | None) -> str:
    """Return what a line of the calendar is called within its page."""
    return f"issue-{issue.id}" if issue is not None else f"on-{on}"

"""Sending an issue: when it goes, to how many, how it goes, and what to do about it on its way."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from flask import Flask, Response, current_app, redirect, render_template, request, url_for
from flask.blueprints import BlueprintSetupState
from sqlalchemy.orm import Session
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as AnyResponse

from digest import prose, zones
from digest.delivery.controls import pausing, resending, resolving
from digest.delivery.controls.exporting import IN_WORDS
from digest.delivery.controls.resolving import Verdict
from digest.delivery.ledger.audience import Audience, count_audience
from digest.delivery.sending import HANDS
from digest.desk.audit import record
from digest.desk.correcting import waiting_correction
from digest.desk.sessions import list_open
from digest.desk.users import may
from digest.errors import FieldError, NotFoundError, RefusedError
from digest.models import BEFORE_FREEZE, UNDER_WAY, Delivery, Issue, IssueState, Role
from digest.newsroom.issues.approving import let_go_on
from digest.newsroom.issues.calendar import moment, oddity
from digest.newsroom.issues.correcting import CORRECTABLE
from digest.newsroom.issues.history import Editor
from digest.newsroom.issues.scheduling import schedule, send_now
from digest.runtime import DELIVER_ISSUE, PREPARE_ISSUE
from digest.web.context import current_runtime
from digest.web.desk.asking import ask_first
from digest.web.desk.compose import found_issue, version_looked_at
from digest.web.desk.findings import look_over_first
from digest.web.desk.live import Feeds, Reading
from digest.web.desk.progress import progress_of
from digest.web.desk.signed_in import (
    ID,
    actor,
    desk,
    desk_blueprint,
    prove_first,
    refuse_without,
    show,
)
from digest.web.desk.standing import is_leaving, standing_of
from digest.web.desk.standing import moment as said_moment
from digest.web.streams import event_stream

FEEDS = "digest.feeds"
# Why readers are left out, by `Audience.left_out`.
LEFT_OUT = {
    "paused": "who paused",
    "bounced": "whose mail came back",
    "complained": "who complained of spam",
    "manual": "whose address was suppressed by hand",
}
DONE = {
    "scheduled": "It has a new time.",
    "sent": "It is on its way.",
    "paused": "It is paused. What is on the wire finishes, and nothing more is sent.",
    "resumed": "It goes on.",
    "cancelled": "It is cancelled.",
    "corrected": "It is corrected. Whoever has not got it yet gets the corrected one.",
    "confirmed": "The correction is confirmed. The archive shows it.",
    "same": "It reads so already. Nothing was changed.",
    "nothing": "That was done already.",
    "accepted": "Settled as accepted",
    "queued": "To be sent again",
    "resent": "To be sent again",
}

sending_pages = desk_blueprint("sending", __name__)


@dataclass(frozen=True)
class Did:
    """What an act did: a word of `DONE`, the columns it changed, and how many rows of readers.

    Without `fields` it changed nothing, as that had been done already.
    """

    word: str
    fields: tuple[str, ...] = ()
    rows: int | None = None
    rings: tuple[str, int] | None = None
    of: str = Issue.__tablename__


Act = Callable[[Session, Issue, str], Did]


@sending_pages.record_once
def _open_feeds(state: BlueprintSetupState) -> None:
    assert isinstance(state.app, Flask)
    state.app.extensions[FEEDS] = _feeds(state.app)


def _feeds(app: Flask) -> Feeds:
    def read(issue_id: int) -> Reading:
        with app.app_context():
            runtime = current_runtime()
            with runtime.database.reading() as session:
                issue = session.get_one(Issue, issue_id)
                progress = progress_of(session, issue, runtime.clock.now())
                html = render_template("desk/sending_live.html", progress=progress)
            return Reading(progress.shape, html, progress.is_over)

    def may_look(issue_id: int, session_ids: set[int]) -> set[int]:
        with app.app_context():
            runtime = current_runtime()
            with runtime.database.reading() as session:
                of = session.get_one(Issue, issue_id).newsletter_id
                found = list_open(session, session_ids, now=runtime.clock.now())
                return {each.id for each in found if may(each.user, Role.VIEWER, of)}

    return Feeds(read, may_look)


@sending_pages.get(f"/issues/<{ID}:issue_id>/sending")
def show_sending(issue_id: int) -> Response:
    """Show to whom an issue would go, and when; or how it goes."""
    return _shown(issue_id)


@sending_pages.get(f"/issues/<{ID}:issue_id>/sending/events")
def follow(issue_id: int) -> Response:
    """Tell the page's script how the issue goes, for as long as it listens."""
    with current_runtime().database.reading() as session:
        if found_issue(session, issue_id).frozen_at is None:
            raise NotFoundError("It has not left yet.")
    feeds: Feeds = current_app.extensions[FEEDS]
    return event_stream(feeds.follow(issue_id, desk().session.id))


@sending_pages.post(f"/issues/<{ID}:issue_id>/schedule")
def take_time(issue_id: int) -> AnyResponse:
    """Choose another time."""
    typed, special, now = request.form.get("at", ""), _special(), desk().now

    def act(session: Session, issue: Issue, _: str) -> Did:
        at = _moment(typed, issue.newsletter.zone)
        waits = issue.state in {IssueState.DRAFT, IssueState.SCHEDULED}
        if waits and issue.send_at == at and not (special and issue.occurrence_on):
            return Did("nothing")
        schedule(session, issue, at, now, special=special)
        if issue.approved_at is not None:
            look_over_first(session, issue)
        return Did("scheduled", ("send_at", "state"))

    def ask() -> None:
        with current_runtime().database.reading() as session:
            issue = found_issue(session, issue_id)
            coming = _moment(typed, issue.newsletter.zone) > now
            approved = issue.approved_at is not None
        if coming and approved:
            ask_first(issue_id)

    return _act(issue_id, "issue schedule", "at", act, first=ask)


@sending_pages.post(f"/issues/<{ID}:issue_id>/send")
def take_send(issue_id: int) -> AnyResponse:
    """Send it now, for whoever types to how many readers it goes."""
    if (first := prove_first()) is not None:
        return first
    typed, special, now = request.form.get("readers", ""), _special(), desk().now
    looked_at = version_looked_at()
    with current_runtime().database.reading() as session:
        audience = count_audience(session, found_issue(session, issue_id).newsletter_id, now)

    def act(session: Session, issue: Issue, by: str) -> Did:
        due = issue.state is IssueState.SCHEDULED and issue.send_at <= now
        if due or issue.state in UNDER_WAY:
            return Did("nothing")
        if issue.state in BEFORE_FREEZE:
            _refuse_other_size(typed, audience.readers)
        user_id = desk().user.id
        send_now(session, issue, by, now, special=special, version=looked_at, user_id=user_id)
        look_over_first(session, issue)
        return Did("sent", ("send_at", "state"), rings=(PREPARE_ISSUE, 1))

    def ask() -> None:
        if _is_size(typed, audience.readers):
            ask_first(issue_id)

    return _act(issue_id, "issue send", "readers", act, first=ask)


@sending_pages.post(f"/issues/<{ID}:issue_id>/<any(pause,resume,cancel):what>")
def control(issue_id: int, what: str) -> AnyResponse:
    """Pause it, send on, or give it up."""
    reason, now = request.form.get("reason", "")[:500], desk().now

    def act(session: Session, issue: Issue, by: str) -> Did:
        _refuse_stale(pausing.lock_issue(session, issue.id), what)
        if what == "resume":
            changed = pausing.resume(session, issue.id, now)
            _let_go_on(session, issue, by)
            rings: tuple[str, int] | None = (DELIVER_ISSUE, HANDS)
        elif what == "pause":
            changed, rings = pausing.pause(session, issue.id, by, reason), None
        else:
            # A worker withdraws its rows: of a million that takes a while.
            changed, rings = pausing.cancel(session, issue.id, by, reason), (DELIVER_ISSUE, 1)
        if not changed:
            return Did("nothing")
        word = {"pause": "paused", "resume": "resumed", "cancel": "cancelled"}[what]
        return Did(word, ("reason", "state"), rings=rings)

    return _act(issue_id, f"issue {what}", "controls", act)


@sending_pages.post(f"/issues/<{ID}:issue_id>/resolve")
def resolve(issue_id: int) -> AnyResponse:
    """Settle what is in doubt: it arrived, or it is sent again."""
    verdict, runtime = request.form.get("as", ""), current_runtime()
    if verdict not in set(Verdict):
        raise BadRequest("Either they arrived, or they are sent again.")

    def act(session: Session, issue: Issue, by: str) -> Did:
        done = resolving.resolve(
            session,
            issue.id,
            Verdict(verdict),
            by=by,
            now=desk().now,
            final_dot_wait=runtime.settings.final_dot_wait,
        )
        if not done.settled:
            return Did("nothing")
        if verdict == Verdict.QUEUED:
            _let_go_on(session, issue, by)
        rings = (DELIVER_ISSUE, HANDS) if verdict == Verdict.QUEUED else None
        return Did(verdict, ("state",), done.settled, rings, Delivery.__tablename__)

    return _act(issue_id, "delivery resolve", "doubt", act)


@sending_pages.post(f"/issues/<{ID}:issue_id>/resend")
def resend(issue_id: int) -> AnyResponse:
    """Send it again to those whom it missed, and who may be mailed now."""
    reason = request.form.get("reason", "")
    if reason and reason not in resending.REASONS:
        raise BadRequest("That is no reason for which a reader misses an issue.")

    def act(session: Session, issue: Issue, by: str) -> Did:
        done = resending.resend(
            session, issue.id, now=desk().now, reasons=(reason,) if reason else ()
        )
        if not done.queued:
            raise RefusedError(_none_of_them(done, reason))
        _let_go_on(session, issue, by)
        rings = (DELIVER_ISSUE, HANDS)
        return Did("resent", ("state",), done.queued, rings, Delivery.__tablename__)

    return _act(issue_id, "delivery resend", "missed", act)


def _let_go_on(session: Session, issue: Issue, by: str) -> None:
    """Ask for a second person, where it was corrected: one who has seen that."""
    user, seen = Editor(by, desk().user.id), version_looked_at()
    let_go_on(session, issue, user, desk().now, version=seen)


def _act(
    issue_id: int, verb: str, field: str, act: Act, first: Callable[[], None] | None = None
) -> AnyResponse:
    """Do it in one transaction, log it where it changed something, and ring after the commit.

    `first` is what takes longer than a transaction may.
    """
    runtime = current_runtime()
    try:
        if first is not None:
            first()
        with runtime.database.transaction() as session:
            issue = found_issue(session, issue_id)
            refuse_without(Role.EDITOR, issue.newsletter_id)
            who = actor(session)
            did = act(session, issue, who.name[:100])
            if did.fields:
                record(
                    session,
                    who,
                    verb,
                    did.of,
                    issue_id,
                    newsletter_id=issue.newsletter_id,
                    now=desk().now,
                    fields=did.fields,
                )
    except FieldError as error:
        return _shown(issue_id, (error,))
    except RefusedError as error:
        return _shown(issue_id, (FieldError(field, str(error)),))
    task, times = did.rings or ("", 0)
    for _ in range(times):
        runtime.bell.ring(task, issue_id)
    page = url_for("sending.show_sending", issue_id=issue_id, done=did.word, rows=did.rows)
    return redirect(page, 303)


def _moment(typed: str, zone: str) -> datetime:
    try:
        local = datetime.fromisoformat(typed.strip())
        if local.tzinfo is None:
            return moment(local.date(), local.time(), zone)
    except (ValueError, OverflowError):
        pass
    raise FieldError("at", f"Choose a day and a time in {zone}, like 2026-11-28T07:00.")


def _special() -> bool:
    return request.form.get("special") == "yes"


def _refuse_other_size(typed: str, readers: int) -> None:
    """Refuse to send unless somebody typed to how many readers it goes: "48,216" or "48216"."""
    if not _is_size(typed, readers):
        raise FieldError("readers", f"It goes to {readers:,}. To send it now, type that number.")


def _refuse_stale(issue: Issue, what: str) -> None:
    """Refuse what its page promised otherwise: it waited then; or nobody had paused it yet."""
    looked_at = request.form.get("state", issue.state)
    left = looked_at in BEFORE_FREEZE and issue.state in UNDER_WAY
    paused = looked_at != IssueState.PAUSED and issue.state is IssueState.PAUSED
    if (what == "cancel" and left) or (what == "resume" and paused):
        because = f" {issue.reason}" if issue.reason else ""
        raise RefusedError(f"It is {issue.state} by now.{because} Look at it, then decide.")


def _none_of_them(done: resending.Resent, reason: str) -> str:
    if done.not_chosen and not reason:
        return "The relay refused them for good. To try all the same, choose that reason."
    return "None of them may be mailed now."


def _is_size(typed: str, readers: int) -> bool:
    return "".join(each for each in typed if each.isalnum()) == str(readers)


def _said() -> str:
    word = request.args.get("done", "")
    said, rows = DONE.get(word, ""), request.args.get("rows", "")
    if said and rows.isascii() and rows.isdecimal() and len(rows) < 12:
        return f"{said}: {prose.count_in_words(int(rows), 'reader')}."
    return prose.ended(said) if said else ""


def _shown(issue_id: int, errors: tuple[FieldError, ...] = ()) -> Response:
    now = desk().now
    with current_runtime().database.reading() as session:
        issue = found_issue(session, issue_id)
        newsletter = issue.newsletter
        before, frozen = issue.state in BEFORE_FREEZE, issue.frozen_at is not None
        leaves = is_leaving(issue, now)
        waits = before and not leaves
        audience = count_audience(session, newsletter.id, now) if waits else None
        local = issue.send_at.astimezone(zones.named(newsletter.zone))
        return show(
            "sending.html",
            422 if errors else 200,
            errors=errors,
            done=_said(),
            issue=issue,
            newsletter=newsletter,
            standing=standing_of(issue, now),
            may_act=desk().may(Role.EDITOR, newsletter.id),
            waits=waits,
            leaves=leaves,
            audience=audience,
            left_out=_left_out(audience) if audience else (),
            at=request.form.get("at", f"{local:%Y-%m-%dT%H:%M}"),
            odd=oddity(local.date(), local.time(), newsletter.zone) if waits else "",
            typed=request.form.get("readers", ""),
            progress=progress_of(session, issue, now) if frozen else None,
            stops=issue.state in UNDER_WAY and issue.state is not IssueState.PAUSED,
            goes_on=issue.state in {IssueState.PAUSED, IssueState.PARKED},
            cancels=before or issue.state in UNDER_WAY,
            corrects=issue.state in CORRECTABLE,
            waiting=waiting_correction(session, issue),
            resends=issue.state in {*UNDER_WAY, IssueState.SENT} and not issue.folded_at,
            reasons={each: IN_WORDS[each] for each in resending.REASONS},
            goes=said_moment(issue.send_at, newsletter),
        )


def _left_out(audience: Audience) -> tuple[str, ...]:
    return tuple(f"{many:,} {LEFT_OUT.get(why, why)}" for why, many in audience.left_out.items())

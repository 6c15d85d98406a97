"""Newsletters: all that a publisher says about each."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

from flask import Response, current_app, redirect, request, url_for
from sqlalchemy import ColumnElement, select, true
from sqlalchemy.orm import Session
from werkzeug.exceptions import Forbidden
from werkzeug.wrappers import Response as AnyResponse

from digest import zones
from digest.desk.audit import record
from digest.errors import FieldError, NotFoundError, RefusedError
from digest.models import Approval, InDoubtPolicy, Newsletter, Publication, Role
from digest.newsroom.finding import values_of
from digest.newsroom.issues.calendar import next_occurrence, odd_slots
from digest.newsroom.issues.rescheduling import Followed
from digest.newsroom.newsletters import create_newsletter, edit_newsletter, ensure_publication
from digest.prose import WEEKDAYS, curly, long_day, slot_in_words
from digest.web.context import current_runtime
from digest.web.desk.newsletter_form import (
    NO,
    YES,
    Typed,
    accent_words,
    blank,
    feeding_choices,
    names_too_many,
    swatches,
    typed_in,
    typed_of,
    values_in,
)
from digest.web.desk.signed_in import ID, actor, desk, desk_blueprint, refuse_without, show
from digest.web.desk.stale import refuse_stale
from digest.web.desk.standing import called, moment
from digest.web.masthead import masthead_of
from digest.web.paging import page_of

T = TypeVar("T")

DONE = {"saved": "It is saved.", "made": "It is made.", "pictured": "The picture is changed."}
APPROVALS = (
    (Approval.AUTOMATIC.value, "An issue goes out by itself"),
    (Approval.REQUIRED.value, "Somebody has to approve it"),
    (Approval.SECOND_PERSON.value, "Somebody who has not written in it has to approve it"),
)
POLICIES = (
    (InDoubtPolicy.HOLD.value, "Hold it for a person"),
    (InDoubtPolicy.RESEND.value, "Send it again later"),
)
CLICKS = (
    (NO, "Do not count them"),
    (YES, "Count how often each story is opened, by nobody’s name"),
)

A_PAGE = 100

newsletter_pages = desk_blueprint("desk_newsletters", __name__)


@newsletter_pages.get("/newsletters")
def show_all() -> Response:
    """Show the newsletters that whoever asks may set up, and the paper."""
    if not desk().may_anywhere(Role.OWNER):
        raise Forbidden("That is for owners. Ask an owner of the desk.")
    with current_runtime().database.reading() as session:
        mine = select(Newsletter).where(_mine(session)).order_by(Newsletter.id)
        page = page_of(
            lambda most, first: session.scalars(mine.offset(first).limit(most)).all(), A_PAGE
        )
        paper = session.get(Publication, 1)
    rows = [
        (each, f"{slot_in_words(each.weekday, each.local_time)} ({each.zone})",
         long_day(next_occurrence(each, desk().now)))
        for each in page.rows
    ]  # fmt: skip
    whole = desk().may(Role.OWNER)
    return show("newsletters.html", rows=rows, page=page, paper=paper, whole=whole)


def _mine(session: Session) -> ColumnElement[bool]:
    if desk().may(Role.OWNER):
        return true()
    ids = session.scalars(select(Newsletter.id))
    return Newsletter.id.in_([each for each in ids if desk().may(Role.OWNER, each)])


@newsletter_pages.get("/newsletters/new")
def ask() -> Response:
    """Ask for a new newsletter."""
    refuse_without(Role.OWNER)
    return newsletter_page(None)


@newsletter_pages.post("/newsletters/new")
def create() -> AnyResponse:
    """Make a newsletter; or only show what its accent looks like."""
    refuse_without(Role.OWNER)
    typed, runtime, now = typed_in(request.form), current_runtime(), desk().now
    if request.form.get("action") == "look":
        return newsletter_page(None, typed=typed)
    try:
        values = values_in(typed, typed["slug"].strip(), None)
        with runtime.database.transaction() as session:
            if session.get(Publication, 1) is None:
                ensure_publication(session, typed["publication"], typed["site"])
            reserved = runtime.settings.reserved_names
            made = create_newsletter(session, values, now, reserved=reserved)
            _record(session, "newsletter create", made, list(vars(values)))
            newsletter_id = made.id
    except (FieldError, RefusedError, ExceptionGroup) as error:
        return newsletter_page(None, _told(error), typed=typed)
    to = url_for("desk_newsletters.show_one", newsletter_id=newsletter_id, done="made")
    return redirect(to, 303)


@newsletter_pages.get(f"/newsletters/<{ID}:newsletter_id>")
def show_one(newsletter_id: int) -> Response:
    """Show a newsletter's form."""
    return newsletter_page(newsletter_id)


@newsletter_pages.post(f"/newsletters/<{ID}:newsletter_id>")
def edit(newsletter_id: int) -> AnyResponse:
    """Change a newsletter; or only show what its accent looks like."""
    typed, runtime, now = typed_in(request.form), current_runtime(), desk().now
    refuse_without(Role.OWNER, newsletter_id)
    if request.form.get("action") == "look":
        return newsletter_page(newsletter_id, typed=typed, stamp=request.form.get("stamp"))
    try:
        with runtime.database.transaction() as session:
            newsletter = owned_newsletter(session, newsletter_id, lock=True)
            refuse_stale("this newsletter", typed_of(newsletter).stamp)
            before = values_of(newsletter)
            values = values_in(typed, newsletter.slug, newsletter.editor_portrait)
            values = replace(
                values,
                source_ids=before.source_ids
                if names_too_many(newsletter)
                else _in_order(values.source_ids, before.source_ids),
                sections=_in_order(values.sections, before.sections),
            )
            reserved = runtime.settings.reserved_names
            followed = edit_newsletter(session, newsletter, values, now, reserved=reserved)
            after = values_of(newsletter)
            fields = [name for name in vars(after) if getattr(after, name) != getattr(before, name)]
            if fields:
                _record(session, "newsletter edit", newsletter, fields)
            said = [*map(_follows, followed), *_odd(newsletter, fields, now)]
    except (FieldError, RefusedError, ExceptionGroup) as error:
        return newsletter_page(newsletter_id, _told(error), typed=typed)
    if said:
        return newsletter_page(newsletter_id, said=said)
    to = url_for("desk_newsletters.show_one", newsletter_id=newsletter_id, done="saved")
    return redirect(to, 303)


def owned_newsletter(session: Session, newsletter_id: int, *, lock: bool = False) -> Newsletter:
    """Return a newsletter that whoever asks may set up.

    Raises:
        Forbidden: they may not, whether it is there or not.
        NotFoundError: there is none.
    """
    refuse_without(Role.OWNER, newsletter_id)
    newsletter = session.get(Newsletter, newsletter_id, with_for_update=lock)
    if newsletter is None:
        raise NotFoundError("There is no such newsletter.")
    return newsletter


def _in_order(ticked: Sequence[T], before: Sequence[T]) -> list[T]:
    """Return what is ticked in the order of before, and then what is new."""
    return [
        *(each for each in before if each in ticked),
        *(each for each in ticked if each not in before),
    ]


def _record(session: Session, verb: str, newsletter: Newsletter, fields: Sequence[str]) -> None:
    table, of = Newsletter.__tablename__, newsletter.id
    record(
        session, actor(session), verb, table, of, now=desk().now, newsletter_id=of, fields=fields
    )


def _told(error: Exception) -> tuple[FieldError, ...]:
    if isinstance(error, ExceptionGroup):
        return tuple(each for each in error.exceptions if isinstance(each, FieldError))
    return (error,) if isinstance(error, FieldError) else (FieldError("name", str(error)),)


def _follows(followed: Followed) -> str:
    issue = followed.issue
    goes = moment(issue.send_at, issue.newsletter)
    if not followed.kept_because:
        return f"{called(issue)} moves with it: it goes out on {goes}."
    return f"{called(issue)} keeps its time, {goes}, because {followed.kept_because}."


def _odd(newsletter: Newsletter, fields: Sequence[str], now: datetime) -> list[str]:
    changed = {"weekday", "local_time", "zone"} & set(fields)
    return list(islice(odd_slots(newsletter, now), 1)) if changed else []


def _sought() -> str:
    """Return by which words of their names sources are looked for."""
    return "".join(filter(str.isprintable, request.form.get("find", "")[:100])).strip()


def newsletter_page(
    newsletter_id: int | None,
    errors: tuple[FieldError, ...] = (),
    *,
    typed: Typed | None = None,
    said: Sequence[str] = (),
    stamp: str | None = None,
) -> Response:
    """Show a newsletter's form, or a new one's: with what was typed, or else with what stands."""
    masthead_of(current_app).look_again()
    with current_runtime().database.reading() as session:
        newsletter = owned_newsletter(session, newsletter_id) if newsletter_id else None
        paper = session.get(Publication, 1)
        stands = typed_of(newsletter) if newsletter else blank()
        # A picture that was too large cannot be read, nor can what came with it.
        words = _sought() if typed else ""
        typed = typed or stands
        feeding = feeding_choices(session, newsletter, desk().now, typed, words)
    context: dict[str, Any] = {
        "newsletter": newsletter,
        "paper": paper,
        "typed": typed,
        # What stands now: whoever saves after a conflict has been told of it.
        "stamp": stamp or stands.stamp,
        "said": said,
        "done": "It is saved." if said else DONE.get(request.args.get("done", ""), ""),
        "shades": swatches(typed["accent"]),
        "shade_words": accent_words(typed["accent"]),
        "sources": feeding.sources,
        "sections": [(each, each) for each in feeding.sections],
        "troubles": feeding.troubles,
        "untold": feeding.untold,
        "find": words,
        "more_sources": feeding.more or words,
        "weekdays": [(str(at), day) for at, day in enumerate(WEEKDAYS)],
        "zones": sorted(zones.names()),
        "approvals": APPROVALS,
        "clicks": CLICKS,
        "policies": POLICIES,
        "title": curly(newsletter.name) if newsletter else "A new newsletter",
    }
    return show("newsletter.html", 422 if errors else 200, errors=errors, **context)

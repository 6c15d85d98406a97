"""Readers: how many there are, and for whoever may see addresses, who they are.

What is held about one reader is shown on one page, and each look at it is logged. That a GET
writes into the log is no change that anybody asked for by it: a log of looks that could be
avoided by following a link would be none. Words that are sought are sent by POST, so that no
address stands in the address of a page, in a browser's history or in a log of requests.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta
from functools import lru_cache

from flask import Response, redirect, request, url_for
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.exceptions import Forbidden
from werkzeug.wrappers import Response as AnyResponse

from digest import prose, zones
from digest.addresses import seek_address
from digest.desk.readers import (
    erase_reader,
    lift_suppression,
    note_export,
    note_look,
    note_search,
    pause_reader,
    resume_reader,
    unsubscribe_reader,
)
from digest.errors import FieldError, NotFoundError, RefusedError
from digest.models import Newsletter, Role, Subscriber, Subscription
from digest.newsroom.finding import find_newsletter
from digest.prose import curly
from digest.readers.consent.proof_page import write_proof
from digest.readers.consent.proving import prove
from digest.readers.data.exporting import SignUpRecord, show_reader, show_sign_ups
from digest.readers.data.finding import FoundReader, search_readers
from digest.readers.data.listing import csv_lines, list_readers
from digest.readers.preferences.pausing import Break, break_until
from digest.web.context import current_runtime
from digest.web.desk.reader_record import reader_or_404, record_for, sees_all
from digest.web.desk.reader_words import in_words
from digest.web.desk.signed_in import (
    ID,
    actor,
    carried_on,
    carries_on,
    desk,
    desk_blueprint,
    moment_here,
    prove_first,
    refuse_without,
    show,
    who_asks,
    zone_here,
)
from digest.web.paging import page_of
from digest.web.site.held import Names

AT_MOST = 50
# Newsletters that are counted, on a page.
A_PAGE = 50
LONGEST = 320
DONE = {
    "paused": "It is paused.",
    "resumed": "It comes again.",
    "unsubscribed": "They get it no more.",
    "erased": "Everything personal is erased.",
    "lifted": "They may be mailed again.",
}

reader_pages = desk_blueprint("desk_readers", __name__)


@reader_pages.get("/readers")
def count() -> Response:
    """Show how many readers each newsletter has, and a field to look for one."""
    return _list()


@reader_pages.post("/readers")
@carries_on(writes=True)
def search() -> AnyResponse:
    """Show the readers whose address is, or begins with, what was typed."""
    _refuse_unless_seeing()
    typed = request.form.get("address", "")[:LONGEST].strip()
    if not typed or not typed.isprintable():
        return _list((FieldError("address", "Type an address, or the beginning of one."),))
    with carried_on(writes=True) as session:
        found = search_readers(session, typed, at_most=AT_MOST + 1, newsletter_ids=_seen(session))
        # Who has not confirmed is no reader, and yet something is held of them.
        waiting = () if found or not sees_all() else _waiting(session, typed)
        note_search(session, who_asks(), now=desk().now)
    return show(
        "readers.html",
        errors=(),
        typed=typed,
        found=_rows(found[:AT_MOST]),
        more=len(found) > AT_MOST,
        waiting=waiting,
        sees=True,
        counts=(),
        exports=(),
        at=_moment,
    )


@reader_pages.get(f"/readers/<{ID}:reader_id>")
def look(reader_id: int) -> Response:
    """Show all that is held about one reader; the look is logged."""
    return _record(reader_id)


@reader_pages.post(f"/readers/<{ID}:reader_id>/newsletters/<{ID}:newsletter_id>")
def change(reader_id: int, newsletter_id: int) -> AnyResponse:
    """Pause, resume or end a newsletter, as the reader asked for."""
    refuse_without(Role.READERS, newsletter_id)
    what, now = request.form.get("action", ""), desk().now
    try:
        with current_runtime().database.transaction() as session:
            reader = reader_or_404(session, reader_id)
            newsletter = session.get(Newsletter, newsletter_id)
            if newsletter is None:
                raise NotFoundError("There is no such newsletter.")
            who = actor(session)
            if what == "unsubscribe":
                unsubscribe_reader(session, who, reader, newsletter, now=now)
            elif what == "resume":
                resume_reader(session, who, reader, newsletter, now=now)
            else:
                until = break_until(Break.DATE, request.form.get("until", ""), newsletter, now)
                pause_reader(session, who, reader, newsletter, now=now, until=until)
    except FieldError as error:
        return _record(reader_id, (error,), of=newsletter_id)
    except RefusedError as error:
        return _record(reader_id, (FieldError("newsletters", str(error)),))
    done = {"unsubscribe": "unsubscribed", "resume": "resumed"}.get(what, "paused")
    return redirect(url_for("desk_readers.look", reader_id=reader_id, done=done), 303)


@reader_pages.post(f"/readers/<{ID}:reader_id>/lift")
def lift(reader_id: int) -> AnyResponse:
    """Let a reader be mailed again whose address was not to be: it concerns all newsletters."""
    refuse_without(Role.READERS)
    why, now = request.form.get("why", ""), desk().now
    try:
        with current_runtime().database.transaction() as session:
            reader, who = reader_or_404(session, reader_id), actor(session)
            lift_suppression(session, who, reader, by=who.name, why=why, now=now)
    except RefusedError as error:
        return _record(reader_id, (FieldError("why", str(error)),))
    return redirect(url_for("desk_readers.look", reader_id=reader_id, done="lifted"), 303)


@reader_pages.post(f"/readers/<{ID}:reader_id>/erase")
def erase(reader_id: int) -> AnyResponse:
    """Erase everything personal about a reader: it concerns all newsletters, and all of the log."""
    refuse_without(Role.READERS)
    if (first := prove_first()) is not None:
        return first
    if request.form.get("sure") != "yes":
        sentence = "Tick the box first: an erasure cannot be undone."
        return _record(reader_id, (FieldError("sure", sentence),))
    runtime = current_runtime()
    with runtime.database.transaction() as session:
        reader = reader_or_404(session, reader_id)
        who, now = actor(session), desk().now
        erase_reader(session, who, reader, now=now, suppression=runtime.suppression)
    return redirect(url_for("desk_readers.look", reader_id=reader_id, done="erased"), 303)


@reader_pages.post(f"/readers/<{ID}:reader_id>/export")
def export(reader_id: int) -> AnyResponse:
    """Hand out all that is held about a reader, for them; or the proof of their consent."""
    refuse_without(Role.READERS)
    if (first := prove_first()) is not None:
        return first
    runtime, now = current_runtime(), desk().now
    try:
        with runtime.database.transaction() as session:
            reader = reader_or_404(session, reader_id)
            note_export(session, actor(session), reader, now=now)
            if request.form.get("as") == "proof":
                proof = prove(session, reader.email or "", now=now, suppression=runtime.suppression)
                content, kind = write_proof(proof, "html"), "html"
            else:
                record = asdict(show_reader(session, reader))
                content = json.dumps(record, indent=2, default=_iso, ensure_ascii=False) + "\n"
                kind = "json"
    except NotFoundError as error:
        return _record(reader_id, (FieldError("export", str(error)),))
    types = {"html": "text/html; charset=utf-8", "json": "application/json; charset=utf-8"}
    return _file(Response(content, content_type=types[kind]), f"reader-{reader_id}.{kind}")


@reader_pages.post("/readers/export")
def export_all() -> AnyResponse:
    """Hand out the readers of one newsletter, or of all, as CSV."""
    runtime, slug = current_runtime(), request.form.get("newsletter") or None
    if slug and not slug.isprintable():
        raise NotFoundError("There is no such newsletter.")
    with runtime.database.reading() as session:
        newsletter = find_newsletter(session, slug) if slug else None
    refuse_without(Role.READERS, newsletter.id if newsletter else None)
    if (first := prove_first()) is not None:
        return first
    with runtime.database.transaction() as session:
        note_export(session, actor(session), None, now=desk().now, newsletter=newsletter)
    ended = request.form.get("ended") == "yes"

    def lines() -> Iterator[str]:
        with runtime.database.reading() as session:
            yield from csv_lines(list_readers(session, slug, ended=ended))

    name = f"{slug or 'readers'}-{desk().now:%Y-%m-%d}.csv"
    return _file(Response(lines(), content_type="text/csv; charset=utf-8"), name)


def _rows(found: Sequence[FoundReader]) -> list[tuple[FoundReader, str, str]]:
    """Return readers with what they get, and since when they are in our books, in words."""
    zone, said = zones.named(zone_here()), lru_cache(curly)
    days = (each.created_at.astimezone(zone).date() for each in found)
    return [
        (each, said(", ".join(each.newsletters)), prose.long_date(day))
        for each, day in zip(found, days, strict=True)
    ]


def _waiting(session: Session, typed: str) -> tuple[SignUpRecord, ...]:
    return show_sign_ups(session, seek_address(typed).key)[0]


def _file(response: Response, name: str) -> Response:
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _refuse_unless_seeing() -> None:
    if not desk().may_anywhere(Role.READERS):
        raise Forbidden("That is for those who may see readers. Ask an owner of the desk.")


def _seen(session: Session) -> list[int] | None:
    """Return the newsletters whose readers may be seen by whoever asks; None for all of them."""
    if sees_all():
        return None
    ids = session.scalars(select(Newsletter.id))
    return [each for each in ids if desk().may(Role.READERS, each)]


def _list(errors: tuple[FieldError, ...] = ()) -> Response:
    with current_runtime().database.reading() as session:
        newsletters = session.scalars(select(Newsletter).order_by(Newsletter.id)).all()
        mine = [each for each in newsletters if desk().may(Role.VIEWER, each.id)]
        page = page_of(lambda most, first: mine[first : first + most], A_PAGE)
        active = _active(session, [each.id for each in page.rows])
    return show(
        "readers.html",
        422 if errors else 200,
        errors=errors,
        typed="",
        found=None,
        more=False,
        waiting=(),
        sees=desk().may_anywhere(Role.READERS),
        page=page,
        counts=[(each, active.get(each.id, 0)) for each in page.rows],
        exports=[each for each in page.rows if desk().may(Role.READERS, each.id)],
        at=_moment,
    )


def _active(session: Session, newsletter_ids: list[int]) -> dict[int, int]:
    # One by one: then PostgreSQL counts in the index of the active ones, and not in all periods.
    theirs = Subscription.newsletter_id == Newsletter.id
    counted = select(func.count()).where(theirs, Subscription.ended_at.is_(None))
    rows = session.execute(
        select(Newsletter.id, counted.scalar_subquery()).where(Newsletter.id.in_(newsletter_ids))
    )
    return dict(rows.all())


def _record(
    reader_id: int, errors: tuple[FieldError, ...] = (), *, of: int | None = None
) -> Response:
    _refuse_unless_seeing()
    with current_runtime().database.transaction() as session:
        reader = reader_or_404(session, reader_id)
        record = record_for(session, reader)
        note_look(session, actor(session), reader, now=desk().now)
        names = Names.read(session)
        active = _newsletters_of(session, reader)
    return show(
        "reader.html",
        422 if errors else 200,
        errors=errors,
        error_of=of,
        reader=reader,
        record=record,
        active=active,
        names=names,
        in_words=in_words,
        whole=sees_all(),
        at=_moment,
        tomorrow=(desk().now + timedelta(days=1)).date(),
        done=DONE.get(request.args.get("done", ""), ""),
    )


def _newsletters_of(session: Session, reader: Subscriber) -> list[tuple[Newsletter, bool]]:
    """Return what a reader gets now, and whether it is paused."""
    rows = session.execute(
        select(Newsletter, Subscription.paused_until)
        .join(Subscription, Subscription.newsletter_id == Newsletter.id)
        .where(Subscription.subscriber_id == reader.id, Subscription.ended_at.is_(None))
        .order_by(Newsletter.id)
    )
    return [
        (newsletter, until is not None and until > desk().now)
        for newsletter, until in rows
        if desk().may(Role.READERS, newsletter.id)
    ]


def _moment(at: datetime | None) -> str | None:
    return moment_here(at) if at else None


def _iso(value: datetime | date) -> str:
    return value.isoformat()

"""What a fresh link gives control of: the address, the data, and their erasure."""

import json
from dataclasses import asdict, replace
from datetime import date, datetime

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from digest.desk.readers import forget_reader
from digest.errors import FieldError
from digest.models import ReaderSession
from digest.readers.consent import words_shown
from digest.readers.data.exporting import ReaderRecord, show_reader
from digest.readers.preferences.address_change import (
    Change,
    ChangeState,
    confirm_change,
    look_at_change,
)
from digest.readers.preferences.choices import session_of
from digest.readers.preferences.fresh_links import (
    FreshLink,
    LinkState,
    ask_by_address,
    ask_by_old_link,
    look_at_link,
    open_session,
)
from digest.readers.preferences.standing import find_period
from digest.readers.signing_up.typed_address import TypedAddress
from digest.runtime import SEND_NOTICES
from digest.tokens import Purpose
from digest.web.context import current_runtime
from digest.web.guarding import check_network
from digest.web.sign_ups import read_address, told_in_form
from digest.web.site.held import Names, in_words
from digest.web.site.reader_session import (
    give_cookie,
    page_proof,
    proof_is_good,
    session_secret,
    take_cookie,
)
from digest.web.site.tokens import evidence_here, token_id

CHANGE_STATUS = {ChangeState.GONE: 404, ChangeState.BLOCKED: 403, ChangeState.TAKEN: 409}

control_pages = Blueprint("control", __name__)


# A link


@control_pages.get("/p/<token>")
def short_preferences(token: str) -> AnyResponse:
    """Lead from the short path in mails to the page, whose cookie is for its own path alone."""
    return _lead_to(url_for("preferences.show", token=token))


@control_pages.get("/r/<token>")
def short_fresh_link(token: str) -> AnyResponse:
    """Do the same for a fresh link."""
    return _lead_to(url_for("control.show_fresh", token=token))


@control_pages.get("/a/<token>")
def short_new_address(token: str) -> AnyResponse:
    """Do the same for a new address."""
    return _lead_to(url_for("control.show_new_address", token=token))


def _lead_to(page: str) -> AnyResponse:
    response = redirect(page, 302)
    response.headers["Cache-Control"] = "no-store"
    return response


@control_pages.get("/preferences")
def lost_link() -> str:
    """Show the field for the address that a fresh link goes to."""
    return _lost_link(TypedAddress())


@control_pages.post("/preferences")
def mail_link() -> tuple[str, int]:
    """Mail a fresh link. Whoever the address belongs to, the answer is the same."""
    runtime = current_runtime()
    # Readers who came in where names for tests were taken are readers still.
    typed = read_address()
    typed = replace(typed, reserved=replace(typed.reserved, for_tries=True))
    check_network(evidence_here().ip)
    try:
        with runtime.database.transaction() as session:
            email = ask_by_address(
                session,
                typed,
                now=runtime.clock.now(),
                suppression=runtime.suppression,
            )
    except FieldError as error:
        return _lost_link(typed, errors=(error,)), 422
    runtime.bell.ring(SEND_NOTICES)
    return _lost_link(typed, email), 200


def _lost_link(
    typed: TypedAddress, asked: str | None = None, errors: tuple[FieldError, ...] = ()
) -> str:
    return render_template(
        "site/lost_link.html", asked=asked, address=typed, **told_in_form(errors)
    )


@control_pages.get("/preferences/fresh/<token>")
def show_fresh(token: str) -> tuple[str, int]:
    """Show a button, and spend nothing: mail scanners open every link."""
    runtime = current_runtime()
    notice = token_id(Purpose.FRESH_LINK, token)
    with runtime.database.reading() as session:
        link = look_at_link(session, notice, now=runtime.clock.now())
    return _fresh_page(link, token)


@control_pages.post("/preferences/fresh/<token>")
def use_fresh(token: str) -> Response | tuple[str, int]:
    """Spend the link, and open the reader's page for half an hour; `action=again` mails another."""
    runtime = current_runtime()
    notice, now = token_id(Purpose.FRESH_LINK, token), runtime.clock.now()
    if request.form.get("action") == "again":
        with runtime.database.transaction() as session:
            link = look_at_link(session, notice, now=now)
            known, again_from = ask_by_old_link(session, notice, now=now)
        runtime.bell.ring(SEND_NOTICES)
        return _fresh_page(link, token, asked_again=known, again_from=again_from)
    with runtime.database.transaction() as session:
        link, secret = open_session(session, notice, now=now)
    if secret is None or link.period is None:
        return _fresh_page(link, token)
    own = runtime.ring.sign(Purpose.PREFERENCES, link.period)
    response = make_response(redirect(url_for("preferences.show", token=own), 303))
    give_cookie(response, secret)
    return response


def _fresh_page(
    link: FreshLink,
    token: str,
    *,
    asked_again: bool = False,
    again_from: datetime | None = None,
) -> tuple[str, int]:
    page = render_template(
        "site/fresh_link.html",
        link=link,
        newsletter=link.newsletter,
        token=token,
        asked_again=asked_again,
        again_from=again_from,
    )
    return page, 404 if link.state is LinkState.UNKNOWN else 200


# A new address


@control_pages.get("/preferences/address/<token>")
def show_new_address(token: str) -> tuple[str, int]:
    """Show what the link in the mail to a new address would do, and change nothing."""
    runtime = current_runtime()
    change = token_id(Purpose.NEW_ADDRESS, token)
    with runtime.database.reading() as session:
        found = look_at_change(
            session, change, now=runtime.clock.now(), suppression=runtime.suppression
        )
    return _change_page(found, token)


@control_pages.post("/preferences/address/<token>")
def use_new_address(token: str) -> tuple[str, int]:
    """Use the new address from now on, and tell the old one."""
    runtime = current_runtime()
    change = token_id(Purpose.NEW_ADDRESS, token)
    with runtime.database.transaction() as session:
        found = confirm_change(
            session,
            change,
            evidence_here("new address"),
            now=runtime.clock.now(),
            suppression=runtime.suppression,
        )
    runtime.bell.ring(SEND_NOTICES)
    return _change_page(found, token)


def _change_page(found: Change, token: str) -> tuple[str, int]:
    page = render_template(
        "site/new_address.html",
        found=found,
        newsletter=found.newsletter,
        token=token,
        button=words_shown.NEW_ADDRESS,
    )
    return page, CHANGE_STATUS.get(found.state, 200)


# The data


@control_pages.get("/preferences/<token>/data")
def show_data(token: str) -> Response:
    """Show all that is held about the reader, in words."""
    record = _read_record(token)
    if record is None:
        return _needs_fresh_link(token)
    with current_runtime().database.reading() as session:
        names = Names.read(session)
    page = render_template(
        "site/data.html", record=record, token=token, names=names, in_words=in_words
    )
    return make_response(page)


@control_pages.get("/preferences/<token>/data.json")
def download_data(token: str) -> Response:
    """Hand out all that is held about the reader, for a machine (GDPR Article 20)."""
    record = _read_record(token)
    if record is None:
        return _needs_fresh_link(token)
    response = Response(
        json.dumps(asdict(record), indent=2, default=_iso, ensure_ascii=False) + "\n",
        content_type="application/json; charset=utf-8",
    )
    response.headers["Content-Disposition"] = 'attachment; filename="my-data.json"'
    return response


def _read_record(token: str) -> ReaderRecord | None:
    runtime = current_runtime()
    own = token_id(Purpose.PREFERENCES, token)
    with runtime.database.reading() as session:
        opened = _opened(session, own, runtime.clock.now())
        return show_reader(session, opened.subscriber) if opened else None


def _opened(session: Session, own: bytes, now: datetime) -> ReaderSession | None:
    period = find_period(session, own)
    return session_of(session, period, session_secret(), now=now) if period else None


def _iso(value: datetime | date) -> str:
    return value.isoformat()


def _needs_fresh_link(token: str) -> Response:
    now = current_runtime().clock.now()
    proof = page_proof(token_id(Purpose.PREFERENCES, token), now)
    return make_response(render_template("site/needs_link.html", token=token, proof=proof), 403)


# The erasure


@control_pages.get("/preferences/<token>/erase")
def ask_to_erase(token: str) -> Response:
    """Ask, and erase nothing."""
    runtime = current_runtime()
    own, now = token_id(Purpose.PREFERENCES, token), runtime.clock.now()
    with runtime.database.reading() as session:
        if _opened(session, own, now) is None:
            return _needs_fresh_link(token)
    page = render_template("site/erase.html", token=token, proof=page_proof(own, now), erased=False)
    return make_response(page)


@control_pages.post("/preferences/<token>/erase")
def erase_all(token: str) -> Response:
    """Erase everything personal about the reader, and end the session."""
    runtime = current_runtime()
    own, now = token_id(Purpose.PREFERENCES, token), runtime.clock.now()
    if not proof_is_good(own, now):
        return _needs_fresh_link(token)
    with runtime.database.transaction() as session:
        opened = _opened(session, own, now)
        if opened is None:
            return _needs_fresh_link(token)
        forget_reader(session, opened.subscriber, now=now, suppression=runtime.suppression)
    page = render_template("site/erase.html", token=token, proof=None, erased=True)
    response = make_response(page)
    take_cookie(response)
    return response

"""Passkeys: adding one, signing in by one, and showing by one who it is, once more.

A page's script asks for something to sign at `…/options`, and sends the form with the answer.
"""

import hashlib
import secrets

from flask import Response, jsonify, redirect, request, url_for
from werkzeug.exceptions import Forbidden
from werkzeug.wrappers import Response as AnyResponse

from digest.desk import passkeys
from digest.desk.audit import Actor, record
from digest.desk.ceremonies import (
    LASTS,
    Asker,
    BadAnswerError,
    Use,
    ask_to_add,
    ask_to_sign,
    read_answer,
)
from digest.desk.sessions import end_sessions, open_session, prove
from digest.errors import FieldError, RefusedError
from digest.models import User
from digest.web.context import current_runtime
from digest.web.desk.sign_in import (
    again_pages,
    asked,
    passkey_site,
    passkeys_here,
    shown_again,
    sign_in_pages,
)
from digest.web.desk.signed_in import (
    actor,
    browser,
    cookie_name,
    desk,
    desk_blueprint,
    give_cookie,
    next_page,
    prove_first,
    show,
)
from digest.web.guarding import check_network, check_sign_in

COOKIE = "digest_passkey"
BROWSER_BYTES = 24
NOT_TAKEN = (
    "That passkey was not taken: it was removed here, or it took longer than five minutes. Try "
    "again, or sign in another way"
)
NOT_MADE = "That passkey was not made: it took longer than five minutes, perhaps. Try again"

passkey_pages = desk_blueprint("passkeys", __name__)


@sign_in_pages.post("/sign-in/passkey/options")
def options_to_sign_in() -> AnyResponse:
    """Say what to sign, to whichever browser asks, and tie it to that browser."""
    check_network(browser().ip)
    bound = secrets.token_urlsafe(BROWSER_BYTES)
    response = jsonify(ask_to_sign(_asker(Use.SIGN_IN, bound)))
    give_cookie(response, bound, COOKIE, lasts=LASTS)
    return response


@sign_in_pages.post("/sign-in/passkey")
def sign_in_by_passkey() -> AnyResponse:
    """Take a passkey, which stands for password and code."""
    where, token = browser(), request.form.get("token", "")
    if not token:
        # The script was told nothing to sign: the form is told why.
        check_network(where.ip)
    try:
        answer = read_answer(request.form.get("answer", ""))
    except BadAnswerError:
        answer = None
    # Not the key itself: what is counted lies in Redis.
    key = hashlib.sha256(answer.raw_id).hexdigest() if answer else "none"
    check_sign_in(f"passkey {key}", where.ip)
    if answer is None:
        return asked(errors=(FieldError("passkey", NOT_TAKEN),))
    asker = _asker(Use.SIGN_IN, request.cookies.get(cookie_name(COOKIE), ""))
    with current_runtime().database.transaction() as session:
        user = passkeys.use_passkey(session, asker, token, answer, ip=where.ip)
        if user is not None:
            _, secret = open_session(session, user, where, now=asker.now, proved=True)
            verb = "session begin (passkey)"
            record(session, Actor(user, where.ip), verb, User.__tablename__, user.id, now=asker.now)
    if user is None:
        return asked(errors=(FieldError("passkey", NOT_TAKEN),))
    response = redirect(next_page(request.form.get("next")), 303)
    give_cookie(response, secret)
    return response


@again_pages.post("/again/passkey/options")
def options_to_prove() -> AnyResponse:
    """Say what to sign by one of one's own passkeys."""
    with current_runtime().database.reading() as session:
        known = passkeys.list_passkeys(session, desk().user)
    return jsonify(ask_to_sign(_asker_here(Use.AGAIN), known))


@again_pages.post("/again/passkey")
def prove_by_passkey() -> AnyResponse:
    """Take a passkey in place of the password and the code."""
    who, where = desk().user, browser()
    check_sign_in(f"user {who.id}", where.ip)
    asker, token = _asker_here(Use.AGAIN), request.form.get("token", "")
    try:
        answer = read_answer(request.form.get("answer", ""))
    except BadAnswerError:
        return shown_again((FieldError("passkey", NOT_TAKEN),))
    with current_runtime().database.transaction() as session:
        user = passkeys.use_passkey(session, asker, token, answer, ip=where.ip, user=who)
        if user is not None:
            secret = prove(session, desk().session, now=asker.now)
            verb = "session prove (passkey)"
            record(session, Actor(user, where.ip), verb, User.__tablename__, user.id, now=asker.now)
    if user is None:
        return shown_again((FieldError("passkey", NOT_TAKEN),))
    if secret is None:
        return redirect(url_for("sign_in.ask"), 303)
    response = redirect(next_page(request.form.get("next")), 303)
    give_cookie(response, secret)
    return response


@passkey_pages.get("/account/passkeys/new")
def ask_name() -> AnyResponse:
    """Ask for a name, of whoever showed lately who they are."""
    return prove_first() or _shown_new()


@passkey_pages.post("/account/passkeys/options")
def options_to_add() -> AnyResponse:
    """Say what to make, or refuse as the form itself does: which the script sends then."""
    if prove_first() is not None:
        raise Forbidden("Show once more that it is you.")
    passkeys.passkey_name(request.form.get("name", ""))
    with current_runtime().database.transaction() as session:
        user = session.get_one(User, desk().user.id)
        passkeys.give_handle(session, user)
        known = passkeys.list_passkeys(session, user)
    return jsonify(ask_to_add(_asker_here(Use.ADD), user, known))


@passkey_pages.post("/account/passkeys/new")
def add() -> AnyResponse:
    """Keep the passkey that the browser made."""
    if prove_first() is not None:
        return redirect(url_for("again.ask_again", next=url_for("passkeys.ask_name")), 303)
    asker, form = _asker_here(Use.ADD), request.form
    token, answer, name = (form.get(each, "") for each in ("token", "answer", "name"))
    try:
        with current_runtime().database.transaction() as session:
            who = actor(session)
            assert who.user is not None
            made = passkeys.add_passkey(session, who, who.user, asker, token, answer, name)
    except FieldError as error:
        return _shown_new((error,))
    if made is None:
        return _shown_new((FieldError("passkey", NOT_MADE),))
    return redirect(url_for("account.show_account", done="passkey"), 303)


@passkey_pages.post("/account/passkeys/remove")
def remove() -> AnyResponse:
    """Remove one, and sign out wherever it may have signed somebody in."""
    if (first := prove_first()) is not None:
        return first
    which = request.form.get("passkey", "")
    row = int(which) if which.isdecimal() and len(which) < 19 else 0
    with current_runtime().database.transaction() as session:
        who, now = actor(session), desk().now
        assert who.user is not None
        if passkeys.remove_passkey(session, who, who.user, row, now=now):
            end_sessions(session, who.user, now=now, keep=desk().session)
    return redirect(url_for("account.show_account", done="removed"), 303)


def _shown_new(errors: tuple[FieldError, ...] = ()) -> Response:
    name = request.form.get("name", "")[: passkeys.NAME_AT_MOST]
    status = 422 if errors else 200
    return show("new_passkey.html", status, errors=errors, name=name, **passkeys_here())


def _asker_here(use: Use) -> Asker:
    return _asker(use, f"session {desk().session.id}")


def _asker(use: Use, bound: str) -> Asker:
    runtime, site = current_runtime(), passkey_site()
    if site is None:
        raise RefusedError(
            "Passkeys do not work at this address: browsers want https, or the name localhost."
        )
    return Asker(site, runtime.ring, use, bound, runtime.clock.now())

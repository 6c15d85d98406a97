"""A user's own page: where they are signed in, their password, their second factor."""

import io
from datetime import datetime

from flask import Response, current_app, redirect, request, url_for
from markupsafe import Markup
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from digest.desk import passkeys, second_factor
from digest.desk.audit import record
from digest.desk.links import drop_password, set_password
from digest.desk.passwords import hash_password, is_password
from digest.desk.sessions import end_session, end_sessions, list_sessions, renew
from digest.errors import FieldError
from digest.models import DeskSession, User
from digest.vault import Vault
from digest.web.context import current_runtime
from digest.web.desk.sign_in import WRONG_CODE, WRONG_PASSWORD, note_wrong_password, passkeys_here
from digest.web.desk.signed_in import (
    actor,
    browser,
    desk,
    desk_blueprint,
    give_cookie,
    moment_here,
    prove_first,
    show,
)
from digest.web.guarding import check_code, check_sign_in
from digest.web.masthead import masthead_of

DONE = {
    "password": "Your new password is in use. You are signed out everywhere else.",
    "ended": "That browser is signed out.",
    "over": "It was over already.",
    "all": "You are signed out everywhere but here.",
    "off": "You sign in by your password alone now.",
    "passkey": "The passkey is added. You can sign in by it alone.",
    "removed": "The passkey opens nothing any more: delete it on its device. You are signed out "
    "everywhere else.",
    "dropped": "You have no password any more, and are signed out everywhere else.",
}

account_pages = desk_blueprint("account", __name__)


@account_pages.get("/account")
def show_account() -> Response:
    """Show where the user is signed in, and how."""
    return _shown()


@account_pages.post("/account/password")
def change_password() -> AnyResponse:
    """Take a new password, with the one before where there is one."""
    runtime = current_runtime()
    user = desk().user
    if user.password_hash is None and (first := prove_first()) is not None:
        return first
    check_sign_in(f"user {user.id}", browser().ip)
    before = request.form.get("before", "")
    if user.password_hash is not None and not is_password(user.password_hash, before):
        note_wrong_password()
        return _shown((FieldError("before", WRONG_PASSWORD),))
    try:
        hashed = hash_password(request.form.get("password", ""), user.email, user.name)
    except FieldError as error:
        return _shown((error,))
    with runtime.database.transaction() as session:
        who, now = actor(session), desk().now
        assert who.user is not None
        set_password(session, who, who.user, hashed, now=now)
        end_sessions(session, who.user, now=now, keep=desk().session)
        secret = renew(session, desk().session)
    return _renewed(_done("password"), secret)


@account_pages.post("/account/password/off")
def leave_password() -> AnyResponse:
    """Sign in by passkey alone from now on."""
    if (first := prove_first()) is not None:
        return first
    with current_runtime().database.transaction() as session:
        who, now = actor(session), desk().now
        assert who.user is not None
        drop_password(session, who, who.user, now=now)
        end_sessions(session, who.user, now=now, keep=desk().session)
    return _done("dropped")


@account_pages.post("/account/sessions")
def end() -> AnyResponse:
    """End one session, or all but this one."""
    which, now = request.form.get("session", ""), desk().now
    if which == "others":
        return _end_others(now)
    session_id = int(which) if which.isdecimal() and len(which) < 16 else 0
    with current_runtime().database.transaction() as session:
        who = actor(session)
        assert who.user is not None
        ended = end_session(session, who.user, session_id, now=now)
        if ended:
            table = DeskSession.__tablename__
            record(session, who, "session end", table, session_id, now=now)
    return _done("ended" if ended else "over")


def _end_others(now: datetime) -> AnyResponse:
    with current_runtime().database.transaction() as session:
        who = actor(session)
        assert who.user is not None
        end_sessions(session, who.user, now=now, keep=desk().session)
        record(session, who, "session end others", DeskSession.__tablename__, None, now=now)
        secret = renew(session, desk().session)
    return _renewed(_done("all"), secret)


def _renewed(response: AnyResponse, secret: str | None) -> AnyResponse:
    # Whoever has taken the cookie is signed out as well.
    if secret is not None:
        give_cookie(response, secret)
    return response


@account_pages.post("/account/second-factor")
def begin_second_factor() -> AnyResponse:
    """Make a secret, and show it once, as a QR code and as text."""
    if (first := prove_first()) is not None:
        return first
    user = desk().user
    if second_factor.is_asked_for(user):
        return _done("")
    with current_runtime().database.transaction() as session:
        secret = second_factor.begin(session, session.get_one(User, user.id), _vault())
    return _set_up(secret)


@account_pages.post("/account/second-factor/confirm")
def confirm_second_factor() -> AnyResponse:
    """Take the first code, and show the recovery codes, once."""
    user, now = desk().user, desk().now
    check_code(user.id)
    with current_runtime().database.transaction() as session:
        who = actor(session)
        assert who.user is not None
        typed = request.form.get("code", "")
        confirmed = second_factor.confirm(session, who.user, _vault(), typed, now)
        if confirmed:
            codes = second_factor.new_recovery_codes(session, who.user)
            _record_factor(session, "user switch second factor on")
            end_sessions(session, who.user, now=now, keep=desk().session)
            cookie = renew(session, desk().session)
        else:
            secret = second_factor.secret_of(who.user, _vault())
    if confirmed:
        return _renewed(show("recovery_codes.html", codes=codes), cookie)
    if secret is None or second_factor.is_asked_for(user):
        return _done("")
    return _set_up(secret, (FieldError("code", WRONG_CODE),))


@account_pages.post("/account/second-factor/off")
def switch_off() -> AnyResponse:
    """Ask for no second factor any more."""
    if (first := prove_first()) is not None:
        return first
    with current_runtime().database.transaction() as session:
        second_factor.switch_off(session, session.get_one(User, desk().user.id))
        _record_factor(session, "user switch second factor off")
    return _done("off")


@account_pages.post("/account/recovery-codes")
def new_codes() -> AnyResponse:
    """Make recovery codes in place of those before, and show them, once."""
    if (first := prove_first()) is not None:
        return first
    if not second_factor.is_asked_for(desk().user):
        return _done("")
    with current_runtime().database.transaction() as session:
        codes = second_factor.new_recovery_codes(session, session.get_one(User, desk().user.id))
        who = actor(session)
        record(
            session, who, "user make recovery codes", User.__tablename__, desk().user.id,
            now=desk().now,
        )  # fmt: skip
    return show("recovery_codes.html", codes=codes)


def _record_factor(session: Session, verb: str) -> None:
    record(
        session,
        actor(session),
        verb,
        User.__tablename__,
        desk().user.id,
        now=desk().now,
        fields=("totp_secret",),
    )


def _set_up(secret: str, errors: tuple[FieldError, ...] = ()) -> Response:
    # Late: few set a second factor up, and each once.
    import segno

    issuer = masthead_of(current_app).get().name or "Digest"
    drawn = io.BytesIO()
    segno.make(second_factor.address_of(secret, desk().user, issuer), error="m").save(
        drawn, kind="svg", scale=5, border=4, dark="#000", light="#fff", xmldecl=False, svgns=True
    )
    return show(
        "second_factor.html",
        422 if errors else 200,
        errors=errors,
        secret=" ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        picture=Markup(drawn.getvalue().decode()),  # noqa: S704 - segno draws it
    )


def _shown(errors: tuple[FieldError, ...] = ()) -> Response:
    with current_runtime().database.reading() as session:
        user = session.get_one(User, desk().user.id)
        sessions = list_sessions(session, user, now=desk().now)
        left = second_factor.recovery_codes_left(session, user)
        known = passkeys.list_passkeys(session, user)
    return show(
        "account.html",
        422 if errors else 200,
        errors=errors,
        done=DONE.get(request.args.get("done", ""), ""),
        sessions=sessions,
        codes_left=left,
        second_factor=second_factor.is_asked_for(user),
        passkeys=known,
        has_password=user.password_hash is not None,
        **passkeys_here(),
        moment=moment_here,
    )


def _done(what: str) -> AnyResponse:
    return redirect(url_for("account.show_account", done=what or None), 303)


def _vault() -> Vault:
    return current_runtime().vault

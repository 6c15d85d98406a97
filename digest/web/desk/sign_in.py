"""Signing in: password, then the second factor where there is one; signing out; once more."""

from flask import Blueprint, Response, current_app, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from digest.addresses import seek_address
from digest.desk import second_factor
from digest.desk.audit import Actor, record
from digest.desk.ceremonies import Site, site_of
from digest.desk.passkeys import has_passkey
from digest.desk.passwords import hash_password, is_password, should_hash_again
from digest.desk.sessions import end_session, find_session, open_session, prove
from digest.desk.users import find_by_address, has_users
from digest.errors import FieldError
from digest.models import DeskSession, User
from digest.web.context import current_runtime
from digest.web.desk.signed_in import (
    browser,
    desk,
    desk_blueprint,
    give_cookie,
    next_page,
    refuse_other_sites,
    session_secret,
    show,
    take_cookie,
)
from digest.web.guarding import check_code, check_sign_in
from digest.web.masthead import masthead_of

WRONG = "That address and password do not go together"
WRONG_PASSWORD = "That is not your password"  # noqa: S105 - a sentence
WRONG_CODE = "That code is not good: type the one that your app shows now"

sign_in_pages = Blueprint("sign_in", __name__, url_prefix="/desk")
again_pages = desk_blueprint("again", __name__)


@sign_in_pages.before_request
def _ours_alone() -> None:
    if request.method == "POST":
        refuse_other_sites()


@sign_in_pages.get("/sign-in")
def ask() -> AnyResponse:
    """Ask who it is. Where nobody may sign in yet, say which command changes that."""
    runtime = current_runtime()
    with runtime.database.reading() as session:
        anybody = has_users(session)
        found = find_session(session, session_secret(), now=runtime.clock.now())
    if found is not None and found.proved_at is not None:
        return redirect(next_page(request.args.get("next")), 303)
    return asked(anybody=anybody)


@sign_in_pages.post("/sign-in")
def sign_in() -> AnyResponse:
    """Take address and password."""
    runtime = current_runtime()
    typed, password = request.form.get("email", "")[:320], request.form.get("password", "")
    with runtime.database.reading() as session:
        anybody = has_users(session)
        user = find_by_address(session, typed)
    # Not the address itself: what is counted lies in Redis.
    check_sign_in(runtime.suppression.mac(seek_address(typed).key), browser().ip)
    hashed = user.password_hash if user is not None and user.disabled_at is None else None
    opened = None
    if is_password(hashed, password) and user is not None:
        better = _better_hash(user, password)
        with runtime.database.transaction() as session:
            opened = _open(session, user, better)
    if opened is None:
        return asked(anybody=anybody, typed=typed, errors=(FieldError("email", WRONG),))
    secret, proved = opened
    after = request.form.get("next")
    code = url_for("sign_in.ask_code", next=after or None, unsaved=request.form.get("unsaved"))
    response = redirect(next_page(after) if proved else code, 303)
    give_cookie(response, secret)
    return response


def _open(session: Session, seen: User, better: str | None) -> tuple[str, bool] | None:
    """Begin the session of a user whose password was right, as they were seen.

    Return its secret, and whether it opens everything. None where they were disabled, or have
    another password, since.
    """
    runtime = current_runtime()
    now = runtime.clock.now()
    user = session.get_one(User, seen.id, with_for_update=True, populate_existing=True)
    if user.disabled_at is not None or user.password_hash != seen.password_hash:
        return None
    if better is not None:
        user.password_hash = better
    before = find_session(session, session_secret(), now=now)
    if before is not None and before.user_id == user.id:
        # This browser's own, which nobody could use any more.
        end_session(session, user, before.id, now=now)
    proved = not second_factor.is_asked_for(user)
    _, secret = open_session(session, user, browser(), now=now, proved=proved)
    if proved:
        note(session, user, "session begin")
    return secret, proved


@sign_in_pages.get("/sign-in/code")
def ask_code() -> AnyResponse:
    """Ask for the second factor, of whoever gave the password."""
    return _asked_for_code() if _half_open() else redirect(url_for("sign_in.ask"), 303)


@sign_in_pages.post("/sign-in/code")
def take_code() -> AnyResponse:
    """Take a code, or a recovery code."""
    runtime = current_runtime()
    half = _half_open()
    if half is None:
        return redirect(url_for("sign_in.ask"), 303)
    check_code(half.user_id)
    with runtime.database.transaction() as session:
        now = runtime.clock.now()
        found = find_session(session, session_secret(), now=now)
        used = use_code(session, found.user) if found is not None else None
        secret = prove(session, found, now=now) if found is not None and used else None
        if secret is not None and found is not None:
            note(session, found.user, f"session begin ({used})")
    if found is None or (used and secret is None):
        return redirect(url_for("sign_in.ask"), 303)
    if secret is None:
        return _asked_for_code((FieldError("code", WRONG_CODE),))
    response = redirect(next_page(request.form.get("next")), 303)
    give_cookie(response, secret)
    return response


def use_code(session: Session, user: User) -> str | None:
    """Use the code that was typed; return which kind it is, None for a wrong one, which is noted.

    Count it by `check_code` before.
    """
    runtime = current_runtime()
    now, vault = runtime.clock.now(), runtime.vault
    used = second_factor.use_code(session, user, vault, request.form.get("code", ""), now)
    if used is None:
        note(session, user, "session refuse code", by_user=False)
    return used


@sign_in_pages.post("/sign-out")
def sign_out() -> AnyResponse:
    """End the session."""
    runtime = current_runtime()
    now = runtime.clock.now()
    with runtime.database.transaction() as session:
        found = find_session(session, session_secret(), now=now)
        if found is not None:
            end_session(session, found.user, found.id, now=now)
            note(session, found.user, "session end")
    response = redirect(url_for("sign_in.ask"), 303)
    take_cookie(response)
    return response


@again_pages.get("/again")
def ask_again() -> Response:
    """Ask for the password once more, before what cannot be undone."""
    return shown_again()


@again_pages.post("/again")
def take_again() -> AnyResponse:
    """Take the password, and the code where there is a second factor."""
    runtime = current_runtime()
    user, now = desk().user, desk().now
    check_sign_in(f"user {user.id}", browser().ip)
    if not is_password(user.password_hash, request.form.get("password", "")):
        note_wrong_password()
        return shown_again((FieldError("password", WRONG_PASSWORD),))
    if second_factor.is_asked_for(user):
        check_code(user.id)
    with runtime.database.transaction() as session:
        found = find_session(session, session_secret(), now=now)
        if found is None:
            return redirect(url_for("sign_in.ask"), 303)
        good = not second_factor.is_asked_for(found.user) or bool(use_code(session, found.user))
        secret = prove(session, found, now=now) if good else None
        if secret is not None:
            note(session, found.user, "session prove")
    if not good:
        return shown_again((FieldError("code", WRONG_CODE),))
    if secret is None:
        return redirect(url_for("sign_in.ask"), 303)
    response = redirect(next_page(request.form.get("next")), 303)
    give_cookie(response, secret)
    return response


def shown_again(errors: tuple[FieldError, ...] = ()) -> Response:
    """Show the page that asks once more, by whichever ways the user has."""
    with current_runtime().database.reading() as session:
        by_passkey = has_passkey(session, desk().user) or _is_about_passkey(errors)
    return show(
        "again.html",
        422 if errors else 200,
        errors=errors,
        after=next_page(request.values.get("next")),
        code=second_factor.is_asked_for(desk().user),
        password=desk().user.password_hash is not None,
        passkey=by_passkey,
        **passkeys_here(),
    )


def asked(
    *, anybody: bool = True, typed: str = "", errors: tuple[FieldError, ...] = ()
) -> Response:
    """Show the page to sign in."""
    with current_runtime().database.reading() as session:
        by_passkey = has_passkey(session) or _is_about_passkey(errors)
    page = render_template(
        "desk/sign_in.html",
        anybody=anybody,
        typed=typed,
        errors=errors,
        after=request.values.get("next", ""),
        passkey=by_passkey,
        **passkeys_here(),
    )
    return Response(page, 422 if errors else 200)


def _is_about_passkey(errors: tuple[FieldError, ...]) -> bool:
    # Its button is what a mistake leads to, also where the last was just removed.
    return any(error.field == "passkey" for error in errors)


def passkey_site() -> Site | None:
    """Return whom passkeys are for here; None where no browser allows any."""
    name = masthead_of(current_app).get().name or "Digest"
    return site_of(current_runtime().settings.public_url, name)


def passkeys_here() -> dict[str, object]:
    """Return what pages with a passkey say: for whom they are, or where they do not work."""
    return {"site": passkey_site(), "home": current_runtime().settings.public_url}


def _asked_for_code(errors: tuple[FieldError, ...] = ()) -> Response:
    page = render_template("desk/code.html", errors=errors, after=request.values.get("next", ""))
    return Response(page, 422 if errors else 200)


def _half_open() -> DeskSession | None:
    runtime = current_runtime()
    with runtime.database.reading() as session:
        found = find_session(session, session_secret(), now=runtime.clock.now())
    return found if found is not None and found.proved_at is None else None


def _better_hash(user: User, password: str) -> str | None:
    if user.password_hash is None or not should_hash_again(user.password_hash):
        return None
    try:
        return hash_password(password)
    except FieldError:
        # It was long enough when it was chosen: that is not to be told now.
        return None


def note_wrong_password() -> None:
    """Write down that somebody with this user's session did not know their password."""
    with current_runtime().database.transaction() as session:
        note(session, desk().user, "session refuse password", by_user=False)


def note(session: Session, user: User, verb: str, *, by_user: bool = True) -> None:
    """Write into the log what was done with a user's way in; not `by_user`: by whoever it was."""
    now = current_runtime().clock.now()
    who = Actor(user if by_user else None, browser().ip)
    record(session, who, verb, User.__tablename__, user.id, now=now)

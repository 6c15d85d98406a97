"""Choosing a password by a link, and asking for such a link."""

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from digest.addresses import AddressError, parse_address
from digest.desk.links import Link, LinkState, ask_for_link, choose_password, look_at_link
from digest.desk.passwords import hash_password
from digest.errors import FieldError
from digest.runtime import SEND_NOTICES
from digest.tokens import BadTokenError, Purpose
from digest.web.context import current_runtime
from digest.web.desk.signed_in import browser, refuse_other_sites, take_cookie
from digest.web.guarding import check_network

password_pages = Blueprint("password", __name__, url_prefix="/desk")


@password_pages.before_request
def _ours_alone() -> None:
    if request.method == "POST":
        # The page with a link in its address is no-referrer, and the link is its proof.
        refuse_other_sites(null=request.endpoint == "password.take")


@password_pages.get("/forgotten")
def forgotten() -> Response:
    """Ask for the address to mail a link to."""
    return Response(render_template("desk/forgotten.html", typed="", asked="", errors=()))


@password_pages.post("/forgotten")
def mail_link() -> Response:
    """Mail a link, where there is such a user. The answer is the same to all."""
    runtime = current_runtime()
    typed, where = request.form.get("email", "")[:320], browser()
    check_network(where.ip)
    try:
        asked = parse_address(typed).email
    except AddressError as error:
        errors = (FieldError("email", str(error)),)
        page = render_template("desk/forgotten.html", typed=typed, asked="", errors=errors)
        return Response(page, 422)
    with runtime.database.transaction() as session:
        ask_for_link(
            session,
            asked,
            now=runtime.clock.now(),
            suppression=runtime.suppression,
            ip=where.ip,
        )
    # For everybody: a ring that only users cause would tell who they are.
    runtime.bell.ring(SEND_NOTICES)
    return Response(render_template("desk/forgotten.html", typed="", asked=asked, errors=()))


@password_pages.get("/password/<token>")
def choose(token: str) -> Response:
    """Ask for a new password. Changes nothing: scanners open every link."""
    return _shown(token, _link(token))


@password_pages.post("/password/<token>")
def take(token: str) -> AnyResponse:
    """Take the new password, and spend the link."""
    runtime = current_runtime()
    token_id, link = runtime.ring.read(Purpose.USER_LINK, token).id, _link(token)
    if link.state is not LinkState.WAITING:
        return _shown(token, link)
    try:
        hashed = hash_password(request.form.get("password", ""), link.user.email, link.user.name)
    except FieldError as error:
        return _shown(token, link, (error,))
    with runtime.database.transaction() as session:
        user = choose_password(session, token_id, hashed, now=runtime.clock.now(), ip=browser().ip)
    if user is None:
        return _shown(token, _link(token))
    response = redirect(url_for("sign_in.ask", chosen="1"), 303)
    take_cookie(response)
    return response


def _link(token: str) -> Link:
    runtime = current_runtime()
    token_id = runtime.ring.read(Purpose.USER_LINK, token).id
    with runtime.database.reading() as session:
        found = look_at_link(session, token_id, now=runtime.clock.now())
    if found is None:
        raise BadTokenError("nobody's")
    return found


def _shown(token: str, link: Link, errors: tuple[FieldError, ...] = ()) -> Response:
    page = render_template("desk/password.html", token=token, link=link, errors=errors)
    status = 422 if errors else 200 if link.state is LinkState.WAITING else 410
    return Response(page, status)

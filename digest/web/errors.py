"""Failures as pages for people, and as problem details (RFC 9457) for machines."""

import secrets
from datetime import UTC, datetime

from flask import Flask, Response, current_app, jsonify, make_response, render_template, request
from werkzeug.exceptions import HTTPException, TooManyRequests

from digest import zones
from digest.errors import FieldError, NotFoundError, RefusedError, UnavailableError
from digest.logs import get_logger
from digest.tokens import BadTokenError
from digest.web.masthead import NAMELESS, masthead_of

log = get_logger(__name__)

SENTENCES = {
    400: ("We could not read that", "Go back, look at what you sent, and try again."),
    401: ("That needs a token", "Send a valid token: Authorization: Bearer …"),
    405: ("That cannot be done here", "This address does not take that kind of request."),
    413: ("That is too much at once", "Send less than that, and try again."),
    415: ("We cannot read that kind of content", "Send it as the kind that the reference names."),
    429: ("One moment, please", "That was a lot of tries."),
}


def handle_errors(app: Flask) -> None:
    """Register what is shown for each kind of failure."""
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(BadTokenError, _bad_token)
    app.register_error_handler(NotFoundError, _not_found)
    app.register_error_handler(RefusedError, _refused)
    app.register_error_handler(FieldError, _field)
    app.register_error_handler(UnavailableError, _unavailable)
    app.register_error_handler(Exception, _broken)


def wants_json() -> bool:
    """Tell whether a machine asks: under /api, or where JSON is preferred to HTML."""
    if request.path.startswith("/api/"):
        return True
    best = request.accept_mimetypes.best_match(
        ["text/html", "application/json", "application/problem+json"], default="text/html"
    )
    return best != "text/html"


def told(error: FieldError) -> dict[str, str]:
    """Return what is wrong with a field, for a program."""
    suggestion = {"suggestion": error.suggestion} if error.suggestion else {}
    return {"field": error.field, "detail": error.sentence, **suggestion}


def problem(status: int, title: str, detail: str, **members: object) -> Response:
    """Return problem details (RFC 9457)."""
    response = jsonify(type="about:blank", status=status, title=title, detail=detail, **members)
    response.status_code = status
    response.content_type = "application/problem+json"
    return response


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    if error.response is not None and status < 400:
        return make_response(error.response)
    title, detail = SENTENCES.get(status, (error.name, error.description or ""))
    if status == 404:
        title, detail = "There is no such page", "It may have moved."
    if isinstance(error, TooManyRequests) and isinstance(error.retry_after, datetime):
        detail = f"{detail} {_again_at(error.retry_after)}"
    response = _shown(status, title, detail, template=f"errors/{_template(status)}.html")
    for name in ("Allow", "Retry-After", "WWW-Authenticate"):
        for value in error.get_response().headers.getlist(name):
            response.headers[name] = value
    return response


def _template(status: int) -> str:
    return "missing" if status == 404 else "refused"


def _bad_token(_: BadTokenError) -> Response:
    detail = "Part of it may have been lost when the email was forwarded."
    return _shown(404, "We cannot read that link", detail, template="errors/broken_link.html")


def _not_found(error: NotFoundError) -> Response:
    return _shown(404, "There is no such page", str(error), template="errors/missing.html")


def _refused(error: RefusedError) -> Response:
    return _shown(422, "That cannot be done", str(error), template="errors/refused.html")


def _field(error: FieldError) -> Response:
    return _shown(
        422,
        "That cannot be used",
        error.sentence,
        template="errors/refused.html",
        errors=[told(error)],
    )


def _unavailable(error: UnavailableError) -> Response:
    response = _failed(503, error)
    response.headers["Retry-After"] = "60"
    return response


def _broken(error: Exception) -> Response:
    if current_app.testing and current_app.config.get("PROPAGATE_EXCEPTIONS"):
        raise error
    return _failed(500, error)


def _failed(status: int, error: Exception) -> Response:
    code = secrets.token_hex(2).upper()
    log.error("a page could not be served", code=code, status=status, exc_info=error)
    detail = (
        f"We have made a note of it (code {code}). Nothing you typed was sent twice. "
        "Try again in a minute."
    )
    # Whatever broke, the page about it must not need it.
    seen = masthead_of(current_app).last_seen()
    return _shown(
        status, "Something broke on our side", detail, template="errors/failed.html", seen=seen
    )


def _shown(status: int, title: str, detail: str, *, template: str, **members: object) -> Response:
    if wants_json():
        errors = {"errors": members["errors"]} if "errors" in members else {}
        return problem(status, title, detail, **errors)
    seen = members.get("seen") or masthead_of(current_app).get() or NAMELESS
    page = render_template(template, title=title, detail=detail, seen=seen)
    response = make_response(page, status)
    response.headers["Cache-Control"] = "no-store"
    return response


def _again_at(moment: datetime) -> str:
    first = masthead_of(current_app).get().first
    local = moment.astimezone(zones.named(first.zone) if first else UTC)
    return f"You can try again at {local:%H:%M}."

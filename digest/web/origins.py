"""Whose pages may hold our sign-up boxes: in CORS, and in `frame-ancestors`."""

import re

from flask import Response, current_app, request

from digest.settings.values import origin_of
from digest.web.context import current_runtime
from digest.web.errors import problem
from digest.web.masthead import masthead_of

PREFLIGHT_LASTS_SECONDS = 7200
PRINTABLE_ORIGIN = re.compile(r"https?://[A-Za-z0-9.:\[\]-]{1,255}")


def declared_origins() -> tuple[str, ...]:
    """Return the origins that were declared: our own, the paper's, and DIGEST_EMBED_ORIGINS."""
    settings = current_runtime().settings
    paper = masthead_of(current_app).get().site_origin
    known = (origin_of(settings.public_url), paper, *settings.embed_origins)
    return tuple(dict.fromkeys(origin for origin in known if origin))


def declared(origin: str | None) -> bool:
    """Tell whether a request's Origin is of a page that may hold our boxes."""
    return origin in declared_origins()


def origin_of_page(page: str | None) -> str | None:
    """Return the origin of a page's address, None where it has none."""
    try:
        return origin_of(page) if page else None
    except ValueError:
        return None


def share(response: Response) -> Response:
    """Let scripts of the declared origins read an answer (CORS). Never with a cookie."""
    response.vary.add("Origin")
    origin = request.headers.get("Origin")
    if origin is None or not declared(origin):
        return response
    headers = response.headers
    headers["Access-Control-Allow-Origin"] = origin
    if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
        headers["Access-Control-Allow-Methods"] = headers.get("Allow", "")
        # Not Authorization: a token of the API has no place in a reader's browser.
        headers["Access-Control-Allow-Headers"] = "Content-Type"
        headers["Access-Control-Max-Age"] = str(PREFLIGHT_LASTS_SECONDS)
    return response


def undeclared(origin: str | None) -> Response:
    """Return the problem with a page that has not been declared; its developer may read it."""
    named = origin if origin and PRINTABLE_ORIGIN.fullmatch(origin) else "its origin"
    if origin is None:
        detail = (
            "Sign up from a page whose site is named in DIGEST_EMBED_ORIGINS, or send a token: "
            "Authorization: Bearer …"
        )
    else:
        detail = f"This page's site is not declared. Add {named} to DIGEST_EMBED_ORIGINS."
    response = problem(403, "Not from here", detail)
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response

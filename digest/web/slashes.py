"""Paths with a slash too many or too few: as mail programs, editors and copied links make them.

Werkzeug would send everybody to the right path by an absolute address, whose scheme and host come
from the request. Here a GET is sent on by the path alone, and any other method is answered at once:
mail programs do not follow a redirect of their one-click POST (RFC 8058).
"""

import re
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import quote

from flask import Flask, Response, abort, request
from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import MapAdapter, RequestRedirect

DOUBLED = re.compile(r"/{2,}")
SENT_ON = frozenset({"GET", "HEAD"})
RIGHT = "digest.right_path"
# Set where no page of ours is meant, whatever the path looks like (digest.web.mounting).
OUTSIDE = "digest.outside"

Wsgi = Callable[..., Iterable[bytes]]


def straighten_paths(app: Flask) -> None:
    """Make the app forgive slashes."""
    adapter = app.url_map.bind("localhost")
    answer = app.wsgi_app

    def straightened(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if OUTSIDE in environ:
            return answer(environ, start)
        asked = asked_path(environ)
        right = right_path(adapter, asked)
        if right != asked:
            environ["PATH_INFO"] = right
            if environ["REQUEST_METHOD"] in SENT_ON:
                environ[RIGHT] = True
        return answer(environ, start)

    app.wsgi_app = straightened  # type: ignore[assignment, method-assign]
    app.before_request(_send_on)


def asked_path(environ: dict[str, Any]) -> str:
    """Return a request's path as it was sent, decoded: bytes of UTF-8, read as Latin-1."""
    asked: str = environ["PATH_INFO"]
    # Waitress takes doubled slashes away from the front.
    if environ.get("REQUEST_URI", "").startswith("//") and not asked.startswith("//"):
        return f"/{asked}"
    return asked


def right_path(adapter: MapAdapter, asked: str) -> str:
    """Return the path that was meant: one that exists, but for slashes; else what was asked for."""
    single = DOUBLED.sub("/", asked)
    for path in (single, f"{single}/", single.rstrip("/")):
        if path and _exists(adapter, path):
            return path
    return asked


def _exists(adapter: MapAdapter, path: str) -> bool:
    try:
        adapter.match(path.encode("latin-1").decode("utf-8", "replace"), "GET")
    except (NotFound, RequestRedirect):
        return False
    except MethodNotAllowed:
        return True
    return True


def _send_on() -> Response | None:
    if OUTSIDE in request.environ:
        abort(404)
    if RIGHT not in request.environ:
        return None
    # From the server's own root, without scheme and host: whoever asked knows them.
    path = quote(f"{request.root_path.rstrip('/')}{request.path}", safe="/:@!$&'()*+,;=~-._")
    query = request.environ.get("QUERY_STRING", "")
    response = Response(status=301)
    response.headers["Location"] = f"{path}?{query}" if query else path
    return response

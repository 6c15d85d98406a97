"""Compression of what is the same for everybody: style sheets, scripts, and public pages.

Never of a page behind a token: the length of what was compressed tells of what is in it (BREACH).
"""

import gzip
from functools import lru_cache

from flask import Flask, Response, request

# Pages that know nobody. Others are added by name, never by default.
PUBLIC = frozenset({"assets", "issues", "atom", "sitemap", "subscribe", "terms", "boxes"})
ENDPOINTS = frozenset({"static"})
TYPES = frozenset(
    {
        "text/html",
        "text/css",
        "text/javascript",
        "text/plain",
        "image/svg+xml",
        "application/atom+xml",
        "application/xml",
    }
)
# Under this, one packet carries it either way.
SMALLEST = 1000
LEVEL = 6


def compress_public_answers(app: Flask) -> None:
    """Compress what may be, for those who take gzip. To be registered first: it runs last."""
    app.after_request(_compress)


def _compress(response: Response) -> Response:
    if not _may_be_compressed(response):
        return response
    response.vary.add("Accept-Encoding")
    if request.accept_encodings["gzip"] <= 0 or response.status_code != 200:
        return response
    content = response.get_data()
    if len(content) < SMALLEST:
        return response
    squeeze = _squeezed_once if request.endpoint in ENDPOINTS else _squeezed
    response.set_data(squeeze(content))
    response.headers["Content-Encoding"] = "gzip"
    etag, weak = response.get_etag()
    if etag is not None and not weak:
        # The same content, in other bytes (RFC 9110 8.8.1).
        response.set_etag(etag, weak=True)
    return response


def _may_be_compressed(response: Response) -> bool:
    return (
        request.method in {"GET", "HEAD"}
        and (request.blueprint in PUBLIC or request.endpoint in ENDPOINTS)
        and response.mimetype in TYPES
        and not response.is_streamed
        and "Content-Encoding" not in response.headers
        # Somebody's: an address that a link fills in, a session, what nobody may keep.
        and not request.query_string
        and not request.cookies
        and "Authorization" not in request.headers
        and "Set-Cookie" not in response.headers
        and "no-store" not in response.headers.get("Cache-Control", "")
    )


def _squeezed(content: bytes) -> bytes:
    return gzip.compress(content, LEVEL, mtime=0)


@lru_cache(maxsize=64)
def _squeezed_once(content: bytes) -> bytes:
    return _squeezed(content)

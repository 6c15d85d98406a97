"""Addresses of pages, written once: a page of the desk has a hundred, and most come again."""

from functools import lru_cache
from typing import Any

from flask import Flask, has_request_context, request, url_for

from digest.settings.values import origin_of
from digest.web.context import current_runtime

KEPT = 4096
# Of other values, two that are equal may be written differently.
PLAIN = frozenset({int, str, type(None)})


def absolute(endpoint: str, **values: Any) -> str:
    """Return the address by which others know a page of ours, whatever host was asked."""
    return origin_of(current_runtime().settings.public_url) + url_for(endpoint, **values)


def remember_links(app: Flask) -> None:
    """Let templates' `url_for` remember what it wrote."""

    @lru_cache(maxsize=KEPT)
    def written(_: tuple[str, str], endpoint: str, *values: tuple[str, Any]) -> str:
        return app.url_for(endpoint, **dict(values))

    def url_of(endpoint: str, **values: Any) -> str:
        """Return what Flask's own returns: a path, which hangs on no more of a request than this.

        What might hang on more is asked of Flask each time.
        """
        if not (has_request_context() and _is_plain(endpoint, values)):
            return app.url_for(endpoint, **values)
        return written((request.root_path, request.method), endpoint, *values.items())

    app.jinja_env.globals["url_for"] = url_of
    app.jinja_env.globals["absolute"] = absolute


def _is_plain(endpoint: str, values: dict[str, Any]) -> bool:
    # Somebody's token comes once, and is theirs; `_scheme` and `_external` bring in the host.
    return not endpoint.startswith(".") and all(
        type(each) in PLAIN and name != "token" and name[0] != "_" for name, each in values.items()
    )

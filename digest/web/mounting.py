"""Pages under a path: `DIGEST_PUBLIC_URL` may be https://paper.example/newsletters.

A proxy may pass that path on or take it away. Which of the two it did is seen by the request's path
alone, and by no header, for anybody can send one.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask

from digest.logs import get_logger
from digest.web.slashes import OUTSIDE, asked_path

# What this machine's own checks ask for, whatever readers' addresses look like.
AT_THE_ROOT = frozenset({"/healthz", "/readyz"})

log = get_logger(__name__)

Wsgi = Callable[..., Iterable[bytes]]


def mount(app: Flask, path: str) -> None:
    """Have the app stand under `path`, as in /newsletters; empty: under none.

    To be called last, when all pages are known. Every address that the app writes begins with the
    path then. It answers with the path and without. But where the path begins as one of its own
    pages does (/embed), some requests would mean two things: there it answers with the path only.
    """
    if not path:
        return
    collides = _collides(app, path)
    if collides:
        log.warning(
            "the path of DIGEST_PUBLIC_URL begins as a page of ours: the proxy has to pass it on",
            path=path,
        )
    app.wsgi_app = under(path, app.wsgi_app, both=not collides)  # type: ignore[method-assign]


def under(path: str, answer: Wsgi, *, both: bool) -> Wsgi:
    """Return `answer` under a path. `both`: without it, too, as a proxy asks that took it away."""
    # Slashes too many are left in what follows, for digest.web.slashes to see.
    beginning = re.compile("/+" + "/+".join(map(re.escape, path[1:].split("/"))) + r"(?=/|\Z)")

    def mounted(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        asked = asked_path(environ)
        found = beginning.match(asked)
        environ["SCRIPT_NAME"] = path
        if asked in AT_THE_ROOT:
            pass
        elif found:
            rest = asked[found.end() :]
            environ["PATH_INFO"] = rest if found[0] == path else f"//{rest.lstrip('/')}"
        elif not both:
            environ[OUTSIDE] = True
        return answer(environ, start)

    return mounted


def _collides(app: Flask, path: str) -> bool:
    first = {rule.rule.split("/")[1] for rule in app.url_map.iter_rules()}
    return path.split("/")[1] in first or any(each.startswith("<") for each in first)

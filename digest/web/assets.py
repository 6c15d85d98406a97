"""Style sheets and the like, each under an address that changes with its content."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, Response, abort, request
from sqlalchemy import select

from digest.models import Newsletter
from digest.readers.signing_up.sign_up_form import SLUG
from digest.web.context import current_runtime

FOLDER = Path(__file__).parent / "static"
FOR_EVER = "public, max-age=31536000, immutable"
A_MINUTE = "public, max-age=60"
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
}
COLOURS = ("text", "tint", "fill", "on_fill", "hover", "rule", "edge")

assets = Blueprint("assets", __name__)


@dataclass(frozen=True)
class Asset:
    """A file of `static`; the stamp is 12 hex digits of its SHA-256."""

    content: bytes
    content_type: str
    stamp: str


@cache
def all_assets() -> dict[str, Asset]:
    """Read the folder once: no name from outside ever becomes a path."""
    found = {}
    for path in sorted(FOLDER.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            stamp = stamped(content)
            kind = TYPES.get(path.suffix, "application/octet-stream")
            found[path.relative_to(FOLDER).as_posix()] = Asset(content, kind, stamp)
    return found


def stamped(content: bytes) -> str:
    """Return 12 hex digits that change with the content."""
    return hashlib.sha256(content).hexdigest()[:12]


def serve_assets(app: Flask) -> None:
    """Serve `digest/web/static`; `url_for("static", filename=…)` adds the content's stamp."""
    app.add_url_rule("/static/<stamp>/<path:filename>", endpoint="static", view_func=_static)
    app.register_blueprint(assets)
    app.jinja_env.globals["palette_stamp"] = palette_stamp

    @app.url_defaults
    def add_stamp(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == "static" and "stamp" not in values:
            asset = all_assets().get(values["filename"])
            values["stamp"] = asset.stamp if asset else "missing"


def kept_a_minute(response: Response) -> Response:
    """Let others keep an answer that is the same for everybody, and ask whether it still stands."""
    response.headers["Cache-Control"] = A_MINUTE
    response.add_etag()
    response.make_conditional(request)
    return response


def _static(stamp: str, filename: str) -> Response:
    asset = all_assets().get(filename)
    if asset is None:
        abort(404)
    response = Response(asset.content, content_type=asset.content_type)
    response.set_etag(asset.stamp)
    response.headers["Cache-Control"] = FOR_EVER if stamp == asset.stamp else A_MINUTE
    response.make_conditional(request)
    return response


@assets.get("/style/<slug>/<stamp>.css")
def palette_sheet(slug: str, stamp: str) -> Response:
    """Serve a newsletter's colours as CSS variables: no page of ours has a style of its own."""
    return _sheet(slug, stamp, palette_css)


@assets.get("/style/<slug>/<stamp>/box.css")
def box_sheet(slug: str, stamp: str) -> Response:
    """Serve them for a sign-up box, which is light or dark as the page around it is."""
    return _sheet(slug, stamp, box_css)


def _sheet(slug: str, stamp: str, write: Callable[[dict[str, Any]], str]) -> Response:
    if not SLUG.fullmatch(slug):
        abort(404)
    with current_runtime().database.reading() as session:
        newsletter = session.scalar(select(Newsletter).where(Newsletter.slug == slug))
    if newsletter is None:
        abort(404)
    response = Response(write(newsletter.palette), content_type="text/css; charset=utf-8")
    fresh = stamp == palette_stamp(newsletter)
    response.headers["Cache-Control"] = FOR_EVER if fresh else A_MINUTE
    return response


def palette_stamp(newsletter: Newsletter) -> str:
    """Return 12 hex digits that change with the newsletter's colours."""
    return stamped(json.dumps(newsletter.palette, sort_keys=True).encode())


def palette_css(palette: dict[str, Any]) -> str:
    """Write the palette as CSS; anything in it that is not a hex colour is left out."""
    light = "".join(f"--accent-{name}:{value};" for name, value in _colours(palette))
    dark = "".join(f"--accent-{name}:{value};" for name, value in _colours(_dark(palette)))
    return f":root{{{light}}}\n@media (prefers-color-scheme:dark){{:root{{{dark}}}}}\n"


def box_css(palette: dict[str, Any]) -> str:
    """Write the palette for a page whose `color-scheme` decides."""
    pairs = accent(palette).items()
    written = "".join(f"--accent-{name}:light-dark({','.join(pair)});" for name, pair in pairs)
    return f":root{{{written}}}\n"


def accent(palette: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Return the colours by day and by night, by the names of their CSS variables."""
    dark = dict(_colours(_dark(palette)))
    return {name: (value, dark[name]) for name, value in _colours(palette) if name in dark}


def _dark(palette: dict[str, Any]) -> dict[str, Any]:
    return palette.get("dark") or {}


def _colours(colours: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name in COLOURS:
        colour = colours.get(name)
        # No edge is needed where the fill stands out by itself.
        value = "transparent" if name == "edge" and colour is None else str(colour)
        if value == "transparent" or re.fullmatch(r"#[0-9A-Fa-f]{6}", value):
            yield name.replace("_", "-"), value

"""Style sheets and the like, each under an address that changes with its content."""

import hashlib
import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, Response, abort, request
from sqlalchemy import select

from digest.models import Newsletter
from digest.readers.sign_up_form import SLUG
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
            stamp = hashlib.sha256(content).hexdigest()[:12]
            kind = TYPES.get(path.suffix, "application/octet-stream")
            found[path.relative_to(FOLDER).as_posix()] = Asset(content, kind, stamp)
    return found


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
    if not SLUG.fullmatch(slug):
        abort(404)
    with current_runtime().database.reading() as session:
        newsletter = session.scalar(select(Newsletter).where(Newsletter.slug == slug))
    if newsletter is None:
        abort(404)
    response = Response(palette_css(newsletter.palette), content_type="text/css; charset=utf-8")
    fresh = stamp == palette_stamp(newsletter)
    response.headers["Cache-Control"] = FOR_EVER if fresh else A_MINUTE
    return response


def palette_stamp(newsletter: Newsletter) -> str:
    """Return 12 hex digits that change with the newsletter's colours."""
    written = json.dumps(newsletter.palette, sort_keys=True)
    return hashlib.sha256(written.encode()).hexdigest()[:12]


def palette_css(palette: dict[str, Any]) -> str:
    """Write the palette as CSS; anything in it that is not a hex colour is left out."""
    light = _variables(palette)
    dark = _variables(palette.get("dark") or {})
    return f":root{{{light}}}\n@media (prefers-color-scheme:dark){{:root{{{dark}}}}}\n"


def _variables(colours: dict[str, Any]) -> str:
    written = ""
    for name in COLOURS:
        colour = colours.get(name)
        # No edge is needed where the fill stands out by itself.
        value = "transparent" if name == "edge" and colour is None else str(colour)
        if value == "transparent" or re.fullmatch(r"#[0-9A-Fa-f]{6}", value):
            written += f"--accent-{name.replace('_', '-')}:{value};"
    return written

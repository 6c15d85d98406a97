"""`/embed.js`, the element that other sites hold; `/embed/`, where it is looked at and copied."""

import re
from functools import cache

from flask import Blueprint, Response, render_template, request
from sqlalchemy import select

from digest.models import Newsletter
from digest.newsroom.terms import current_wording
from digest.readers.signing_up.sign_up_form import SLUG
from digest.settings.values import origin_of
from digest.web.assets import all_assets, stamped
from digest.web.context import current_runtime
from digest.web.paging import page_of

TEN_MINUTES = "public, max-age=600"
# What the examples stand under until a site names its own: ?topic=<slug>.
# Newsletters that are named for a choice, on a page.
A_PAGE = 100
TOPIC = "chinese-economy"

box_pages = Blueprint("boxes", __name__)


@box_pages.get("/embed.js")
def embed_script() -> Response:
    """Serve the custom element `<digest-signup>`, with its style inside."""
    return _for_other_sites(embed_source())


@box_pages.get("/embed-proof.js")
def proof_script() -> Response:
    """Serve what the element fetches in a surge: it does the small sum on the host's page."""
    return _for_other_sites(all_assets()["embed-proof.js"].content)


def _for_other_sites(script: bytes) -> Response:
    response = Response(script, content_type="text/javascript; charset=utf-8")
    response.set_etag(stamped(script))
    response.headers["Cache-Control"] = TEN_MINUTES
    # A module is fetched by the rules of CORS, whoever's page it stands on.
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.make_conditional(request)
    return response


@cache
def embed_source() -> bytes:
    """Put the element together: its style, and neither comments nor indents."""
    script, style = (all_assets()[f"embed.{kind}"].content.decode() for kind in ("js", "css"))
    style = re.sub(r"/\*.*?\*/", "", style, flags=re.DOTALL)
    style = re.sub(r"\s*([{};,])\s*", r"\1", style).replace(": ", ":").replace(";}", "}")
    script = re.sub(r"^\s*//.*\n|^\s+", "", script, flags=re.MULTILINE)
    return script.replace("/* embed.css */", style.strip()).encode()


@box_pages.get("/embed/")
def show_boxes() -> str:
    """Show every box of a newsletter, `?newsletter=<slug>`, live and as the code to paste."""
    with current_runtime().database.reading() as session:
        in_use = select(Newsletter).where(Newsletter.retired_at.is_(None)).order_by(Newsletter.id)
        page = page_of(
            lambda most, first: session.scalars(in_use.offset(first).limit(most)).all(), A_PAGE
        )
        slug = request.args.get("newsletter", "")
        one = in_use.where(Newsletter.slug == slug)
        asked = session.scalar(one) if SLUG.fullmatch(slug) else None
        wording = current_wording(session)
    public_url = current_runtime().settings.public_url
    chosen = asked or next(iter(page.rows), None)
    return render_template(
        "site/boxes.html",
        newsletter=chosen if wording else None,
        page=page,
        wording=wording,
        topic=request.args.get("topic") or TOPIC,
        home=public_url,
        origin=origin_of(public_url),
    )

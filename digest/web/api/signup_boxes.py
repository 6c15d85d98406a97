"""`GET /api/v1/signup-boxes/<newsletter>`: what a sign-up box on another site says."""

from typing import Any

from flask import Blueprint, Response, current_app, jsonify, request

from digest.prose import curly
from digest.web.assets import accent
from digest.web.boxes import SignUpBox, Variant, find_box
from digest.web.context import current_runtime
from digest.web.guarding import new_token
from digest.web.masthead import masthead_of
from digest.web.origins import declared, share, undeclared
from digest.web.words import consent_parts, direction, the

signup_box_api = Blueprint("signup_box_api", __name__, url_prefix="/api/v1")
signup_box_api.after_request(share)


@signup_box_api.get("/signup-boxes/<slug>")
def get_signup_box(slug: str) -> Response:
    """Return a box's words, colours and picture, and the number of the words to agree to."""
    origin = request.headers.get("Origin")
    if origin is not None and not declared(origin):
        return undeclared(origin)
    variant = request.args.get("variant") or Variant.CARD
    with current_runtime().database.reading() as session:
        box = find_box(session, slug, variant, request.args.get("topic"))
    response = jsonify(as_json(box))
    # Its token is for one page, opened once.
    response.headers["Cache-Control"] = "no-store"
    return response


def as_json(box: SignUpBox) -> dict[str, Any]:
    """Return a box as the API shows it: all that embed.js writes stands here."""
    newsletter, wording = box.newsletter, box.wording
    paper = curly(masthead_of(current_app).get().name)
    before, link, after = consent_parts(wording.label)
    return {
        "newsletter": newsletter.slug,
        "topic": box.topic,
        "variant": box.variant,
        "language": newsletter.language,
        "direction": direction(newsletter.language),
        "heading": box.heading,
        "sentence": box.sentence,
        "portrait": _address(f"/media/{box.portrait}") if box.portrait else None,
        "colours": accent(newsletter.palette),
        "wording": wording.number,
        "consent": {
            "before": before,
            "link": link,
            "after": after,
            "url": _address(f"/terms/{wording.terms.version}"),
        },
        "privacy_url": _address("/privacy"),
        "button": box.button,
        "asked": {
            "heading": "Now check your email",
            "before": "We have sent a link to ",
            "after": f". Open it and press the button to start getting {the(newsletter)}.",
            "hint": "Nothing after five minutes? Look in spam, or ",
            "again": "send it again",
            "end": ". The link works for 48 hours.",
            "wrong": "Wrong address? ",
            "change": "Change it",
        },
        "token": new_token(),
        "unreachable": f"We could not reach {paper}. Your address is still here: try again.",
    }


def _address(path: str) -> str:
    return current_runtime().settings.public_url + path

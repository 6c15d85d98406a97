"""`/s/<story>`: the link of a story in a mail, where the newsletter counts its clicks.

It leads where the database says, and nowhere else; it has nothing of a reader in it. That a GET
counts is statistics, and changes nothing of anybody's (docs/decisions/0037-counting-clicks.md).
"""

from flask import Blueprint, abort, redirect, request
from werkzeug.wrappers import Response

from digest.web.clicks.counting import clicks, count_click
from digest.web.context import current_runtime

follow_pages = Blueprint("follow", __name__)


@follow_pages.get("/s/<int(max=9007199254740991):story_id>")
def follow(story_id: int) -> Response:
    """Lead on to a story, and count it."""
    target = clicks().target(story_id)
    if target is None:
        abort(404)
    count_click(request, story_id, target, current_runtime())
    response = redirect(target.url, 302)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response

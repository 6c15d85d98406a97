"""`/unsubscribe/<token>`: GET shows a button, POST leaves, at once and from anywhere (RFC 8058).

The token is all the proof that is needed: no cookie, no CSRF token, no redirect, repeatable.
"""

from flask import Blueprint, abort, render_template, request

from digest.readers.leaving import leave, undo_leaving
from digest.readers.pausing import pause, resume
from digest.readers.standing import Standing, look_at_standing
from digest.tokens import Purpose
from digest.web.context import current_runtime
from digest.web.site.tokens import evidence_here, token_id

unsubscribe_pages = Blueprint("unsubscribe", __name__)


@unsubscribe_pages.get("/unsubscribe/<token>")
def show(token: str) -> str:
    """Ask, and change nothing: mail scanners open every link."""
    runtime = current_runtime()
    period = token_id(Purpose.UNSUBSCRIBE, token)
    with runtime.database.reading() as session:
        standing = look_at_standing(session, period, now=runtime.clock.now())
    return _page(standing, token, "look")


@unsubscribe_pages.post("/unsubscribe/<token>")
def act(token: str) -> str:
    """Leave; or `action=pause`, `action=resume`; or `action=undo` with its own token in `undo`."""
    runtime = current_runtime()
    period = token_id(Purpose.UNSUBSCRIBE, token)
    action = request.form.get("action", "leave")
    if action not in ACTIONS:
        abort(400)
    if action == "undo":
        period = token_id(Purpose.UNDO, request.form.get("undo", ""))
    with runtime.database.transaction() as session:
        standing = ACTIONS[action](
            session, period, evidence_here("unsubscribe link"), now=runtime.clock.now()
        )
    return _page(standing, token, action)


ACTIONS = {"leave": leave, "pause": pause, "resume": resume, "undo": undo_leaving}


def _page(standing: Standing, token: str, action: str) -> str:
    runtime = current_runtime()
    return render_template(
        "site/unsubscribe.html",
        standing=standing,
        newsletter=standing.newsletter,
        action=action,
        token=token,
        undo=runtime.ring.sign(Purpose.UNDO, standing.undo) if standing.undo else None,
        now=runtime.clock.now(),
    )

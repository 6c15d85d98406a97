"""`/unsubscribe/<token>`: GET shows a button, POST leaves, at once and from anywhere (RFC 8058).

The token is all the proof that is needed: no cookie, no CSRF token, no redirect, repeatable.
"""

from flask import Blueprint, abort, render_template, request

from digest.models import LeavingReason
from digest.readers.consent import words_shown
from digest.readers.consent.words_shown import words_shown as words
from digest.readers.preferences.farewells import WORDS as REASONS
from digest.readers.preferences.farewells import tell_reason
from digest.readers.preferences.leaving import leave, undo_leaving
from digest.readers.preferences.pausing import pause, resume
from digest.readers.preferences.standing import Standing, look_at_standing
from digest.tokens import Purpose
from digest.web.context import current_runtime
from digest.web.site.coming import what_comes, what_else_comes
from digest.web.site.published import latest_specimen
from digest.web.site.tokens import evidence_here, token_id

unsubscribe_pages = Blueprint("unsubscribe", __name__)


@unsubscribe_pages.get("/u/<token>")
@unsubscribe_pages.get("/unsubscribe/<token>")
def show(token: str) -> str:
    """Ask, and change nothing: mail scanners open every link."""
    runtime = current_runtime()
    period = token_id(Purpose.UNSUBSCRIBE, token)
    with runtime.database.reading() as session:
        standing = look_at_standing(session, period, now=runtime.clock.now())
    return _page(standing, token, "look")


@unsubscribe_pages.post("/u/<token>")
@unsubscribe_pages.post("/unsubscribe/<token>")
def act(token: str) -> str:
    """Leave; or `action=pause`, `resume`, `why`; or `action=undo` with its own token in `undo`."""
    runtime = current_runtime()
    period = token_id(Purpose.UNSUBSCRIBE, token)
    action = request.form.get("action", "leave")
    if action == "why":
        return _say_why(token)
    if action not in ACTIONS:
        abort(400)
    if action == "undo":
        period = token_id(Purpose.UNDO, request.form.get("undo", ""))
    now = runtime.clock.now()
    with runtime.database.transaction() as session:
        # A mail program's one click shows no words of ours.
        pressed = "action" in request.form
        wording = words(session, BUTTONS[action], now) if pressed else None
        standing = ACTIONS[action](
            session, period, evidence_here("unsubscribe link"), now=now, wording=wording
        )
    return _page(standing, token, action)


def _say_why(token: str) -> str:
    """Count the reason that was ticked, where one was: nobody owes us an answer."""
    runtime = current_runtime()
    reason = request.form.get("reason", "")
    if reason not in set(LeavingReason):
        return show(token)
    period, now = token_id(Purpose.UNSUBSCRIBE, token), runtime.clock.now()
    with runtime.database.transaction() as session:
        told = tell_reason(session, period, LeavingReason(reason), now=now)
        standing = look_at_standing(session, period, now=now)
    return _page(standing, token, "told" if told else "look")


ACTIONS = {"leave": leave, "pause": pause, "resume": resume, "undo": undo_leaving}
BUTTONS = {
    "leave": words_shown.LEAVE,
    "pause": words_shown.PAUSE_INSTEAD,
    "resume": words_shown.RESUME,
    "undo": words_shown.UNDO,
}


def _page(standing: Standing, token: str, action: str) -> str:
    runtime = current_runtime()
    now, latest = runtime.clock.now(), None
    with runtime.database.reading() as session:
        comes = what_comes(session, [standing], now)
        still = what_else_comes(session, token_id(Purpose.UNSUBSCRIBE, token), now)
        if standing.active and standing.newsletter:
            latest = latest_specimen(session, standing.newsletter)
    return render_template(
        "site/unsubscribe.html",
        standing=standing,
        newsletter=standing.newsletter,
        action=action,
        token=token,
        why=runtime.ring.sign(Purpose.UNSUBSCRIBE, standing.why) if standing.why else None,
        reasons=REASONS,
        buttons=BUTTONS,
        undo=runtime.ring.sign(Purpose.UNDO, standing.undo) if standing.undo else None,
        comes=comes,
        still=still,
        latest=latest,
    )

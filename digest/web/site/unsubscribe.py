"""`/unsubscribe/<token>`: GET shows a button, POST leaves, at once and from anywhere (RFC 8058).

The token is all the proof that is needed: no cookie, no CSRF token, no redirect, repeatable.
"""

from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, abort, render_template, request
from sqlalchemy.orm import Session

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
from digest.web.site.coming import Coming, what_comes, what_else_comes
from digest.web.site.published import Specimen, latest_specimen
from digest.web.site.tokens import evidence_here, token_id

unsubscribe_pages = Blueprint("unsubscribe", __name__)


@unsubscribe_pages.get("/u/<token>")
@unsubscribe_pages.get("/unsubscribe/<token>")
def show(token: str) -> str:
    """Ask, and change nothing: mail scanners open every link."""
    runtime = current_runtime()
    period = token_id(Purpose.UNSUBSCRIBE, token)
    now = runtime.clock.now()
    with runtime.database.reading() as session:
        standing = look_at_standing(session, period, now=now)
        around = _look_around(session, period, standing, "look", now)
    return _page(standing, around, token, "look")


@unsubscribe_pages.post("/u/<token>")
@unsubscribe_pages.post("/unsubscribe/<token>")
def act(token: str) -> str:
    """Leave; or `action=pause`, `resume`, `why`; or `action=undo` with its own token in `undo`."""
    runtime = current_runtime()
    own = period = token_id(Purpose.UNSUBSCRIBE, token)
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
    return _after(standing, own, token, action, now)


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
    return _after(standing, period, token, "told" if told else "look", now)


ACTIONS = {"leave": leave, "pause": pause, "resume": resume, "undo": undo_leaving}
BUTTONS = {
    "leave": words_shown.LEAVE,
    "pause": words_shown.PAUSE_INSTEAD,
    "resume": words_shown.RESUME,
    "undo": words_shown.UNDO,
}


@dataclass(frozen=True)
class Around:
    """Which page it is, and what that one tells besides how the reader stands."""

    asking: bool
    paused: bool
    comes: list[Coming]
    still: list[str]
    latest: Specimen | None


def _look_around(
    session: Session, own: bytes, standing: Standing, action: str, now: datetime
) -> Around:
    asking = standing.active and action == "look"
    pausing = action in ("pause", "resume")
    paused = standing.active and pausing and standing.paused_until is not None
    back = standing.newsletter if standing.active and not asking and not paused else None
    return Around(
        asking,
        paused,
        comes=what_comes(session, [standing], now),
        still=[] if asking or back else what_else_comes(session, own, now),
        latest=latest_specimen(session, back) if back else None,
    )


def _after(standing: Standing, own: bytes, token: str, action: str, now: datetime) -> str:
    """Show the page when all is written: whatever goes wrong in it, what was done stays done."""
    with current_runtime().database.reading() as session:
        around = _look_around(session, own, standing, action, now)
    return _page(standing, around, token, action)


def _page(standing: Standing, around: Around, token: str, action: str) -> str:
    runtime = current_runtime()
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
        asking=around.asking,
        paused=around.paused,
        comes=around.comes,
        still=around.still,
        latest=around.latest,
    )

"""`/preferences/<token>`, in its first form: pause, come back, leave.

No cookie is used, so there is nothing for another site to ride on: the token in the address, which
only the mail holds, is the proof, for CSRF as well.
"""

from flask import Blueprint, abort, render_template, request

from digest.readers.leaving import leave
from digest.readers.pausing import pause, resume
from digest.readers.preferences import look_at_preferences, period_of_newsletter
from digest.tokens import Purpose
from digest.web.context import current_runtime
from digest.web.site.tokens import evidence_here, token_id

ACTIONS = {"leave": leave, "pause": pause, "resume": resume}

preferences_pages = Blueprint("preferences", __name__)


@preferences_pages.get("/preferences/<token>")
def show(token: str) -> str:
    """Show what the reader gets. Their address is not shown: mails are forwarded."""
    return _page(token, saved=False)


@preferences_pages.post("/preferences/<token>")
def act(token: str) -> str:
    """Pause, resume or leave one of the reader's newsletters."""
    runtime = current_runtime()
    own = token_id(Purpose.PREFERENCES, token)
    action = request.form.get("action", "")
    slug = request.form.get("newsletter", "")
    if action not in ACTIONS:
        abort(400)
    with runtime.database.transaction() as session:
        period = period_of_newsletter(session, own, slug)
        if period is not None:
            ACTIONS[action](session, period, evidence_here("preferences"), now=runtime.clock.now())
    return _page(token, saved=period is not None)


def _page(token: str, *, saved: bool) -> str:
    runtime = current_runtime()
    own = token_id(Purpose.PREFERENCES, token)
    with runtime.database.reading() as session:
        preferences = look_at_preferences(session, own, now=runtime.clock.now())
    standings = preferences.standings
    return render_template(
        "site/preferences.html",
        standings=standings,
        newsletter=standings[0].newsletter if standings else None,
        token=token,
        saved=saved,
    )

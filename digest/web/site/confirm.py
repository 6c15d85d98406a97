"""`/confirm/<token>`: GET shows a button, POST confirms, or mails a new link for one run out."""

from flask import Blueprint, render_template, request

from digest.readers.preferences.standing import standings_of_sign_up
from digest.readers.signing_up.confirming import (
    Confirmation,
    ConfirmState,
    ask_again,
    confirm,
    look_at_sign_up,
)
from digest.runtime import SEND_NOTICES
from digest.tokens import Purpose
from digest.web.context import current_runtime
from digest.web.site.coming import what_comes
from digest.web.site.published import latest_specimen
from digest.web.site.tokens import evidence_here, token_id

STATUS = {ConfirmState.UNKNOWN: 404, ConfirmState.BLOCKED: 403}

confirm_pages = Blueprint("confirm", __name__)


@confirm_pages.get("/c/<token>")
@confirm_pages.get("/confirm/<token>")
def show(token: str) -> tuple[str, int]:
    """Show what the link would do, and change nothing."""
    runtime = current_runtime()
    sign_up = token_id(Purpose.CONFIRM, token)
    with runtime.database.reading() as session:
        found = look_at_sign_up(session, sign_up, now=runtime.clock.now())
    return _page(found, token)


@confirm_pages.post("/c/<token>")
@confirm_pages.post("/confirm/<token>")
def act(token: str) -> tuple[str, int]:
    """Confirm; or, where the link has run out, mail a new one to the same address."""
    runtime = current_runtime()
    sign_up = token_id(Purpose.CONFIRM, token)
    now, evidence = runtime.clock.now(), evidence_here("confirmation link")
    if request.form.get("action") == "again":
        with runtime.database.transaction() as session:
            found = ask_again(session, sign_up, evidence, now=now, suppression=runtime.suppression)
        runtime.bell.ring(SEND_NOTICES)
        return _page(found, token, asked_again=True)
    with runtime.database.transaction() as session:
        found = confirm(session, sign_up, evidence, now=now, suppression=runtime.suppression)
    return _page(found, token)


def _page(found: Confirmation, token: str, *, asked_again: bool = False) -> tuple[str, int]:
    latest, comes, left = None, [], []
    first = found.newsletters[0] if found.newsletters else None
    if found.state is ConfirmState.CONFIRMED:
        now = current_runtime().clock.now()
        with current_runtime().database.reading() as session:
            standings = standings_of_sign_up(session, token_id(Purpose.CONFIRM, token), now)
            comes = what_comes(session, standings, now)
            left = [each.newsletter for each in standings if not each.active]
            first = next(each.newsletter for each in standings if each.active)
            latest = latest_specimen(session, first) if first else None
    page = render_template(
        "site/confirm.html",
        found=found,
        token=token,
        asked_again=asked_again and found.state is ConfirmState.EXPIRED,
        latest=latest,
        comes=comes,
        left=left,
        newsletter=first,
    )
    return page, STATUS.get(found.state, 200)

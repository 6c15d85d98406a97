"""`POST /api/v1/subscriptions`: a sign-up from a box on another site, or by a site's back end."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, jsonify, request

from digest.errors import FieldError
from digest.models import Scope
from digest.readers.consent.recording import Evidence
from digest.readers.signing_up.sign_up_form import InvalidSignUpError
from digest.web.api import bearer
from digest.web.api.reading import REQUIRED, json_object, unusable
from digest.web.context import current_runtime
from digest.web.evidence import printable
from digest.web.guarding import Ask
from digest.web.origins import declared, origin_of_page, share, undeclared
from digest.web.sign_ups import (
    problem_once_more,
    take_sign_up,
    withdraw_sign_up,
    withdrawal_token,
)
from digest.web.site.tokens import evidence_here

if TYPE_CHECKING:
    from digest.web.api.bodies import Wish

# The one word that the HTML form repeats stands here as a list.
LISTS = {"newsletter": "newsletters", "topic": "topics"}
NOT_YOURS = "Only a site's back end may say this, with its token: Authorization: Bearer …"
TITLE = "That sign-up cannot be taken"

subscription_api = Blueprint("subscription_api", __name__, url_prefix="/api/v1")
subscription_api.after_request(share)


@subscription_api.post("/subscriptions")
def post_subscription() -> Response:
    """Take a sign-up: 202, the same for every address. A mail asks the reader to confirm."""
    # Read in full before any transaction: a slow client must hold no lock.
    sent = request.get_data()
    by_back_end = "Authorization" in request.headers
    token_id = _check_token() if by_back_end else None
    if token_id is None and not declared(request.headers.get("Origin")):
        return undeclared(request.headers.get("Origin"))
    wish = _read(sent, by_back_end)
    if isinstance(wish, Response):
        return wish
    try:
        asked = take_sign_up(
            wish.sign_up_form(_evidence(wish, by_back_end)),
            token=wish.token or "",
            proof=wish.proof or "",
            vouched_by=token_id,
        )
    except InvalidSignUpError as invalid:
        return unusable(TITLE, [_as_sent(error) for error in invalid.errors])
    if isinstance(asked, Ask):
        return problem_once_more(asked)
    response = jsonify(
        email=asked.email,
        newsletters=[each.slug for each in asked.newsletters],
        withdrawal=withdrawal_token(asked),
    )
    response.status_code = 202
    response.headers["Cache-Control"] = "no-store"
    return response


@subscription_api.post("/withdrawals")
def post_withdrawal() -> Response:
    """Take a sign-up back, by the `withdrawal` that its answer held: 204, whatever it was worth."""
    # Late, here and below: pydantic takes 7 MB, and few sites send sign-ups so.
    from digest.web.api.bodies import Withdrawal, read_body

    given = json_object(request.get_data())
    if isinstance(given, Response):
        return given
    read = read_body(Withdrawal, given)
    if isinstance(read, list):
        return unusable("That sign-up cannot be taken back", read)
    withdraw_sign_up(read.withdrawal)
    return Response(status=204, headers={"Cache-Control": "no-store"})


def _as_sent(error: FieldError) -> FieldError:
    """Return the error by the name that its field has here."""
    name = LISTS.get(error.field, error.field)
    return FieldError(name, error.sentence, error.suggestion)


def _check_token() -> int:
    runtime = current_runtime()
    with runtime.database.transaction() as session:
        return bearer(session, Scope.SIGN_UPS, now=runtime.clock.now()).id


def _read(sent: bytes, by_back_end: bool) -> "Wish | Response":
    from digest.web.api.bodies import Wish, read_body

    given = json_object(sent)
    if isinstance(given, Response):
        return given
    read = read_body(Wish, given)
    errors = read if isinstance(read, list) else []
    named = {error.field for error in errors}
    errors += [error for error in _misplaced(given, by_back_end) if error.field not in named]
    if errors or not isinstance(read, Wish):
        return unusable(TITLE, errors)
    return read


def _misplaced(given: dict[str, Any], by_back_end: bool) -> list[FieldError]:
    """A back end has to pass the reader's ip on, for limits count by it; nobody else may."""
    if by_back_end:
        return [FieldError("ip", REQUIRED)] if given.get("ip") is None else []
    told = [name for name in ("ip", "user_agent") if given.get(name) is not None]
    return [FieldError(name, NOT_YOURS) for name in told]


def _evidence(wish: "Wish", by_back_end: bool) -> Evidence:
    if by_back_end:
        return Evidence(
            ip=wish.ip,
            user_agent=printable(wish.user_agent or ""),
            page_url=wish.page_url,
            form=wish.form,
        )
    evidence = evidence_here(wish.form)
    # A browser tells other sites only its page's origin. The page itself may say more, of itself.
    if wish.page_url and origin_of_page(wish.page_url) == request.headers.get("Origin"):
        return replace(evidence, page_url=wish.page_url)
    return evidence

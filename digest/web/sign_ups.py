"""A sign-up as it comes in by the web: by the form, in a frame, through the API."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from flask import Response, current_app, make_response, render_template, request

from digest.errors import FieldError
from digest.models import Newsletter
from digest.readers.consent.recording import Evidence
from digest.readers.signing_up.sign_up_form import SignUpForm
from digest.readers.signing_up.submitting import Asked, sign_up
from digest.readers.signing_up.typed_address import TypedAddress
from digest.readers.signing_up.withdrawing import withdraw
from digest.runtime import SEND_NOTICES
from digest.tokens import Purpose
from digest.web.asked_page import asked_page, render_asked
from digest.web.context import current_runtime
from digest.web.errors import problem, wants_json
from digest.web.evidence import site_of
from digest.web.guarding import PROOF, TOKEN, Ask, Attempt, guard
from digest.web.guarding.form_tokens import kept_token
from digest.web.masthead import masthead_of

# The confirmations that an address gets in a day are counted over so long.
A_DAY = timedelta(days=1)
WITHDRAWAL = "withdrawal"
# No more mails than this go to an address in a day.
MOST_WITHDRAWN = 3
OFF = frozenset({"", "0", "false", "no", "off"})


def take_posted_form(form: SignUpForm) -> Asked | Ask:
    """Take a sign-up by an HTML form, with what that shows of itself. As `take_sign_up`."""
    return take_sign_up(form, token=request.form.get(TOKEN, ""), proof=request.form.get(PROOF, ""))


def take_sign_up(
    form: SignUpForm, *, token: str, proof: str, vouched_by: int | None = None
) -> Asked | Ask:
    """Take a sign-up, and ring for its mail. Whoever the address belongs to, all is the same.

    Or return what has to be sent along with it once more; nothing was written then. `vouched_by`:
    the id of the token by which a site's own back end sent it.

    Raises:
        InvalidSignUpError: the form cannot be accepted; nothing was written.
        TooManyRequests: too many came from its network, for its address, or from everywhere.
    """
    runtime = current_runtime()
    address = None if isinstance(form.address, FieldError) else form.address
    ask = guard(Attempt(address, form.evidence.ip, token=token, proof=proof, vouched_by=vouched_by))
    if ask is not None:
        return ask
    with runtime.database.bare_transaction() as connection:
        asked = sign_up(
            connection,
            form,
            now=runtime.clock.now(),
            suppression=runtime.suppression,
            relay=runtime.settings.relay.name,
        )
    runtime.bell.ring(SEND_NOTICES)
    return asked


def withdrawal_token(asked: Asked) -> str:
    """Return what takes the sign-up back: for the page about it alone, whoever has the address."""
    return current_runtime().ring.sign(Purpose.WITHDRAWAL, asked.sign_up)


def withdraw_sign_up(token: str) -> None:
    """Take a sign-up back.

    Raises:
        BadTokenError: no page of ours held that token.
    """
    runtime = current_runtime()
    sign_up_id = runtime.ring.read(Purpose.WITHDRAWAL, token).id
    with runtime.database.transaction() as session:
        withdraw(session, sign_up_id, now=runtime.clock.now(), suppression=runtime.suppression)


def withdrawal_tokens(asked: Asked) -> list[str]:
    """Return those of all that the page about a sign-up has asked for: it may be pressed again."""
    return [*request.form.getlist(WITHDRAWAL)[-MOST_WITHDRAWN:], withdrawal_token(asked)]


def withdrawn_here() -> bool:
    """Take back what a page about a sign-up asked for, if this is what was pressed there."""
    if request.form.get("action") != "withdraw":
        return False
    for token in request.form.getlist(WITHDRAWAL)[-MOST_WITHDRAWN - 1 :]:
        withdraw_sign_up(token)
    return True


def ask_once_more(form: SignUpForm, ask: Ask, here: str) -> Response:
    """Hold the fields, and ask for the button to be pressed; `here` takes them."""
    if wants_json():
        return problem_once_more(ask)
    page = render_template("site/once_more.html", form=form, ask=ask, here=here)
    response = make_response(page, 403)
    response.headers["Cache-Control"] = "no-store"
    return response


def show_asked(
    asked: Asked,
    form: SignUpForm,
    here: str,
    *,
    page: str | None = None,
    newsletter: Newsletter | None = None,
) -> str:
    """Say that a link was sent, or sent again, and when one can be once more.

    The page itself knows when it was sent first: asked of our books, the answer would tell whether
    the address is known. `page` and `newsletter`: as `asked_page`.
    """
    now = current_runtime().clock.now()
    first = _sent_before(request.form.get("sent", ""), now)
    withdrawals = withdrawal_tokens(asked)
    if first is None:
        sent = int(now.timestamp())
        return asked_page(
            asked, form, here, sent=sent, withdrawals=withdrawals, page=page, newsletter=newsletter
        )
    return render_asked(
        asked,
        form,
        here,
        again_from=first + A_DAY,
        withdrawals=withdrawals,
        token=kept_token(),
        page=page,
        newsletter=newsletter,
    )


def _sent_before(given: str, now: datetime) -> datetime | None:
    if not (given.isascii() and given.isdigit() and len(given) <= 10):
        return None
    first = datetime.fromtimestamp(int(given), UTC)
    return first if now - A_DAY < first <= now else None


def problem_once_more(ask: Ask) -> Response:
    """Say the same to a program."""
    response = problem(
        403,
        "Once more, please",
        "Send the same fields again with this token"
        + (", and with the challenge’s solution as proof." if ask.challenge else "."),
        token=ask.token,
        challenge=json.loads(ask.challenge) if ask.challenge else None,
    )
    response.headers["Cache-Control"] = "no-store"
    return response


def told_in_form(errors: Sequence[FieldError]) -> dict[str, object]:
    """Return what the templates with the form tell: `instead` is the address that was meant."""
    return {
        "errors": errors,
        "sentences": {error.field: error.sentence for error in errors},
        "instead": next((each.suggestion for each in errors if each.suggestion), None),
    }


def read_address() -> TypedAddress:
    """Return the address that was typed; where what we offered instead was pressed, that."""
    fields = request.form
    instead = fields.get("instead", "")
    return TypedAddress(
        email=instead or fields.get("email", ""),
        sure="" if "instead" in fields else fields.get("sure", ""),
        reserved=current_runtime().settings.reserved_names,
    )


def read_form(evidence: Evidence) -> SignUpForm:
    """Return the fields of the HTML form that was sent."""
    fields, typed = request.form, read_address()
    return SignUpForm(
        email=typed.email,
        sure=typed.sure,
        reserved=typed.reserved,
        newsletters=tuple(fields.getlist("newsletter")),
        topics=tuple(fields.getlist("topic")),
        name=fields.get("name", ""),
        consent=fields.get("consent", "").strip().lower() not in OFF,
        wording=fields.get("wording", "").strip(),
        website=fields.get("website", ""),
        site=signed_up_at(evidence),
        evidence=evidence,
    )


def signed_up_at(evidence: Evidence) -> str:
    """Return the host to tell the reader that they signed up at."""
    return site_of(
        evidence.page_url,
        own_url=current_runtime().settings.public_url,
        paper_host=masthead_of(current_app).get().site_host,
    )

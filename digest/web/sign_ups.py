"""A sign-up as it comes in by the web: by the form, in a frame, through the API."""

from flask import current_app, request

from digest.readers.consent import Evidence
from digest.readers.sign_up_form import SignUpForm
from digest.readers.signing_up import Asked, sign_up
from digest.runtime import SEND_NOTICES
from digest.web.context import current_runtime
from digest.web.evidence import site_of
from digest.web.limiting import check_sign_up_limit
from digest.web.masthead import masthead_of

OFF = frozenset({"", "0", "false", "no", "off"})


def take_sign_up(form: SignUpForm) -> Asked:
    """Take a sign-up, and ring for its mail. Whoever the address belongs to, all is the same.

    Raises:
        InvalidSignUpError: the form cannot be accepted; nothing was written.
        TooManyRequests: its network signed up too often.
    """
    runtime = current_runtime()
    check_sign_up_limit(form.evidence.ip)
    with runtime.database.transaction() as session:
        asked = sign_up(session, form, now=runtime.clock.now(), suppression=runtime.suppression)
    runtime.bell.ring(SEND_NOTICES)
    return asked


def read_form(evidence: Evidence) -> SignUpForm:
    """Return the fields of the HTML form that was sent."""
    fields = request.form
    return SignUpForm(
        email=fields.get("email", ""),
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

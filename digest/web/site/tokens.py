"""What the pages behind a reader's link have in common."""

from flask import request

from digest.readers.consent.recording import Evidence
from digest.tokens import Purpose
from digest.web.context import current_runtime
from digest.web.evidence import evidence_of


def token_id(purpose: Purpose, text: str) -> bytes:
    """Return the id that a link's token speaks for. Raises BadTokenError, which has its page."""
    return current_runtime().ring.read(purpose, text).id


def evidence_here(form: str | None = None) -> Evidence:
    """Return the evidence of the request that is being answered."""
    return evidence_of(request, current_runtime().settings.trusted_proxies, form=form)

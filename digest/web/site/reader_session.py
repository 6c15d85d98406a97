"""The cookie of a reader's session, and the proof that a form came from the page it belongs to.

The preferences work without a cookie, in the window of a mail program too: there the proof is
bound to the link alone. Within a session it is bound to the session's secret as well, which
whoever was forwarded the link does not have.
"""

import hashlib
import hmac
from datetime import datetime, timedelta

from flask import Response, request

from digest.readers.preferences.fresh_links import SESSION_LASTS
from digest.tokens import ID_BYTES, BadTokenError, Purpose
from digest.web.context import current_runtime

COOKIE = "digest_reader"
PATH = "/preferences"
PAGE_LASTS = timedelta(hours=12)


def session_secret() -> str | None:
    """Return what the reader's cookie says; it may be stale, or anything."""
    return request.cookies.get(COOKIE)


def give_cookie(response: Response, secret: str) -> None:
    """Let the browser keep the session's secret: no script, no other site, no other path."""
    response.set_cookie(
        COOKIE,
        secret,
        max_age=SESSION_LASTS,
        path=f"{current_runtime().settings.public_path}{PATH}",
        secure=current_runtime().settings.public_url.startswith("https://"),
        httponly=True,
        samesite="Strict",
    )


def take_cookie(response: Response) -> None:
    """Let the browser forget the session."""
    response.delete_cookie(
        COOKIE,
        path=f"{current_runtime().settings.public_path}{PATH}",
        secure=current_runtime().settings.public_url.startswith("https://"),
        httponly=True,
        samesite="Strict",
    )


def page_proof(token_id: bytes, now: datetime) -> str:
    """Return the proof for the forms of a page that is shown now."""
    until = int((now + PAGE_LASTS).timestamp())
    return current_runtime().ring.sign(Purpose.PAGE, _bound_to(token_id), until)


def proof_is_good(token_id: bytes, now: datetime) -> bool:
    """Tell whether the form that was sent came from that page, lately, in this session."""
    try:
        proof = current_runtime().ring.read(Purpose.PAGE, request.form.get("proof", ""))
    except BadTokenError:
        return False
    return proof.number > now.timestamp() and hmac.compare_digest(proof.id, _bound_to(token_id))


def _bound_to(token_id: bytes) -> bytes:
    secret = (session_secret() or "").encode()
    return hashlib.sha256(token_id + secret).digest()[:ID_BYTES]

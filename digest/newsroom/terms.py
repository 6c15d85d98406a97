"""Publishing the words that readers agree to. A version is never changed: it is evidence."""

import re
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from digest.errors import FieldError, RefusedError
from digest.models import Terms, Wording
from digest.newsroom.intake.sanitising import one_line

DEFAULT_LABEL = "I have read and agree to the [terms & conditions]"
BODY_AT_MOST = 200_000
LABEL_AT_MOST = 300


def publish_terms(
    session: Session, body: str, now: datetime, label: str = DEFAULT_LABEL
) -> tuple[Terms, Wording]:
    """Publish the next version of the terms (Markdown), and the sentence beside the checkbox.

    `label` has the link's words between square brackets. Publishing the same words again changes
    nothing.

    Raises:
        FieldError: `body` or `label` cannot be used.
        RefusedError: somebody else published at the same moment.
    """
    body, label = _checked_body(body), _checked_label(label)
    wording = current_wording(session)
    if wording is not None and (wording.terms.body, wording.label) == (body, label):
        return wording.terms, wording
    version = (session.scalar(select(func.max(Terms.version))) or 0) + 1
    number = (wording.number if wording else 0) + 1
    try:
        with session.begin_nested():
            terms = Terms(version=version, body=body, published_at=now)
            wording = Wording(number=number, label=label, terms=terms, created_at=now)
            session.add_all([terms, wording])
    except IntegrityError:
        raise RefusedError(
            "Somebody else published terms at the same moment. Read them, then try again."
        ) from None
    return terms, wording


def current_wording(session: Session) -> Wording | None:
    """Return the words that stand beside the checkbox now; None before the first were published."""
    return session.scalar(select(Wording).order_by(Wording.number.desc()).limit(1))


def _checked_body(body: str) -> str:
    body = body.replace("\r\n", "\n").strip()
    if not body:
        raise FieldError("body", "The terms are empty.")
    if len(body) > BODY_AT_MOST:
        raise FieldError("body", f"The terms are longer than {BODY_AT_MOST:,} characters.")
    if "\x00" in body:
        raise FieldError("body", "This is not a text file.")
    return body + "\n"


def _checked_label(label: str) -> str:
    label = one_line(label)
    if not re.fullmatch(r"[^\[\]]*\[[^\[\]]*\w[^\[\]]*\][^\[\]]*", label):
        raise FieldError("label", "Put the words of the link in square brackets, once.")
    if len(label) > LABEL_AT_MOST:
        raise FieldError("label", f"The sentence is at most {LABEL_AT_MOST} characters.")
    return label

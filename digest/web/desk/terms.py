"""Terms and the sentence beside the checkbox: a new version, after its changes were looked at."""

import hashlib

from flask import Response, redirect, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response as AnyResponse

from digest.desk.audit import record
from digest.errors import FieldError, RefusedError
from digest.models import Role, Terms, Wording
from digest.newsroom.changed_words import Passage, changed_words
from digest.newsroom.terms import BODY_AT_MOST, DEFAULT_LABEL, current_wording, publish_terms
from digest.web.context import current_runtime
from digest.web.desk.signed_in import actor, desk, desk_blueprint, moment_here, show

# Any script, percent-encoded.
LARGEST_FORM = 12 * BODY_AT_MOST
LONGEST_LABEL = 1000

terms_pages = desk_blueprint("desk_terms", __name__, largest_form=LARGEST_FORM, role=Role.OWNER)


@terms_pages.get("/terms")
def show_terms() -> Response:
    """Show the words that stand, earlier versions, and a form for the next."""
    return _shown()


@terms_pages.post("/terms")
def take() -> AnyResponse:
    """Show what changes; and publish what was shown, if that is what was pressed."""
    body = request.form.get("body", "").replace("\r\n", "\n")
    label = request.form.get("label", "")[:LONGEST_LABEL]
    if request.form.get("action") != "publish":
        return _shown(typed=(body, label), look=True)
    try:
        with current_runtime().database.transaction() as session:
            stands = current_wording(session)
            if request.form.get("seen") != _stamp(body, label, stands):
                raise FieldError(
                    "changes", "This is not what you looked at. Here is what changes now."
                )
            if stands and (stands.terms.body.strip(), stands.label) == (body.strip(), label):
                raise FieldError("body", "These words stand already.")
            published, _ = publish_terms(session, body, desk().now, label)
            who, table = actor(session), Terms.__tablename__
            fields = ("body", "label")
            record(
                session, who, "terms publish", table, published.id, now=desk().now, fields=fields
            )
            version = published.version
    except FieldError as error:
        return _shown((error,), typed=(body, label), look=True)
    except RefusedError as error:
        return _shown((FieldError("body", str(error)),), typed=(body, label), look=True)
    return redirect(url_for("desk_terms.show_terms", published=version), 303)


def _stamp(body: str, label: str, stands: Wording | None) -> str:
    """Return what changes with what is to be published, and with what it is compared to."""
    seen = f"{stands.number if stands else 0}\n{label}\n{body}"
    return hashlib.sha256(seen.encode("utf-8", "replace")).hexdigest()[:16]


def _shown(
    errors: tuple[FieldError, ...] = (),
    *,
    typed: tuple[str, str] | None = None,
    look: bool = False,
) -> Response:
    with current_runtime().database.reading() as session:
        stands = current_wording(session)
        versions = session.execute(
            select(Terms.version, Terms.published_at, Wording.number, Wording.label)
            .join(Wording, Wording.terms_id == Terms.id)
            .where(Wording.number > 0)
            .order_by(Wording.number.desc())
        ).all()
    now_stands = (stands.terms.body, stands.label) if stands else ("", DEFAULT_LABEL)
    body, label = typed or now_stands
    passages: list[Passage] = []
    if look:
        shown = f"{label}\n\n{body.strip()}"
        before = f"{now_stands[1]}\n\n{now_stands[0].strip()}" if stands else ""
        passages = changed_words(before, shown[: 2 * BODY_AT_MOST])
    published = request.args.get("published", "")
    return show(
        "terms.html",
        422 if errors else 200,
        errors=errors,
        versions=versions,
        body=body,
        label=label,
        look=look,
        passages=passages,
        same=look and all(passage.unchanged for passage in passages),
        seen=_stamp(body, label, stands),
        done=f"Version {published} is published." if published.isdecimal() else "",
        at=moment_here,
    )

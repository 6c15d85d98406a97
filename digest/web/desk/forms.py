"""Forms on the publisher's sites: what each brought, and the code to paste for another."""

from flask import Response, request
from sqlalchemy import select

from digest.errors import FieldError
from digest.models import Newsletter, Role
from digest.newsroom.terms import current_wording
from digest.readers.signing_up.by_form import EVENTS_AT_MOST, sign_ups_by_form
from digest.settings.values import origin_of
from digest.web.boxes import Variant
from digest.web.context import current_runtime
from digest.web.desk.signed_in import desk_blueprint, moment_here, show
from digest.web.evidence import FORM_NAME

form_pages = desk_blueprint("desk_forms", __name__, role=Role.OWNER)


@form_pages.get("/forms")
def show_forms() -> Response:
    """Show sign-ups by form; and the code of a form of that name, where one was asked for."""
    runtime = current_runtime()
    with runtime.database.reading() as session:
        newsletters = session.scalars(
            select(Newsletter).where(Newsletter.retired_at.is_(None)).order_by(Newsletter.id)
        ).all()
        wording = current_wording(session)
        counts = sign_ups_by_form(session)
    asked = request.args.get("newsletter")
    chosen = [each for each in newsletters if each.slug == asked] or newsletters[:1]
    variants = [each.value for each in Variant]
    variant = request.args.get("variant", "")
    name = request.args.get("name", "").strip()
    errors: tuple[FieldError, ...] = ()
    if name and not FORM_NAME.fullmatch(name):
        sentence = "Use at most 60 letters, digits, spaces, dots, hyphens and underscores."
        errors = (FieldError("name", sentence),)
    return show(
        "forms.html",
        422 if errors else 200,
        errors=errors,
        newsletters=newsletters,
        choices=[(each.slug, each.name) for each in newsletters],
        newsletter=chosen[0] if chosen and wording else None,
        wording=wording,
        counts=counts,
        events=EVENTS_AT_MOST,
        variants=[(each, each.capitalize()) for each in variants],
        variant=variant if variant in variants else variants[0],
        name=name,
        form_name=name if name and not errors else "article foot",
        home=runtime.settings.public_url,
        origin=origin_of(runtime.settings.public_url),
        at=moment_here,
    )

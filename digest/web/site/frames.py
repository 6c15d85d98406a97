"""`/embed/<newsletter>`: the sign-up box as a page for an iframe. It needs no script."""

from dataclasses import replace
from typing import Any

from flask import Blueprint, make_response, render_template, request, url_for
from flask.typing import ResponseReturnValue

from digest.errors import FieldError
from digest.readers.consent.recording import Evidence
from digest.readers.signing_up.sign_up_form import InvalidSignUpError, SignUpForm
from digest.settings.values import origin_of
from digest.web.boxes import SignUpBox, Variant, find_box
from digest.web.context import current_runtime
from digest.web.evidence import page_address
from digest.web.guarding import Ask
from digest.web.origins import declared, origin_of_page
from digest.web.sign_ups import (
    ask_once_more,
    read_form,
    show_asked,
    take_posted_form,
    told_in_form,
    withdrawn_here,
)
from digest.web.site.tokens import evidence_here

frame_pages = Blueprint("frames", __name__)

# What stands in the address: how the box looks and what it asks for.
ADDRESS = ("variant", "topic", "form", "scheme")


@frame_pages.get("/embed/<slug>")
def show_frame(slug: str) -> ResponseReturnValue:
    """Show a newsletter's box; `variant`, `topic` and `form` as the element has them."""
    box = _find(slug)
    form = SignUpForm(topics=(box.topic,) if box.topic else ())
    return _page(box, form, host=page_address(request.headers.get("Referer", "")))


@frame_pages.post("/embed/<slug>")
def sign_up_in_frame(slug: str) -> ResponseReturnValue:
    """Take a sign-up, and answer within the frame."""
    box = _find(slug)
    form = read_form(_evidence())
    if withdrawn_here():
        return _page(box, form, host=request.form.get("page"), withdrawn=True)
    try:
        asked = take_posted_form(form)
    except InvalidSignUpError as invalid:
        return _page(box, invalid.again(form), invalid.errors, host=request.form.get("page"))
    if isinstance(asked, Ask):
        return ask_once_more(form, asked, here=_here(slug))
    page = show_asked(
        asked, form, _here(slug), newsletter=box.newsletter, page=request.form.get("page")
    )
    return _kept_by_nobody(page, 200)


def _find(slug: str) -> SignUpBox:
    variant = request.args.get("variant") or Variant.CARD
    with current_runtime().database.reading() as session:
        return find_box(session, slug, variant, request.args.get("topic"))


def _page(
    box: SignUpBox,
    form: SignUpForm,
    errors: tuple[FieldError, ...] = (),
    *,
    host: str | None,
    withdrawn: bool = False,
) -> ResponseReturnValue:
    page = render_template(
        "site/frame.html",
        box=box,
        newsletter=box.newsletter,
        form=form,
        form_name=request.args.get("form") or box.variant,
        **told_in_form(errors),
        withdrawn=withdrawn,
        here=_here(box.newsletter.slug),
        host=host,
    )
    return _kept_by_nobody(page, 422 if errors else 200)


def _here(slug: str) -> str:
    given: dict[str, Any] = {name: request.args[name] for name in ADDRESS if request.args.get(name)}
    return url_for("frames.sign_up_in_frame", slug=slug, **given)


def _kept_by_nobody(page: str, status: int) -> ResponseReturnValue:
    response = make_response(page, status)
    response.headers["Cache-Control"] = "no-store"
    return response


def _evidence() -> Evidence:
    """The page that holds the frame is where the form stood, as the frame was told when it came.

    Only our own frame may say so: a browser always tells where a POST comes from.
    """
    evidence = evidence_here(request.form.get("form"))
    host = page_address(request.form.get("page", ""))
    own = request.headers.get("Origin") == origin_of(current_runtime().settings.public_url)
    if own and declared(origin_of_page(host)):
        return replace(evidence, page_url=host)
    return evidence

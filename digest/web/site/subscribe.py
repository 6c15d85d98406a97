"""`/` and `/subscribe`: the newsletters, and the form. It works from any other site as well."""

from dataclasses import dataclass, replace

from flask import Blueprint, Response, make_response, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from digest.errors import FieldError
from digest.models import Newsletter, Wording
from digest.newsroom.terms import current_wording
from digest.readers.consent.recording import Evidence
from digest.readers.signing_up.sign_up_form import SLUG, InvalidSignUpError, SignUpForm
from digest.web.context import current_runtime
from digest.web.errors import problem, told, wants_json
from digest.web.evidence import page_address
from digest.web.guarding import Ask
from digest.web.paging import Page, page_of
from digest.web.sign_ups import (
    ask_once_more,
    read_form,
    show_asked,
    take_posted_form,
    told_in_form,
    withdrawn_here,
)
from digest.web.site.published import IssueRow, Specimen, issue_rows, latest_specimen
from digest.web.site.tokens import evidence_here

RECENT = 5
# Newsletters of which one may choose several: on a page.
CHOICES = 50

subscribe_pages = Blueprint("subscribe", __name__)


@dataclass(frozen=True)
class SignUpPage:
    """The words and pictures around the form.

    `newsletters`: those that were asked for, and those that stand on the `page` of all others.
    """

    newsletters: tuple[Newsletter, ...]
    page: Page[Newsletter]
    wording: Wording | None
    specimen: Specimen | None
    recent: tuple[IssueRow, ...]


@subscribe_pages.get("/")
def home() -> str:
    """Show the newsletters, with the form."""
    return _form_page(SignUpForm())


@subscribe_pages.get("/subscribe")
def show_form() -> str:
    """Show the form of one newsletter, `?newsletter=<slug>`, or of all."""
    slugs = tuple(request.args.getlist("newsletter"))
    return _form_page(SignUpForm(newsletters=slugs))


@subscribe_pages.post("/subscribe")
def subscribe() -> Response | tuple[str, int]:
    """Take a sign-up. Whoever the address belongs to, the answer is the same."""
    form = read_form(_evidence())
    if withdrawn_here():
        return _kept_by_nobody(_form_page(form, withdrawn=True))
    try:
        asked = take_posted_form(form)
        if isinstance(asked, Ask):
            return ask_once_more(form, asked, here=url_for("subscribe.subscribe"))
    except InvalidSignUpError as invalid:
        return _invalid(form, invalid)
    here = url_for("subscribe.subscribe")
    return _kept_by_nobody(show_asked(asked, form, here))


def _kept_by_nobody(page: str, status: int = 200) -> Response:
    response = make_response(page, status)
    response.headers["Cache-Control"] = "no-store"
    return response


def _evidence() -> Evidence:
    evidence = evidence_here(request.form.get("form"))
    page = page_address(request.form.get("page", ""))
    if page and evidence.page_url == f"{current_runtime().settings.public_url}/subscribe":
        # Our page in between passes on which one the reader came from: told by the same browser.
        return replace(evidence, page_url=page)
    return evidence


def _invalid(form: SignUpForm, invalid: InvalidSignUpError) -> Response | tuple[str, int]:
    if wants_json():
        errors = [told(each) for each in invalid.errors]
        return problem(422, "There is a problem", str(invalid), errors=errors)
    return _kept_by_nobody(_form_page(invalid.again(form), invalid.errors), 422)


def _form_page(
    form: SignUpForm, errors: tuple[FieldError, ...] = (), *, withdrawn: bool = False
) -> str:
    with current_runtime().database.reading() as session:
        page = _read_page(session, form.newsletters)
    single = len(page.newsletters) == 1 and (page.page.number == 1 or bool(form.newsletters))
    template = "site/sign_up.html" if single or not page.newsletters else "site/newsletters.html"
    return render_template(
        template,
        page=page,
        newsletter=page.newsletters[0] if page.newsletters else None,
        form=form,
        withdrawn=withdrawn,
        **told_in_form(errors),
        now=current_runtime().clock.now(),
    )


def _read_page(session: Session, slugs: tuple[str, ...]) -> SignUpPage:
    in_use = select(Newsletter).where(Newsletter.retired_at.is_(None)).order_by(Newsletter.id)
    # Whatever else was sent cannot be one, and no database need be asked.
    meant = [slug for slug in slugs if SLUG.fullmatch(slug)][:CHOICES]
    asked = tuple(session.scalars(in_use.where(Newsletter.slug.in_(meant))))
    others = in_use.where(Newsletter.id.not_in([each.id for each in asked]))
    page = page_of(
        lambda most, first: session.scalars(others.offset(first).limit(most)).all(), CHOICES
    )
    shown = asked if len(asked) == 1 else (*asked, *page.rows)
    first = shown[0] if len(shown) == 1 else None
    return SignUpPage(
        newsletters=shown,
        page=page,
        wording=current_wording(session),
        specimen=latest_specimen(session, first) if first else None,
        recent=issue_rows(session, first, limit=RECENT) if first else (),
    )

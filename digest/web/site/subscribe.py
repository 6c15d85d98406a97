"""`/` and `/subscribe`: the newsletters, and the form. It works from any other site as well."""

import json
from dataclasses import dataclass, replace

from flask import Blueprint, Response, current_app, make_response, render_template, request
from sqlalchemy import select
from sqlalchemy.orm import Session

from digest.errors import FieldError
from digest.models import Newsletter, Wording
from digest.readers.sign_up_form import InvalidSignUpError, SignUpForm
from digest.readers.signing_up import sign_up
from digest.runtime import SEND_NOTICES
from digest.web.context import current_runtime
from digest.web.errors import problem, wants_json
from digest.web.evidence import printable_page, site_of
from digest.web.guarding import Ask, Attempt, guard
from digest.web.masthead import masthead_of
from digest.web.site.published import IssueRow, Specimen, issue_rows, latest_specimen
from digest.web.site.tokens import evidence_here

RECENT = 5
OFF = frozenset({"", "0", "false", "no", "off"})

subscribe_pages = Blueprint("subscribe", __name__)


@dataclass(frozen=True)
class SignUpPage:
    """The words and pictures around the form."""

    newsletters: tuple[Newsletter, ...]
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
    runtime = current_runtime()
    form = _read_form()
    try:
        ask = guard(_attempt(form))
        if ask is not None:
            return _asked_once_more(form, ask)
        with runtime.database.transaction() as session:
            asked = sign_up(session, form, now=runtime.clock.now(), suppression=runtime.suppression)
    except InvalidSignUpError as invalid:
        return _invalid(form, invalid)
    runtime.bell.ring(SEND_NOTICES)
    response = make_response(render_template("site/asked.html", asked=asked, form=form))
    response.headers["Cache-Control"] = "no-store"
    return response


def _attempt(form: SignUpForm) -> Attempt:
    fields = request.form
    return Attempt(
        email=form.email,
        ip=form.evidence.ip,
        token=fields.get("token", ""),
        proof=fields.get("proof", ""),
    )


def _asked_once_more(form: SignUpForm, ask: Ask) -> Response:
    """Hold the fields, and ask for the button to be pressed: nothing was written yet."""
    if wants_json():
        response = problem(
            403,
            "Once more, please",
            "Send the same fields again with this token"
            + (", and with the challenge’s solution as proof." if ask.challenge else "."),
            token=ask.token,
            challenge=json.loads(ask.challenge) if ask.challenge else None,
        )
    else:
        page = render_template("site/once_more.html", form=form, ask=ask)
        response = make_response(page, 403)
    response.headers["Cache-Control"] = "no-store"
    return response


def _read_form() -> SignUpForm:
    fields = request.form
    evidence = evidence_here(fields.get("form"))
    if _is_ours(evidence.page_url) and (page := printable_page(fields.get("page", ""))):
        # Our page in between passes on which one the reader came from: told by the same browser.
        evidence = replace(evidence, page_url=page)
    return SignUpForm(
        email=fields.get("email", ""),
        newsletters=tuple(fields.getlist("newsletter")),
        topics=tuple(fields.getlist("topic")),
        name=fields.get("name", ""),
        consent=fields.get("consent", "").strip().lower() not in OFF,
        wording=fields.get("wording", "").strip(),
        website=fields.get("website", ""),
        site=site_of(
            evidence.page_url,
            own_url=current_runtime().settings.public_url,
            paper_host=masthead_of(current_app).get().site_host,
        ),
        evidence=evidence,
    )


def _is_ours(page: str | None) -> bool:
    return page == f"{current_runtime().settings.public_url}/subscribe"


def _invalid(form: SignUpForm, invalid: InvalidSignUpError) -> Response | tuple[str, int]:
    if wants_json():
        errors = [{"field": each.field, "detail": each.sentence} for each in invalid.errors]
        return problem(422, "There is a problem", str(invalid), errors=errors)
    if any(error.field == "wording" for error in invalid.errors):
        # The words have changed since: what was ticked was not what stands there now.
        form = replace(form, consent=False)
    response = make_response(_form_page(form, invalid.errors), 422)
    response.headers["Cache-Control"] = "no-store"
    return response


def _form_page(form: SignUpForm, errors: tuple[FieldError, ...] = ()) -> str:
    with current_runtime().database.reading() as session:
        page = _read_page(session, form.newsletters)
    sentences = {error.field: error.sentence for error in errors}
    single = len(page.newsletters) == 1
    template = "site/sign_up.html" if single or not page.newsletters else "site/newsletters.html"
    return render_template(
        template,
        page=page,
        newsletter=page.newsletters[0] if page.newsletters else None,
        form=form,
        errors=errors,
        sentences=sentences,
        now=current_runtime().clock.now(),
    )


def _read_page(session: Session, slugs: tuple[str, ...]) -> SignUpPage:
    all_ = tuple(
        session.scalars(
            select(Newsletter).where(Newsletter.retired_at.is_(None)).order_by(Newsletter.id)
        )
    )
    asked = tuple(newsletter for newsletter in all_ if newsletter.slug in slugs)
    shown = asked if len(asked) == 1 else all_
    first = shown[0] if len(shown) == 1 else None
    return SignUpPage(
        newsletters=shown,
        wording=session.scalar(select(Wording).order_by(Wording.number.desc()).limit(1)),
        specimen=latest_specimen(session, first) if first else None,
        recent=issue_rows(session, first, limit=RECENT) if first else (),
    )

"""`/issues/…`: the archive, and "Read online", with no token in it."""

from flask import Blueprint, abort, make_response, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from digest.models import Newsletter
from digest.newsroom.terms import current_wording
from digest.readers.signing_up.sign_up_form import SLUG
from digest.web.assets import A_MINUTE
from digest.web.context import current_runtime
from digest.web.paging import page_of
from digest.web.site.published import (
    Withdrawn,
    find_issue,
    issue_rows,
    latest_specimen,
)

A_PAGE = 100
SHELVES = 20
LARGEST = 2**31 - 1

issue_pages = Blueprint("issues", __name__)


@issue_pages.get("/issues/")
def all_newsletters() -> ResponseReturnValue:
    """Show each newsletter with its newest headlines; where there is one, all of its issues."""
    with current_runtime().database.reading() as session:
        in_use = select(Newsletter).where(Newsletter.retired_at.is_(None)).order_by(Newsletter.id)
        page = page_of(
            lambda most, first: session.scalars(in_use.offset(first).limit(most)).all(), SHELVES
        )
        shelves = [(each, issue_rows(session, each, limit=3)) for each in page.rows]
    if page.number == len(shelves) == 1:
        return one_newsletter(shelves[0][0].slug)
    return _kept(render_template("site/shelves.html", shelves=shelves, page=page))


@issue_pages.get("/issues/<slug>/")
def one_newsletter(slug: str) -> ResponseReturnValue:
    """Show a newsletter's issues, the latest in full; `?before=<number>` for older ones."""
    before = asked_before()
    with current_runtime().database.reading() as session:
        newsletter = find_newsletter(session, slug)
        latest = latest_specimen(session, newsletter) if before is None else None
        rows = issue_rows(session, newsletter, limit=A_PAGE + 1, before=before)
    return _kept(
        render_template(
            "site/archive.html",
            newsletter=newsletter,
            latest=latest,
            before=before,
            rows=rows[:A_PAGE],
            more=rows[A_PAGE - 1].number if len(rows) > A_PAGE else None,
            now=current_runtime().clock.now(),
        )
    )


@issue_pages.get("/issues/<slug>/<int:number>")
def one_issue(slug: str, number: int) -> ResponseReturnValue:
    """Show an issue as it went out."""
    if number > LARGEST:
        abort(404)
    with current_runtime().database.reading() as session:
        newsletter = find_newsletter(session, slug)
        found = find_issue(session, newsletter, number)
        wording = current_wording(session)
    if found is None:
        abort(404)
    if isinstance(found, Withdrawn):
        page = render_template("site/withdrawn.html", newsletter=newsletter, found=found)
        return make_response(page, 410)
    return _kept(
        render_template("site/issue.html", newsletter=newsletter, specimen=found, wording=wording)
    )


def asked_before() -> int | None:
    """Return before which number issues are asked for; nonsense is no page of ours."""
    before = request.args.get("before", type=int)
    if before is not None and not 0 < before <= LARGEST:
        abort(404)
    return before


def find_newsletter(session: Session, slug: str) -> Newsletter:
    """Return the newsletter that an address names; what is none is no page of ours."""
    # A retired newsletter's issues stay: links in old mails lead to them.
    newsletter = None
    if SLUG.fullmatch(slug):
        newsletter = session.scalar(select(Newsletter).where(Newsletter.slug == slug))
    if newsletter is None:
        abort(404)
    return newsletter


def _kept(page: str) -> ResponseReturnValue:
    response = make_response(page)
    response.headers["Cache-Control"] = A_MINUTE
    return response

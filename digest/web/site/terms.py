"""`/terms/<version>`: the words agreed to, for ever. `/privacy`: the publisher's notice."""

from flask import Blueprint, Response, abort, current_app, redirect, render_template
from sqlalchemy import select
from werkzeug.wrappers import Response as AnyResponse

from digest import zones
from digest.models import Newsletter, Publication, Terms
from digest.web.context import current_runtime
from digest.web.masthead import masthead_of

LARGEST = 2**31 - 1

terms_pages = Blueprint("terms", __name__)


@terms_pages.get("/terms/<int:version>")
def show_terms(version: int) -> str:
    """Show one version, whether or not it is the current one."""
    if version > LARGEST:
        abort(404)
    with current_runtime().database.reading() as session:
        terms = session.scalar(select(Terms).where(Terms.version == version))
    if terms is None:
        abort(404)
    return _page(terms)


@terms_pages.get("/terms/")
def newest_terms() -> str:
    """Show the current version."""
    with current_runtime().database.reading() as session:
        terms = session.scalar(select(Terms).order_by(Terms.version.desc()).limit(1))
    if terms is None:
        abort(404)
    return _page(terms)


def _page(terms: Terms) -> str:
    first = masthead_of(current_app).get().first
    published_on = zones.local_date(terms.published_at, first.zone if first else "UTC")
    return render_template("site/terms.html", terms=terms, published_on=published_on)


@terms_pages.get("/privacy")
def privacy() -> str | AnyResponse | Response:
    """Show the privacy notice, or lead to it."""
    with current_runtime().database.reading() as session:
        publication = session.get(Publication, 1)
        counted = session.scalars(
            select(Newsletter).where(Newsletter.count_clicks).order_by(Newsletter.id)
        ).all()
    if publication is not None and publication.privacy_url:
        return redirect(publication.privacy_url, 302)
    return render_template("site/privacy.html", publication=publication, counted=counted)

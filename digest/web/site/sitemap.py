"""What search engines may read: a sitemap for each newsletter, and the list of them.

By the protocol of sitemaps.org, read 2026-12-01: at most 50,000 addresses in each file.
"""

from collections.abc import Iterable
from datetime import datetime
from xml.etree import ElementTree as ET

from flask import Blueprint, Response
from sqlalchemy import func, select

from digest.models import AFTER_FREEZE, Correction, Issue, Newsletter, Terms
from digest.web.assets import kept_a_minute
from digest.web.context import current_runtime
from digest.web.links import absolute
from digest.web.site.atom import moment
from digest.web.site.issues import find_newsletter

SITEMAPS = "http://www.sitemaps.org/schemas/sitemap/0.9"
AT_MOST = 50_000

sitemap_pages = Blueprint("sitemap", __name__)

Page = tuple[str, datetime | None]
_OUT = (Issue.state.in_(AFTER_FREEZE), Issue.number.is_not(None))


@sitemap_pages.get("/robots.txt")
def robots() -> Response:
    """Name the sitemap. What nobody may list says so itself, which a robot must be let in to read.

    Robots ask for it at the root of a host only (RFC 9309 2.3).
    """
    words = f"User-agent: *\nDisallow:\n\nSitemap: {absolute('sitemap.sitemaps')}\n"
    return kept_a_minute(Response(words, content_type="text/plain; charset=utf-8"))


@sitemap_pages.get("/sitemap.xml")
def sitemaps() -> Response:
    """List the sitemaps, with when each newsletter last had an issue."""
    newest = (
        select(Newsletter.slug, func.max(Issue.frozen_at))
        .join(Issue, Issue.newsletter_id == Newsletter.id)
        .where(*_OUT)
        .group_by(Newsletter.id, Newsletter.slug)
        .order_by(Newsletter.id)
        .limit(AT_MOST - 1)
    )
    with current_runtime().database.reading() as session:
        found = session.execute(newest).all()
    pages: list[Page] = [(absolute("sitemap.sitemap_of_site"), None)]
    pages += [(absolute("sitemap.sitemap_of_issues", slug=slug), at) for slug, at in found]
    return _answer("sitemapindex", "sitemap", pages)


@sitemap_pages.get("/sitemap-site.xml")
def sitemap_of_site() -> Response:
    """List the pages that belong to no newsletter."""
    with current_runtime().database.reading() as session:
        newest = select(Terms.version, Terms.published_at).order_by(Terms.version.desc()).limit(1)
        terms = session.execute(newest).first()
    pages: list[Page] = [
        (absolute("subscribe.home"), None),
        (absolute("issues.all_newsletters"), None),
    ]
    if terms is not None:
        pages.append((absolute("terms.show_terms", version=terms.version), terms.published_at))
        pages.append((absolute("terms.privacy"), None))
    return _answer("urlset", "url", pages)


@sitemap_pages.get("/issues/<slug>/sitemap.xml")
def sitemap_of_issues(slug: str) -> Response:
    """List a newsletter's issues, the newest first, with when each last changed."""
    corrected = (
        select(func.max(Correction.at)).where(Correction.issue_id == Issue.id).scalar_subquery()
    )
    with current_runtime().database.reading() as session:
        newsletter = find_newsletter(session, slug)
        issues = session.execute(
            select(Issue.number, func.coalesce(corrected, Issue.frozen_at))
            .where(Issue.newsletter_id == newsletter.id, *_OUT)
            .order_by(Issue.number.desc())
            .limit(AT_MOST - 1)
        ).all()
    pages: list[Page] = [(absolute("issues.one_newsletter", slug=slug), None)]
    pages += [
        (absolute("issues.one_issue", slug=slug, number=number), changed)
        for number, changed in issues
    ]
    return _answer("urlset", "url", pages)


def _answer(root: str, item: str, pages: Iterable[Page]) -> Response:
    whole = ET.Element(root, {"xmlns": SITEMAPS})
    for address, changed in pages:
        page = ET.SubElement(whole, item)
        ET.SubElement(page, "loc").text = address
        if changed is not None:
            ET.SubElement(page, "lastmod").text = moment(changed)
    content = ET.tostring(whole, encoding="utf-8", xml_declaration=True)
    return kept_a_minute(Response(content, content_type="application/xml; charset=utf-8"))

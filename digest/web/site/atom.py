"""A newsletter's issues as a feed, in full: Atom (RFC 4287), in pages (RFC 5005 section 3).

It knows no reader: its addresses hold no token, and its stories' links lead to the stories.
"""

import re
from datetime import datetime
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

from flask import Blueprint, Response, abort, render_template

from digest.models import Newsletter, Publication
from digest.prose import curly
from digest.settings.values import origin_of
from digest.web.assets import kept_a_minute
from digest.web.context import current_runtime
from digest.web.links import absolute
from digest.web.site.issues import asked_before, find_newsletter
from digest.web.site.published import Specimen, specimens

A_PAGE = 20
ATOM = "http://www.w3.org/2005/Atom"
XML = "http://www.w3.org/XML/1998/namespace"
TYPE = "application/atom+xml"
# XML 1.0 has no way to write them (2.2).
UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")

atom_pages = Blueprint("atom", __name__)

ET.register_namespace("", ATOM)


@atom_pages.get("/issues/<slug>.atom")
def show_feed(slug: str) -> Response:
    """Answer with the newest issues in full; `?before=<number>` for older ones."""
    before = asked_before()
    url = current_runtime().settings.public_url
    with current_runtime().database.reading() as session:
        newsletter = find_newsletter(session, slug)
        paper = session.get(Publication, 1)
        found = specimens(session, newsletter, limit=A_PAGE + 1, before=before, public_url=url)
    if paper is None:
        abort(404)
    feed = _feed(newsletter, paper, found[:A_PAGE], before)
    if len(found) > A_PAGE:
        older = found[A_PAGE - 1].number
        _link(feed, "next", absolute("atom.show_feed", slug=slug, before=older), TYPE)
    content = ET.tostring(feed, encoding="utf-8", xml_declaration=True)
    response = Response(content, content_type=f"{TYPE}; charset=utf-8")
    return kept_a_minute(response)


def _feed(
    newsletter: Newsletter, paper: Publication, issues: tuple[Specimen, ...], before: int | None
) -> ET.Element:
    feed = ET.Element(f"{{{ATOM}}}feed", {f"{{{XML}}}lang": newsletter.language})
    _text(feed, "id", _tag(newsletter))
    _text(feed, "title", curly(newsletter.name))
    _text(feed, "subtitle", curly(newsletter.promise))
    last = max((each.updated_at for each in issues), default=newsletter.created_at)
    _text(feed, "updated", moment(last))
    _link(feed, "self", absolute("atom.show_feed", slug=newsletter.slug, before=before), TYPE)
    _link(feed, "alternate", absolute("issues.one_newsletter", slug=newsletter.slug), "text/html")
    author = ET.SubElement(feed, f"{{{ATOM}}}author")
    _text(author, "name", newsletter.editor_name or paper.name)
    if paper.mark:
        _text(feed, "icon", absolute("media.picture", hash_=paper.mark))
    for each in issues:
        feed.append(_entry(newsletter, each))
    return feed


def _entry(newsletter: Newsletter, issue: Specimen) -> ET.Element:
    entry = ET.Element(f"{{{ATOM}}}entry")
    _text(entry, "id", f"{_tag(newsletter)}/issue/{issue.number}")
    _text(entry, "title", curly(issue.view.subject))
    _text(entry, "published", moment(issue.published_at))
    _text(entry, "updated", moment(issue.updated_at))
    there = absolute("issues.one_issue", slug=newsletter.slug, number=issue.number)
    _link(entry, "alternate", there, "text/html")
    for section in dict.fromkeys(each.section for each in issue.view.stories if each.section):
        ET.SubElement(entry, f"{{{ATOM}}}category", {"term": _written(section)})
    _text(entry, "summary", curly(issue.view.preheader))
    content = render_template(
        "site/issue_in_feed.html", newsletter=newsletter, issue=issue.view, specimen=issue
    )
    _text(entry, "content", content, type="html")
    return entry


def _tag(newsletter: Newsletter) -> str:
    """Name it for good (RFC 4151): by the row, for a newsletter may be given another slug."""
    host = urlsplit(origin_of(current_runtime().settings.public_url)).hostname or ""
    return f"tag:{host.strip('[]')},{newsletter.created_at:%Y-%m-%d}:newsletter/{newsletter.id}"


def _link(parent: ET.Element, rel: str, href: str, kind: str) -> None:
    ET.SubElement(parent, f"{{{ATOM}}}link", {"rel": rel, "href": href, "type": kind})


def _text(parent: ET.Element, name: str, text: str, **attributes: str) -> None:
    ET.SubElement(parent, f"{{{ATOM}}}{name}", attributes).text = _written(text)


def _written(text: str) -> str:
    return UNWRITABLE.sub("", text)


def moment(at: datetime) -> str:
    """Write a moment, UTC, as RFC 4287 and sitemaps do."""
    # RFC 4287 3.3: RFC 3339, with a capital T and Z.
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")

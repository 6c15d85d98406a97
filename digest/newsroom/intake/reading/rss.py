"""RSS 0.9x, 1.0 and 2.0: which element says what. The first that says something counts."""

from itertools import chain

from digest.newsroom.intake.reading.atom import alternates
from digest.newsroom.intake.reading.constructs import atom_html, rss_content, rss_html, rss_plain
from digest.newsroom.intake.reading.declared_pictures import declared_pictures
from digest.newsroom.intake.reading.elements import Element, joined
from digest.newsroom.intake.reading.entries import Entry
from digest.newsroom.intake.reading.full_text import is_full_text
from digest.newsroom.intake.reading.sections import Category

AT_MOST = 50

TITLES = ("title", "dc:title", "itunes:title", "atom:title", "media:title")
SUMMARIES = ("description", "dc:description", "summary", "itunes:summary", "itunes:subtitle")
CONTENTS = ("content:encoded", "encoded", "fullitem", "content", "xhtml:body", "body")
AUTHORS = ("author", "dc:creator", "creator", "itunes:author", "atom:author")
DATES = (
    *("pubdate", "dc:date", "dcterms:issued", "dcterms:created", "published", "atom:published"),
    *("prism:publicationdate", "date", "updated", "atom:updated", "dcterms:modified"),
)
CATEGORIES = (
    *("category", "slash:section", "dc:subject", "atom:category", "media:category"),
    *("media:keywords", "itunes:keywords", "keywords"),
)


def rss_title(channel: Element) -> str:
    """Return a feed's title as plain text."""
    return next((text for child in channel.all("title") if (text := rss_plain(child))), "")


def rss_entry(item: Element) -> Entry:
    """Return what an item says."""
    title = next((text for child in item.all(*TITLES) if (text := rss_plain(child))), "")
    body = next((child for child in item.all(*CONTENTS) if child.has_markup or child.text), None)
    content = _content(body) if body else _atom(item, "atom:content")
    media = (text for text in (_media_description(item),) if text)
    summaries = chain(
        (rss_html(child) for child in item.all(*SUMMARIES)), (_atom(item, "atom:summary"),), media
    )
    summary = next(filter(None, summaries), "")
    return Entry(
        title=title,
        links=_links(item),
        guid=item.one("guid")
        or item.get("rdf:about")
        or item.one("dc:identifier", "atom:id", "id"),
        summary=summary,
        content=content,
        base=body.base if body else (item.first("description") or item).base,
        authors=_authors(item),
        categories=_categories(item),
        dates=tuple(text for child in item.all(*DATES)[:AT_MOST] if (text := child.text)),
        declared=declared_pictures(item, title),
        may_be_whole=not content and is_full_text(summary),
    )


def _content(element: Element) -> str:
    is_html = element.name in {"content:encoded", "encoded", "fullitem"}
    return rss_content(element) if is_html or element.has_markup else rss_html(element)


def _atom(item: Element, name: str) -> str:
    element = item.first(name)
    return atom_html(element) if element else ""


def _media_description(item: Element) -> str:
    groups = [item, *item.all("media:group"), *item.all("media:content")]
    found = (child for group in groups for child in group.all("media:description"))
    return next((text for child in found if (text := rss_html(child))), "")


def _links(item: Element) -> tuple[str, ...]:
    found = [joined(link.base, link.text) for link in item.all("link") if not link.get("href")]
    found += alternates(item, "link")
    for guid in item.all("guid"):
        # It is an address unless it says that it is none (RSS 2.0, <guid>).
        if guid.get("ispermalink").lower() != "false":
            found.append(joined("", guid.text))
    found += alternates(item, "atom:link")
    found.append(joined("", item.get("rdf:about")))
    return tuple(dict.fromkeys(filter(None, found[:AT_MOST])))


def _authors(item: Element) -> tuple[tuple[str, ...], ...]:
    groups = []
    for name in AUTHORS:
        named = [
            rss_plain(child.first("name", "atom:name") or child)
            for child in item.all(name)[:AT_MOST]
        ]
        groups.append(tuple(filter(None, named)))
    return tuple(filter(None, groups))


def _categories(item: Element) -> tuple[Category, ...]:
    found = []
    for child in item.all(*CATEGORIES)[:AT_MOST]:
        text = child.get("label") or child.get("term") or rss_plain(child)
        scheme = child.get("domain") or child.get("scheme")
        is_tag = scheme.lower().rstrip("/").endswith("tag")
        found.append(Category(text, "post_tag" if is_tag else child.name))
    return tuple(found)

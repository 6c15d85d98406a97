"""Atom 0.3 and 1.0 (RFC 4287): which element says what. The first that says something counts."""

from digest.newsroom.intake.reading.constructs import HTML_TYPES, XHTML_TYPES, atom_html, atom_plain
from digest.newsroom.intake.reading.declared_pictures import declared_pictures
from digest.newsroom.intake.reading.elements import Element, joined
from digest.newsroom.intake.reading.entries import Entry
from digest.newsroom.intake.reading.sections import Category

AT_MOST = 50

ALTERNATE = {"", "alternate", "http://www.iana.org/assignments/relation/alternate"}
WEB_PAGES = HTML_TYPES | XHTML_TYPES
TITLES = ("title", "dc:title", "media:title")
SUMMARIES = ("summary", "dc:description", "subtitle", "media:description")
DATES = (
    *("published", "issued", "created", "dcterms:issued", "dcterms:created", "dc:date"),
    *("pubdate", "updated", "modified", "dcterms:modified"),
)
CATEGORIES = ("category", "dc:subject", "media:category", "media:keywords")


def atom_title(feed: Element) -> str:
    """Return a feed's title as plain text."""
    return next((text for child in feed.all("title") if (text := atom_plain(child))), "")


def atom_entry(entry: Element, feed: Element) -> Entry:
    """Return what an entry says, or what the feed says for all of its entries."""
    title = next((text for child in entry.all(*TITLES) if (text := atom_plain(child))), "")
    contents = entry.all("content", "content:encoded")
    content = next(((html, child) for child in contents if (html := _html(child)).strip()), None)
    groups = [entry, *entry.all("media:group")]
    summaries = (atom_html(child) for group in groups for child in group.all(*SUMMARIES))
    return Entry(
        title=title,
        links=_links(entry),
        guid=entry.one("id", "dc:identifier"),
        summary=next(filter(None, summaries), ""),
        content=content[0] if content else "",
        base=content[1].base if content else (entry.first("summary") or entry).base,
        authors=_authors(entry, feed),
        categories=_categories(entry),
        dates=tuple(text for child in entry.all(*DATES)[:AT_MOST] if (text := child.text)),
        declared=declared_pictures(entry, title),
    )


def alternates(entry: Element, name: str) -> list[str]:
    """Return the pages that an entry is an image of, web pages first (RFC 4287, 4.2.7.2)."""
    links = [
        link
        for link in entry.all(name)[:AT_MOST]
        if link.get("href") and link.get("rel").lower() in ALTERNATE
    ]
    links.sort(key=_is_no_page)
    return [joined(link.base, link.get("href")) for link in links]


def _is_no_page(link: Element) -> int:
    kind = link.get("type").lower().partition(";")[0].strip()
    return 0 if kind in WEB_PAGES else 1 if not kind else 2


def _html(content: Element) -> str:
    if content.name == "content:encoded" and not content.has_markup:
        return content.text
    return atom_html(content)


def _links(entry: Element) -> tuple[str, ...]:
    found = alternates(entry, "link")
    for content in entry.all("content"):
        # Content that is elsewhere (RFC 4287, section 4.1.3.2).
        if content.get("type").lower() in WEB_PAGES:
            found.append(joined(content.base, content.get("src")))
    # Some give no link, and an id that is one. Text in a link is no Atom, but seen.
    found += [joined(link.base, link.text) for link in entry.all("link") if not link.get("href")]
    found += [joined("", element.text) for element in entry.all("id")]
    return tuple(dict.fromkeys(filter(None, found)))


def _authors(entry: Element, feed: Element) -> tuple[tuple[str, ...], ...]:
    """The entry's own, then its source's, then the feed's (RFC 4287, section 4.2.1)."""
    source = entry.first("source")
    groups = [
        _names(entry.all("author")),
        tuple(child.text for child in entry.all("dc:creator")[:AT_MOST]),
        _names(source.all("author")) if source else (),
        _names(feed.all("author")),
    ]
    return tuple(group for group in groups if any(group))


def _names(authors: list[Element]) -> tuple[str, ...]:
    names = []
    for author in authors[:AT_MOST]:
        has_parts = author.first("name", "email", "uri") is not None
        names.append(author.one("name") if has_parts else author.text)
    return tuple(filter(None, names))


def _categories(entry: Element) -> tuple[Category, ...]:
    found = []
    for child in entry.all(*CATEGORIES)[:AT_MOST]:
        text = child.get("label") or child.get("term") or child.text
        is_tag = child.get("scheme").lower().rstrip("/").endswith("tag")
        found.append(Category(text, "post_tag" if is_tag else child.name))
    return tuple(found)

"""The pictures that an entry declares, as against those within its text."""

from collections.abc import Iterator

from digest.newsroom.intake.reading.constructs import HTML_TYPES
from digest.newsroom.intake.reading.elements import Element, joined
from digest.newsroom.intake.reading.markup import plain
from digest.newsroom.intake.reading.picture_candidates import Declared

AT_MOST = 50
ALT_AT_MOST = 300
IMAGES = ("itunes:image", "image", "thumbnail", "post-thumbnail", "featuredimage")


def declared_pictures(entry: Element, title: str) -> tuple[Declared, ...]:
    """Return what may be an entry's picture. `title` is the entry's: it tells of no picture."""
    found = [
        *_media(entry, title),
        *_enclosures(entry),
        *(picture for element in entry.all(*IMAGES) if (picture := _image(element))),
    ]
    return tuple(found[:AT_MOST])


def _media(entry: Element, title: str) -> Iterator[Declared]:
    """Media RSS: contents and thumbnails, in groups or not; what is said above holds below."""
    said = _said(entry, title)
    yield from _contents(entry, title, said)
    for group in entry.all("media:group")[:AT_MOST]:
        yield from _contents(group, title, _said(group, title) or said)


def _contents(element: Element, title: str, said: str) -> Iterator[Declared]:
    for content in element.all("media:content")[:AT_MOST]:
        own = _said(content, title) or said
        kind = content.get("type") or content.get("medium")
        if picture := _picture(content, content.get("url"), kind, own):
            yield picture
        yield from _thumbnails(content, own)
    yield from _thumbnails(element, said)


def _thumbnails(element: Element, said: str) -> Iterator[Declared]:
    for thumbnail in element.all("media:thumbnail")[:AT_MOST]:
        url = thumbnail.get("url") or thumbnail.text
        if picture := _picture(thumbnail, url, "", said):
            yield picture


def _said(element: Element, title: str) -> str:
    """Return the caption of what is in an element; the entry's own title is none."""
    for name in ("media:title", "media:description"):
        for child in element.all(name):
            is_html = child.get("type").lower() in HTML_TYPES or child.has_markup
            text = child.markup if child.has_markup else child.text
            said = plain(text, ALT_AT_MOST) if is_html else " ".join(text.split())[:ALT_AT_MOST]
            if said and said != title:
                return said
    return ""


def _enclosures(entry: Element) -> Iterator[Declared]:
    for enclosure in entry.all("enclosure")[:AT_MOST]:
        url = enclosure.get("url") or enclosure.get("href") or enclosure.text
        if picture := _picture(enclosure, url, enclosure.get("type"), ""):
            yield picture
    for link in entry.all("link", "atom:link")[:AT_MOST]:
        if link.get("rel").lower() == "enclosure":
            picture = _picture(
                link, link.get("href"), link.get("type"), link.get("title"), "enclosure"
            )
            if picture:
                yield picture


def _image(element: Element) -> Declared | None:
    given = (element.get(name) for name in ("href", "url", "src", "rdf:resource"))
    url = next(filter(None, given), "") or element.one("url", "href", "link") or element.text
    return _picture(element, url, "", element.get("alt") or element.one("title"))


def _picture(element: Element, url: str, kind: str, alt: str, origin: str = "") -> Declared | None:
    absolute = joined(element.base, url)
    if not absolute:
        return None
    return Declared(
        url=absolute,
        alt=alt,
        kind=kind.lower(),
        width=_size(element.get("width")),
        height=_size(element.get("height")),
        origin=origin or element.name,
    )


def _size(text: str) -> int | None:
    text = text.removesuffix("px")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else None

"""JSON Feed 1.0 and 1.1 (jsonfeed.org/version/1.1). What is odd is dropped, and not the feed."""

import json
import re
from collections.abc import Iterable
from typing import Any

from digest.newsroom.intake.reading.constructs import paragraphs
from digest.newsroom.intake.reading.elements import ENTRIES_AT_MOST, joined
from digest.newsroom.intake.reading.entries import Entry, Read
from digest.newsroom.intake.reading.lines import FORBIDDEN
from digest.newsroom.intake.reading.oddities import (
    DATE_NO_TEXT,
    NO_OBJECT,
    ODD_AUTHORS,
    ODD_TAGS,
    Oddities,
)
from digest.newsroom.intake.reading.picture_candidates import Declared
from digest.newsroom.intake.reading.sections import Category

AT_MOST = 50
TEXT_AT_MOST = 1_000
DIGITS_AT_MOST = 20
VERSION = re.compile(r"jsonfeed\.org/version/(\d)(?:\.(\d))?")

Json = Any


def read_json(text: str, url: str) -> Read | None:
    """Read a feed that came from `url`; None where it is no feed."""
    try:
        # Without a bound, Python takes quadratic time for long numbers, or refuses them.
        feed = json.loads(text, strict=False, parse_int=_number)
    except (ValueError, RecursionError):
        return None
    if not isinstance(feed, dict) or not isinstance(feed.get("items"), list):
        return None
    items = feed["items"]
    odd = Oddities()
    authors = _authors(feed, Oddities())
    entries = [_entry(item, url, authors, odd) for item in items[:ENTRIES_AT_MOST]]
    oddities = list(odd.sentences())
    if len(items) > ENTRIES_AT_MOST:
        oddities.append(
            f"The feed is longer than we read; we stop after {ENTRIES_AT_MOST} entries."
        )
    return Read(
        kind=_kind(_text(feed.get("version"))),
        title=_line(feed.get("title")),
        entries=tuple(entry for entry in entries if entry is not None),
        dropped=entries.count(None),
        oddities=tuple(oddities),
    )


def _kind(version: str) -> str:
    found = VERSION.search(version)
    return f"JSON Feed {found[1]}.{found[2] or 0}" if found else "JSON Feed"


def _number(digits: str) -> int | str:
    return int(digits) if len(digits) <= DIGITS_AT_MOST else digits


def _entry(item: Json, url: str, inherited: tuple[str, ...], odd: Oddities) -> Entry | None:
    if not isinstance(item, dict):
        odd.note(NO_OBJECT)
        return None
    dates = [item.get("date_published"), item.get("date_modified")]
    if any(date is not None and not isinstance(date, str) for date in dates):
        odd.note(DATE_NO_TEXT)
    html, text = _text(item.get("content_html")), _text(item.get("content_text"))
    authors = _authors(item, odd)
    links = (_address(item.get(key), url) for key in ("url", "external_url"))
    return Entry(
        title=_line(item.get("title")),
        # An id is best the address itself, and in some feeds the only one.
        links=tuple(filter(None, (*links, joined("", _text(item.get("id")))))),
        guid=_text(item.get("id")).strip(),
        summary=paragraphs(_text(item.get("summary"))),
        content=html if html.strip() else paragraphs(text),
        base=url,
        authors=tuple(filter(None, (authors, inherited))),
        categories=_categories(item.get("tags"), odd),
        dates=tuple(text for date in dates if (text := _text(date).strip())),
        declared=tuple(_pictures(item, url)),
    )


def _text(value: Json) -> str:
    """Return text, or a number as text; "" for what is neither."""
    if isinstance(value, str):
        return FORBIDDEN.sub("", value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return ""


def _address(value: Json, base: str) -> str:
    return joined(base, value) if isinstance(value, str) else ""


def _line(value: Json) -> str:
    return " ".join(_text(value).split())[:TEXT_AT_MOST]


def _authors(holder: dict[str, Json], odd: Oddities) -> tuple[str, ...]:
    """Return the names of `authors` (1.1) or `author` (1.0)."""
    given = holder.get("authors") or holder.get("author")
    if not isinstance(given, list):
        is_old = isinstance(given, dict) and given is holder.get("author")
        if given and not is_old:
            odd.note(ODD_AUTHORS)
        given = [given]
    names = [author.get("name") if isinstance(author, dict) else author for author in given]
    return tuple(filter(None, map(_line, names[:AT_MOST])))


def _categories(given: Json, odd: Oddities) -> tuple[Category, ...]:
    if given and not isinstance(given, list):
        odd.note(ODD_TAGS)
        given = [given]
    tags: Iterable[Json] = (given or [])[:AT_MOST]
    names = (tag.get("name") if isinstance(tag, dict) else tag for tag in tags)
    return tuple(Category(name, "category") for name in map(_line, names) if name)


def _pictures(item: dict[str, Json], url: str) -> Iterable[Declared]:
    for key in ("image", "banner_image"):
        given = item.get(key)
        given = given.get("url") if isinstance(given, dict) else given
        if address := _address(given, url):
            yield Declared(url=address, origin=key)
    attachments = item.get("attachments")
    for attachment in attachments[:AT_MOST] if isinstance(attachments, list) else ():
        if not isinstance(attachment, dict):
            continue
        if address := _address(attachment.get("url"), url):
            kind, title = _text(attachment.get("mime_type")), _line(attachment.get("title"))
            yield Declared(url=address, alt=title, kind=kind.lower(), origin="enclosure")

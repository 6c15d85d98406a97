"""A sample: a small feed, and what an editor should see of it; and the frames that feeds share."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
URL = "https://halyard.example/feed.xml"
# The first article's page; the others are PAGE + "2" and so on.
PAGE = "https://halyard.example/a/"
DATE = "<pubDate>Mon, 02 Nov 2026 09:00:00 GMT</pubDate>"
UPDATED = "<updated>2026-11-02T09:00:00Z</updated>"
PUBLISHED_AT = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
NAMESPACES = (
    ' xmlns:content="http://purl.org/rss/1.0/modules/content/"'
    ' xmlns:dc="http://purl.org/dc/elements/1.1/"'
    ' xmlns:media="http://search.yahoo.com/mrss/"'
    ' xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd"'
    ' xmlns:atom="http://www.w3.org/2005/Atom"'
)


@dataclass(frozen=True)
class Wanted:
    """An article as it should come in. A `frozenset` holds values that are right alike.

    `minutes` says whether a reading time may be told at all; None where the sample is not about it.
    """

    title: str = "The bridge"
    link: str = f"{PAGE}1"
    published: datetime | frozenset[datetime | None] | None = PUBLISHED_AT
    byline: str | None = None
    section: str | None = None
    topics: tuple[str, ...] = ()
    picture: str | frozenset[str | None] | None = None
    alt: str = ""
    standfirst: str | frozenset[str] = ""
    minutes: bool | None = None


@dataclass(frozen=True)
class Sample:
    """A feed, the point that it is about, and what should come in; `others` stay out.

    `may` are pages whose entries may come in or stay out. A refused feed gives a FeedError.
    """

    name: str
    point: str
    content: bytes
    wanted: tuple[Wanted, ...] = ()
    others: int = 0
    may: tuple[str, ...] = ()
    url: str = URL
    charset: str | None = None
    refused: bool = False


def rss(*items: str, head: str = "", namespaces: str = NAMESPACES) -> bytes:
    """Return an RSS 2.0 feed in UTF-8, without an XML declaration."""
    return (
        f'<rss version="2.0"{namespaces}><channel><title>The Halyard</title>'
        f"<link>https://halyard.example/</link><description>News of the port</description>"
        f"{head}{''.join(items)}</channel></rss>"
    ).encode()


def item(within: str = "", *, title: str = "The bridge", number: int = 1, date: str = DATE) -> str:
    """Return an RSS item; `title` and `within` are XML."""
    return f"<item><title>{title}</title><link>{PAGE}{number}</link>{date}{within}</item>"


def atom(*entries: str, head: str = "", root: str = "") -> bytes:
    """Return an Atom 1.0 feed in UTF-8."""
    return (
        f'<feed xmlns="http://www.w3.org/2005/Atom"'
        f' xmlns:media="http://search.yahoo.com/mrss/"{root}>'
        f"<title>The Halyard</title><id>tag:halyard.example,2026:feed</id>{UPDATED}"
        f"{head}{''.join(entries)}</feed>"
    ).encode()


def entry(
    within: str = "",
    *,
    title: str = "<title>The bridge</title>",
    number: int = 1,
    link: str | None = None,
    date: str = UPDATED,
) -> str:
    """Return an Atom entry; `title` and `link` are whole elements."""
    link = f'<link href="{PAGE}{number}"/>' if link is None else link
    return f"<entry>{title}<id>tag:halyard.example,2026:{number}</id>{link}{date}{within}</entry>"


def json_feed(*items: Any, version: str = "https://jsonfeed.org/version/1.1", **head: Any) -> bytes:
    """Return a JSON Feed."""
    feed = {"version": version, "title": "The Halyard", **head, "items": items}
    return json.dumps(feed, ensure_ascii=False).encode()


def json_item(number: int = 1, **fields: Any) -> dict[str, Any]:
    """Return an item of a JSON Feed; fields that are given as None are left out."""
    given = {
        "id": f"tag:halyard.example,2026:{number}",
        "url": f"{PAGE}{number}",
        "title": "The bridge",
        "date_published": "2026-11-02T09:00:00Z",
        **fields,
    }
    return {name: value for name, value in given.items() if value is not None}

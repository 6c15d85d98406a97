"""Feeds: from bytes to articles. RSS, Atom, RDF and JSON Feed, read by fastfeedparser."""

import html
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urljoin

import fastfeedparser
import nh3

from digest.newsroom.intake.feed_text import ENTRY, NO_FEED, STRANGE, FeedError, feed_text
from digest.newsroom.intake.given_articles import NewArticle, is_plausible
from digest.newsroom.intake.sanitising import MARKUP_AT_MOST, SCHEMES, canonical_url, plain_text

__all__ = ["READER_VERSION", "Feed", "FeedError", "read_feed"]

# Raised whenever the same bytes would be read differently.
READER_VERSION = 1

ENTRIES_KEPT = 200
STANDFIRST_AT_MOST = 1000
# A summary longer than this is the piece itself: its first paragraph says what it is about.
SUMMARY_AT_MOST = 600
# Narrower ones are icons, and pixels that count readers.
IMAGE_AT_LEAST = 100

BASE = re.compile(r"""\sxml:base\s*=\s*["']([^"'<>]{1,2000})["']""")
# The parser takes a GUID for the date where there is none, and 7 for the 7th of this month.
GUID = re.compile(r"(<guid\b[^<>]*>(?:\s*<!\[CDATA\[)?\s*)(?=[^\s<])(?!https?://)", re.IGNORECASE)
GUID_MARK = "guid:"
PARAGRAPH = re.compile(r"<p\b[^>]{0,1000}>(.{1,20000}?)</p>", re.IGNORECASE | re.DOTALL)
IMAGE_NAME = re.compile(r"\.(jpe?g|png|webp|avif|gif)([?#].*)?$", re.IGNORECASE)
IMG = re.compile(r"<img ([^>]*)>")
ATTRIBUTE = re.compile(r'(\w+)="([^"]*)"')
ADDRESS = re.compile(r"[^\s@]+@[^\s@]+")
ADDRESS_WITH_NAME = re.compile(r"[^\s@]+@[^\s@]+\s+\((.+)\)")
# What WordPress adds to a summary.
APPEARED_FIRST = re.compile(r"\s*The post .{1,400} appeared first on .{1,200}$")
CUT_OFF = re.compile(
    r"\s*(\[(…|\.\.\.)\]|(…|\.\.\.)?\s*(Continue reading|Read more)\b.{0,300})\s*$"
)
NO_SECTION = {"uncategorized", "uncategorised"}

# The parser is small and takes much for granted, of JSON Feeds above all.
PARSER_FAILS = (ValueError, TypeError, AttributeError, LookupError, ArithmeticError, RecursionError)


@dataclass(frozen=True)
class Feed:
    """A feed that was read. `unusable` entries have no title, or no page on the web."""

    title: str
    articles: tuple[NewArticle, ...]
    unusable: int = 0
    oddities: tuple[str, ...] = ()
    kind: str = ""


def read_feed(content: bytes, url: str, now: datetime, charset: str | None = None) -> Feed:
    """Read a feed that came from `url`; its newest 200 entries, in its order.

    Links are absolute, and http or https. What the entries say is as they say it: `bring_in`
    cleans it. A date that cannot be true is left out. `charset` is what the HTTP header says.

    Raises:
        FeedError: not a feed, or not one that we can read.
    """
    text = feed_text(content, charset)
    try:
        # As bytes always: text that is an address would be fetched.
        parsed = fastfeedparser.parse(GUID.sub(rf"\1{GUID_MARK}", text).encode())
        entries = [entry for entry in parsed["entries"] if isinstance(entry, dict)]
        title = _text(parsed["feed"], "title")
    except PARSER_FAILS:
        raise FeedError(NO_FEED) from None
    bases = _bases(text, url, len(entries))
    try:
        read = [_article(entry, base, now) for entry, base in zip(entries, bases, strict=True)]
    except PARSER_FAILS:
        raise FeedError(STRANGE) from None
    usable = _newest(_distinct([article for article in read if article is not None]))
    return Feed(plain_text(title, 200), tuple(usable), read.count(None))


def _bases(text: str, url: str, entries: int) -> list[str]:
    """Return what each entry's links are relative to (XML Base); the parser does not say."""
    found = list(ENTRY.finditer(text))
    head = text[: found[0].start()] if found else text
    base = url
    for match in BASE.finditer(head):
        base = _joined(base, match[1]) or base
    if len(found) != entries:
        return [base] * entries
    own = [BASE.search(tag[0]) for tag in found]
    return [(_joined(base, match[1]) or base) if match else base for match in own]


def _article(entry: dict[str, Any], base: str, now: datetime) -> NewArticle | None:
    title, link = _text(entry, "title"), _link(entry, base)
    if link is None or not plain_text(title, 100):
        return None
    content = _content(entry)
    image_url, image_alt = next(_images(entry, content, base), (None, ""))
    categories = _categories(entry)
    guid = _text(entry, "id").strip().removeprefix(GUID_MARK)
    return NewArticle(
        url=link,
        title=title,
        standfirst=_standfirst(_text(entry, "description"), content),
        body=content,
        byline=_byline(_text(entry, "author")),
        section=categories[0] if categories else None,
        topics=tuple(categories[1:]),
        image_url=image_url,
        image_alt=image_alt,
        published_at=_published(entry, now),
        # Where an entry has none, the parser says its link.
        guid=None if guid == _text(entry, "link").strip() else guid or None,
    )


def _text(entry: dict[str, Any], key: str) -> str:
    value = entry.get(key)
    return value if isinstance(value, str) else ""


def _link(entry: dict[str, Any], base: str) -> str | None:
    try:
        return canonical_url(_joined(base, _text(entry, "link")) or "")
    except ValueError:
        return None


def _joined(base: str, link: str) -> str | None:
    link = link.strip()
    try:
        return urljoin(base, link) if link else None
    except ValueError:
        return None


def _content(entry: dict[str, Any]) -> str:
    for part in entry.get("content") or ():
        if value := _text(part, "value"):
            return value
    return _text(entry, "description")


def _standfirst(summary: str, content: str) -> str:
    text = plain_text(summary or content, STANDFIRST_AT_MOST)
    if len(text) > SUMMARY_AT_MOST and (first := PARAGRAPH.search((summary or content)[:50_000])):
        text = plain_text(first[1], SUMMARY_AT_MOST) or text
    text = APPEARED_FIRST.sub("", text)
    shortened = CUT_OFF.sub("", text)
    return text if shortened == text else f"{shortened.rstrip(' .…')}…"


def _byline(author: str) -> str | None:
    # RSS wants an address here, which nobody should read in a digest.
    author = plain_text(author, 500)
    if named := ADDRESS_WITH_NAME.fullmatch(author):
        return named[1]
    return ADDRESS.sub("", author).strip(" ,;<>()") or None


def _categories(entry: dict[str, Any]) -> list[str]:
    names = [_text(tag, "label") or _text(tag, "term") for tag in entry.get("tags") or ()]
    cleaned = [plain_text(name, 60) for name in names[:50]]
    return [name for name in dict.fromkeys(cleaned) if name and name.lower() not in NO_SECTION]


def _published(entry: dict[str, Any], now: datetime) -> datetime | None:
    try:
        published = datetime.fromisoformat(_text(entry, "published"))
    except ValueError:
        return None
    published = published if published.tzinfo else published.replace(tzinfo=UTC)
    # One that is still to come is no date yet, or it would change at each fetch.
    return published if published <= now and is_plausible(published, now) else None


def _images(entry: dict[str, Any], content: str, base: str) -> Iterator[tuple[str, str]]:
    """Give what may be the entry's picture, the likeliest first, each with what it shows."""
    for url, alt, wide in (*_media(entry), *_attached(entry), *_within(content)):
        absolute = _joined(base, url)
        if absolute is None or (wide is not None and wide < IMAGE_AT_LEAST):
            continue
        try:
            yield canonical_url(absolute), plain_text(alt, 300)
        except ValueError:
            continue


Candidate = tuple[str, str, int | None]


def _media(entry: dict[str, Any]) -> list[Candidate]:
    """Media RSS, the widest first."""
    found: list[Candidate] = []
    for media in (entry.get("media_content") or ())[:50]:
        url, kind = _text(media, "url"), _text(media, "type") or _text(media, "medium")
        alt = _text(media, "title") or _text(media, "description")
        if url and (kind.startswith("image") or (not kind and IMAGE_NAME.search(url))):
            wide = media.get("width")
            found.append((url, alt, wide if isinstance(wide, int) else None))
        elif thumbnail := _text(media, "thumbnail_url"):
            found.append((thumbnail, alt, None))
    return sorted(found, key=lambda candidate: -(candidate[2] or IMAGE_AT_LEAST))


def _attached(entry: dict[str, Any]) -> list[Candidate]:
    links = [link for link in entry.get("links") or () if _text(link, "rel") == "enclosure"]
    enclosures = (entry.get("enclosures") or ())[:50]
    attached = [(_text(link, "href"), _text(link, "type")) for link in links[:50]]
    attached += [(_text(file, "url"), _text(file, "type")) for file in enclosures]
    pictures = [url for url, kind in attached if kind.startswith("image/")]
    return [(url, "", None) for url in (_text(entry, "image"), *pictures) if url]


def _within(content: str) -> Iterator[Candidate]:
    if "<img" not in content[:MARKUP_AT_MOST]:
        return
    # Cleaned, so that every tag and attribute is written in the one way that is looked for.
    cleaned = nh3.clean(
        content[:MARKUP_AT_MOST],
        tags={"img"},
        attributes={"img": {"src", "alt", "width"}},
        url_schemes=set(SCHEMES),
    )
    for tag in IMG.finditer(cleaned):
        found = {name: html.unescape(value) for name, value in ATTRIBUTE.findall(tag[1])}
        wide = found.get("width", "")
        is_number = wide.isascii() and wide.isdigit() and len(wide) < 6
        yield found.get("src", ""), found.get("alt", ""), int(wide) if is_number else None


def _distinct(articles: list[NewArticle]) -> list[NewArticle]:
    """Leave out pages that come twice, and GUIDs that several pages share: they tell nothing."""
    by_url: dict[str, NewArticle] = {}
    for article in articles:
        by_url.setdefault(article.url, article)
    seen = Counter(article.guid for article in by_url.values())
    return [
        replace(article, guid=None) if seen[article.guid] > 1 else article
        for article in by_url.values()
    ]


def _newest(articles: list[NewArticle]) -> list[NewArticle]:
    if len(articles) <= ENTRIES_KEPT:
        return articles
    order = sorted(range(len(articles)), key=lambda at: _age_order(articles[at], at))
    return [articles[at] for at in sorted(order[:ENTRIES_KEPT])]


def _age_order(article: NewArticle, at: int) -> tuple[bool, float, int]:
    published = article.published_at
    return published is None, -published.timestamp() if published else 0.0, at

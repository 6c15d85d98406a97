"""A web page as the article that it shows: what JSON-LD, Open Graph and its head say of it.

JSON-LD (schema.org's NewsArticle and its like) is taken before Open Graph (ogp.me), that before
`<title>` and the head's other elements. Read in the reading child: nothing in a page is trusted.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any
from urllib.parse import urljoin

from digest.newsroom.intake.feed_text import FeedError
from digest.newsroom.intake.feeds import Feed
from digest.newsroom.intake.given_articles import GivenPicture, NewArticle
from digest.newsroom.intake.links import canonical_url, page_key, site_of
from digest.newsroom.intake.reading.bylines import byline
from digest.newsroom.intake.reading.charsets import decoded
from digest.newsroom.intake.reading.dates import first_certain
from digest.newsroom.intake.reading.elements import joined
from digest.newsroom.intake.reading.lines import FORBIDDEN, one_line
from digest.newsroom.intake.reading.markup import UNREAD, Piece, pieces, plain_from_unknown, text_of
from digest.newsroom.intake.reading.picture_candidates import Declared, candidates

NO_TITLE = "That page does not say what it is called, so we cannot tell its story."
KIND = "web page"

TEXT_AT_MOST = 2_000
NAMED_AT_MOST = 20
SCRIPTS_AT_MOST = 20
THINGS_AT_MOST = 200
DEPTH_AT_MOST = 20
SCRIPT = re.compile(
    r"""<script\s[^<>]{0,500}?\btype\s*=\s*["']?application/ld\+json\b[^<>]{0,500}>""",
    re.IGNORECASE,
)
SCRIPT_ENDS = re.compile(r"</script", re.IGNORECASE)
CHARSET = re.compile(
    rb"""<meta\s[^<>]{0,500}?\bcharset\s*=\s*["']?\s*([\w.:+-]{1,40})""", re.IGNORECASE
)
# Where a browser looks for it (HTML, 4.2.5.4).
CHARSET_WITHIN = 1024
ARTICLE = re.compile(r"(?:https?://schema\.org/)?(?:\w{0,40}Article|\w{0,20}BlogPosting|Report)")
# Between a headline and its paper's name. With blanks about it: "Ferry-Times" is one word.
BETWEEN_NAMES = re.compile(r"\s[|–—·:»-]{1,3}\s$")


def read_page(content: bytes, url: str, now: datetime, charset: str | None = None) -> Feed:
    """Read the page that came from `url` as a feed of one article, without its text.

    `charset` is what the HTTP header says.

    Raises:
        FeedError: it does not say what it is called.
    """
    declared = CHARSET.search(content, 0, CHARSET_WITHIN)
    label = charset or (declared[1].decode("ascii") if declared else None)
    text = FORBIDDEN.sub("", decoded(content, label).text)
    head, told = _head(text), _told(text)
    title = _title(head, told)
    if not title:
        raise FeedError(NO_TITLE)
    # What its links are relative to (HTML, 4.2.3; JSON-LD 1.1, 9.1).
    base = joined(url, head.base) or url
    pictures = _pictures(head, told, base)
    first = pictures[0] if pictures else GivenPicture("")
    dates = [_line(told.get("datePublished")), head.first("article:published_time", "date")]
    article = NewArticle(
        url=_address(head, url, base),
        title=title,
        standfirst=_line(told.get("description"))
        or head.first("og:description", "description", "twitter:description"),
        byline=byline(_names(told.get("author")))
        or byline([head.first("author", "article:author", "parsely-author")]),
        section=_line(told.get("articleSection")) or head.first("article:section") or None,
        image_url=first.url or None,
        image_alt=first.alt,
        other_pictures=pictures[1:],
        published_at=first_certain([date for date in dates if date], now).at,
    )
    return Feed(title, (article,), kind=KIND)


@dataclass
class _Head:
    """What a page's `<meta>` elements say, by name or property, its title and its addresses."""

    said: dict[str, list[str]] = field(default_factory=dict)
    title: str = ""
    canonical: str = ""
    base: str = ""

    def first(self, *names: str) -> str:
        """Return the first text that one of these has, "" where none has."""
        return next((text for name in names for text in self.said.get(name, ()) if text), "")


def _head(text: str) -> _Head:
    head = _Head()
    title: list[Piece] = []
    in_title = False
    for piece in pieces(text, UNREAD - {"title", "noscript"}):
        if piece.name == "title":
            # An icon within the page may have a title as well: the first one is the page's.
            in_title = not piece.ends and not title
        elif in_title and len(title) < NAMED_AT_MOST:
            title.append(piece)
        elif piece.name == "link" and "canonical" in _attribute(piece, "rel").lower().split():
            head.canonical = head.canonical or _attribute(piece, "href").strip()
        elif piece.name == "base":
            # The first that has an address counts.
            head.base = head.base or _attribute(piece, "href").strip()
        elif piece.name == "meta":
            name = (_attribute(piece, "property") or _attribute(piece, "name")).lower()
            had = head.said.setdefault(name, []) if len(head.said) < THINGS_AT_MOST else []
            if name and len(had) < NAMED_AT_MOST:
                had.append(one_line(_attribute(piece, "content")[:TEXT_AT_MOST]))
    head.title = text_of(title, TEXT_AT_MOST)
    return head


def _attribute(piece: Piece, name: str) -> str:
    return piece.attributes().get(name, "")


def _told(text: str) -> dict[str, Any]:
    """Return the first article that the page's JSON-LD tells of, {} where it tells of none."""
    for script in islice(SCRIPT.finditer(text), SCRIPTS_AT_MOST):
        ends = SCRIPT_ENDS.search(text, script.end())
        try:
            data = json.loads(text[script.end() : ends.start() if ends else None], strict=False)
        except (ValueError, RecursionError):
            continue
        for thing in islice(_things(data), THINGS_AT_MOST):
            if _is_article(thing.get("@type")):
                return thing
    return {}


def _things(data: Any, depth: int = 0) -> Iterator[dict[str, Any]]:
    """Give the things at the top of JSON-LD: one, a list of them, or a graph."""
    if depth > DEPTH_AT_MOST:
        return
    if isinstance(data, list):
        for each in data[:THINGS_AT_MOST]:
            yield from _things(each, depth + 1)
    elif isinstance(data, dict):
        yield data
        yield from _things(data.get("@graph"), depth + 1)


def _is_article(kind: Any) -> bool:
    kinds = kind[:NAMED_AT_MOST] if isinstance(kind, list) else [kind]
    return any(isinstance(each, str) and ARTICLE.fullmatch(each[:100]) for each in kinds)


def _line(value: Any) -> str:
    """Return a text of JSON-LD as a line: plain text, or HTML, for sites write both."""
    if isinstance(value, list):
        value = next((each for each in value if isinstance(each, str)), None)
    return plain_from_unknown(value, TEXT_AT_MOST) if isinstance(value, str) else ""


def _names(authors: Any) -> list[str]:
    several = authors[:NAMED_AT_MOST] if isinstance(authors, list) else [authors]
    return [_line(each.get("name") if isinstance(each, dict) else each) for each in several]


def _title(head: _Head, told: dict[str, Any]) -> str:
    title = _line(told.get("headline")) or head.first("og:title", "twitter:title") or head.title
    site = head.first("og:site_name")
    before = title.removesuffix(site) if site else ""
    # "Who owns the cold? | The Halyard": the paper's name is no part of the headline.
    between = BETWEEN_NAMES.search(before)
    return before[: between.start()].rstrip() or title if between else title


def _pictures(head: _Head, told: dict[str, Any], url: str) -> tuple[GivenPicture, ...]:
    alt = head.first("og:image:alt", "twitter:image:alt")
    named = [
        *(Declared(each, kind="image") for each in _images(told.get("image"))),
        *(
            Declared(each, alt, kind="image")
            for name in ("og:image:secure_url", "og:image", "og:image:url", "twitter:image")
            for each in head.said.get(name, ())
            if each
        ),
    ]
    return candidates(named, "", url)


def _images(value: Any) -> Iterator[str]:
    for each in value[:NAMED_AT_MOST] if isinstance(value, list) else [value]:
        found = (each.get("url") or each.get("contentUrl")) if isinstance(each, dict) else each
        if isinstance(found, str) and found.strip():
            yield found.strip()


def _address(head: _Head, url: str, base: str) -> str:
    """Return the page's own address where it names one of its site; else where it came from.

    A site's home page is no article's: many name it by mistake.
    """
    for named in (head.canonical, head.first("og:url")):
        try:
            own = canonical_url(urljoin(base, named)) if named else ""
        except ValueError:
            continue
        key = page_key(own)
        if own and site_of(key) == site_of(page_key(url)) and key != site_of(key):
            return own if own.startswith("https:") or url.startswith("http:") else url
    return url

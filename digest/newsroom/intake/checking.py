"""Looking at a feed before it becomes a source: what would come in, and what is odd about it."""

import html
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urldefrag, urljoin, urlsplit

from digest.newsroom.intake.articles import NewArticle
from digest.newsroom.intake.feeds import Feed, FeedError
from digest.newsroom.intake.fetching import FEED, Fetched, Fetcher, FetchError
from digest.newsroom.intake.links import canonical_url
from digest.newsroom.intake.reading_child.asking import read_apart

NEWEST_SHOWN = 5
STALE_AFTER = timedelta(days=60)
LARGE_BYTES = 1_000_000

# A page names its feeds in its head; what stands further down is not looked at.
PAGE_HEAD = 200_000
FEEDS_NAMED = 10
LINK_TAG = re.compile(r"<link\s([^<>]{1,2000})>", re.IGNORECASE)
ATTRIBUTE = re.compile(
    r"""(?<![\w-])([a-z]{2,10})\s{0,5}=\s{0,5}("[^"]*"|'[^']*'|[^\s"'<>]+)""", re.IGNORECASE
)
FEED_TYPES = frozenset(
    {"application/rss+xml", "application/atom+xml", "application/feed+json", "application/rdf+xml"}
)

ReadFeed = Callable[[bytes, str, datetime, str | None], Feed]


@dataclass(frozen=True)
class FeedCheck:
    """What an address answers with. Where that is no feed, `error` says why in a sentence.

    `newest` are the newest entries, as they would come in. `oddities` are sentences for an editor.
    `feeds` are the feeds that a web page names.
    """

    url: str
    error: str | None = None
    kind: str = ""
    title: str = ""
    entries: int = 0
    newest: tuple[NewArticle, ...] = ()
    oddities: tuple[str, ...] = ()
    feeds: tuple[str, ...] = ()


def check_feed(fetcher: Fetcher, url: str, now: datetime, read: ReadFeed = read_apart) -> FeedCheck:
    """Fetch what is at an address and say what would come in from it. Nothing is kept."""
    try:
        fetched = fetcher.fetch(url, FEED)
    except FetchError as error:
        return FeedCheck(url, error=str(error))
    content = fetched.content or b""
    try:
        feed = read(content, fetched.url, now, fetched.charset)
    except FeedError as error:
        named = feeds_named(content, fetched.url)
        return FeedCheck(fetched.url, error=str(error), feeds=named)
    return FeedCheck(
        fetched.url,
        kind=feed.kind,
        title=feed.title,
        entries=len(feed.articles),
        newest=tuple(_newest_first(feed.articles)[:NEWEST_SHOWN]),
        oddities=oddities(feed, fetched, url, now),
    )


def oddities(feed: Feed, fetched: Fetched, asked: str, now: datetime) -> tuple[str, ...]:
    """Say in sentences what is odd about a feed that was asked for at `asked`."""
    return tuple(dict.fromkeys(_oddities(feed, fetched, asked, now)))


def feeds_named(content: bytes, url: str) -> tuple[str, ...]:
    """Return the feeds that a web page names by `<link rel="alternate">`, at most ten."""
    # Addresses and attribute names are ASCII; the rest of the page may be read wrongly.
    head = content[:PAGE_HEAD].decode("utf-8", "replace")
    found: dict[str, None] = {}
    for tag in LINK_TAG.finditer(head):
        given = {
            name.lower(): html.unescape(_bare(value)) for name, value in ATTRIBUTE.findall(tag[1])
        }
        kind = given.get("type", "").partition(";")[0].strip().lower()
        if kind in FEED_TYPES and "alternate" in given.get("rel", "").lower().split():
            found.update(dict.fromkeys(_absolute(given.get("href", ""), url)))
    return tuple(found)[:FEEDS_NAMED]


def _bare(value: str) -> str:
    return value[1:-1] if value[:1] in {'"', "'"} else value


def _absolute(href: str, url: str) -> Iterator[str]:
    try:
        joined = urljoin(url, href.strip())
    except ValueError:
        return
    if href.strip() and urlsplit(joined).scheme in {"http", "https"} and joined.isprintable():
        yield joined


def _newest_first(articles: tuple[NewArticle, ...]) -> list[NewArticle]:
    """Order by date; what has none stays in the feed's order, behind the others."""
    dated = [article for article in articles if article.published_at is not None]
    undated = [article for article in articles if article.published_at is None]
    return sorted(dated, key=_age) + undated


def _age(article: NewArticle) -> float:
    return -article.published_at.timestamp() if article.published_at else 0.0


def _oddities(feed: Feed, fetched: Fetched, asked: str, now: datetime) -> Iterator[str]:
    yield from _about_the_address(fetched, asked)
    # What is odd about single entries, and which are left out, the reader has said.
    yield from feed.oddities
    if not feed.articles:
        yield "There is nothing in it that could come in."
        return
    yield from _about_dates(feed.articles, now)
    yield from _about_links(feed.articles, fetched.url)
    yield from _about_contents(feed.articles)
    yield from _about_the_answer(fetched)


def _about_the_address(fetched: Fetched, asked: str) -> Iterator[str]:
    if fetched.moved_to is not None:
        yield f"The feed has moved for good. Add this address instead: {fetched.moved_to}"
    elif _normal(fetched.url) != _normal(asked):
        yield f"The site sends us on for now, to {fetched.url}"
    if fetched.url.startswith("http:"):
        yield "The feed comes over http, so that anybody on the way can change it."


def _normal(url: str) -> str:
    # However an address is written, an answer that came from it was not sent on.
    try:
        return urldefrag(canonical_url(url)).url
    except ValueError:
        return url


def _about_dates(articles: tuple[NewArticle, ...], now: datetime) -> Iterator[str]:
    dates = [article.published_at for article in articles if article.published_at is not None]
    if len(dates) < len(articles):
        yield (
            "What has no date counts as old if it is there at the first fetch, and as new if it"
            " comes later."
        )
    if dates and now - max(dates) > STALE_AFTER:
        yield f"The newest entry is from {max(dates):%Y-%m-%d}, {(now - max(dates)).days} days ago."
    if len(dates) > 2 and len(set(dates)) == 1:
        yield "All entries have the same date: it may be that of the feed, not theirs."


def _about_links(articles: tuple[NewArticle, ...], url: str) -> Iterator[str]:
    feed = urlsplit(url)
    plain = [article for article in articles if article.url.startswith("http:")]
    if feed.scheme == "https" and plain:
        yield f"{_of(plain, articles)} to pages over http, although the feed comes over https."


def _of(some: list[NewArticle], articles: tuple[NewArticle, ...]) -> str:
    if len(some) == len(articles):
        return "All entries link"
    return f"{_entries(len(some))} of {len(articles)} link" + ("s" if len(some) == 1 else "")


def _about_contents(articles: tuple[NewArticle, ...]) -> Iterator[str]:
    if not any(article.body for article in articles):
        yield "The feed has no texts, at most summaries: no reading time can be told."
    if not any(article.standfirst for article in articles):
        yield "No entry has a summary."
    if not any(article.image_url for article in articles):
        yield "No entry has a picture."
    if not any(article.byline for article in articles):
        yield "No entry names who wrote it."
    titles = Counter(article.title for article in articles)
    for title, count in titles.most_common(1):
        if count > 1:
            yield f"{_entries(count)} have the same title: {title}"


def _about_the_answer(fetched: Fetched) -> Iterator[str]:
    if not fetched.etag and not fetched.last_modified:
        yield (
            "The site does not say whether the feed has changed since (no ETag, no Last-Modified),"
            " so that it is sent whole each time."
        )
    size = len(fetched.content or b"")
    if size > LARGE_BYTES:
        yield f"The feed is large: {size / 1_000_000:.1f} MB."


def _entries(count: int) -> str:
    return "1 entry" if count == 1 else f"{count} entries"

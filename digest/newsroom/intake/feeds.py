"""Feeds: from bytes to articles. RSS, Atom, RDF and JSON Feed, with what is odd about them."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from urllib.parse import urldefrag

from digest.newsroom.intake.feed_text import NO_FEED, STRANGE, FeedError, FeedText, feed_text
from digest.newsroom.intake.given_articles import GivenPicture, NewArticle
from digest.newsroom.intake.links import canonical_url, page_key
from digest.newsroom.intake.reading.bylines import byline
from digest.newsroom.intake.reading.dates import Dated, first_certain
from digest.newsroom.intake.reading.entries import Entry, Read
from digest.newsroom.intake.reading.json_feed import read_json
from digest.newsroom.intake.reading.oddities import (
    NO_DATE,
    NO_PAGE,
    NO_TITLE,
    OLDER,
    PROTECTED,
    SHARED_GUID,
    SHARED_PAGE,
    TO_COME,
    TWICE,
    UNCERTAIN_DATE,
    Oddities,
)
from digest.newsroom.intake.reading.picture_candidates import candidates
from digest.newsroom.intake.reading.protected_posts import is_protected
from digest.newsroom.intake.reading.sections import section_and_topics
from digest.newsroom.intake.reading.standfirsts import standfirst
from digest.newsroom.intake.reading.xml_feed import read_xml

__all__ = ["READER_VERSION", "Feed", "FeedError", "read_feed"]

# Raised whenever the same bytes would be read differently.
READER_VERSION = 3

ENTRIES_KEPT = 200
ODDITIES_AT_MOST = 20
TITLE_AT_MOST = 200


@dataclass(frozen=True)
class Feed:
    """A feed that was read. `unusable` entries have no title, or no page on the web.

    `kind` is the format and its version: "RSS 2.0". `oddities` are sentences for an editor, at
    most 20: what is odd about the feed, and what came of it. `settled`: the same bytes are read in
    the same way at any time; else there are dates in it that are still to come.
    """

    title: str
    articles: tuple[NewArticle, ...]
    unusable: int = 0
    oddities: tuple[str, ...] = ()
    kind: str = ""
    settled: bool = True


def read_feed(content: bytes, url: str, now: datetime, charset: str | None = None) -> Feed:
    """Read a feed that came from `url`; its newest 200 entries, in its order.

    Links are absolute, and http or https. Titles, bylines and the like are plain text, as a reader
    is to see them; `body` is HTML that nobody has cleaned yet. A date that is not certain, or
    cannot be true, is left out. `charset` is what the HTTP header says.

    Raises:
        FeedError: not a feed, or not one that we can read.
    """
    text = feed_text(content, charset)
    read = _read(text, url)
    odd = Oddities()
    found = [one for entry in read.entries if (one := _found(entry, now, odd)) is not None]
    distinct = _distinct(found, odd)
    newest = _newest(distinct)
    if len(newest) < len(distinct):
        odd.note(OLDER, count=len(distinct) - len(newest))
    return Feed(
        title=read.title[:TITLE_AT_MOST],
        articles=tuple(map(_article, newest)),
        unusable=read.dropped + odd.counts[NO_TITLE] + odd.counts[NO_PAGE],
        oddities=(*text.oddities, *read.oddities, *odd.sentences())[:ODDITIES_AT_MOST],
        kind=read.kind,
        settled=not any(one.dated.to_come for one in found),
    )


def _read(text: FeedText, url: str) -> Read:
    try:
        read = (
            read_json(text.text, url) if text.is_json else read_xml(text.text, url, text.entities)
        )
    except ValueError:
        raise FeedError(STRANGE) from None
    if read is None:
        raise FeedError(NO_FEED)
    return read


@dataclass(frozen=True)
class _Found:
    """An entry that is an article, as far as it takes to tell it from others.

    `fragment` is the part of its page that its link names.
    """

    entry: Entry
    url: str
    fragment: str
    guid: str | None
    dated: Dated
    shares_page: bool = False

    @property
    def published_at(self) -> datetime | None:
        return self.dated.at

    @cached_property
    def page(self) -> str:
        return page_key(self.url)


def _found(entry: Entry, now: datetime, odd: Oddities) -> _Found | None:
    if not entry.title:
        odd.note(NO_TITLE)
        return None
    link, url = next(_addresses(entry), ("", ""))
    if not url:
        odd.note(NO_PAGE)
        return None
    if is_protected(entry.title, entry.summary, entry.content):
        odd.note(PROTECTED)
        return None
    dated = _dated(entry, now, odd)
    return _Found(entry, url, urldefrag(link).fragment, entry.guid or None, dated)


def _addresses(entry: Entry) -> Iterator[tuple[str, str]]:
    for link in entry.links:
        try:
            yield link, canonical_url(link)
        except ValueError:
            continue


def _dated(entry: Entry, now: datetime, odd: Oddities) -> Dated:
    dated = first_certain(entry.dates, now)
    if not entry.dates:
        odd.note(NO_DATE)
    elif dated.at is None:
        odd.note(TO_COME if dated.to_come else UNCERTAIN_DATE, entry.dates[0])
    return dated


def _distinct(found: list[_Found], odd: Oddities) -> list[_Found]:
    """Leave out what comes twice, and GUIDs that several pages share: they tell nothing.

    Where entries share a page, their GUIDs and the fragments of their links tell them apart.
    """
    pages: dict[str, list[_Found]] = {}
    seen: set[tuple[str, str | None, str]] = set()
    for one in found:
        by_guid = (one.page, one.guid, one.fragment)
        # The same headline at the same moment, on the same page: a new GUID makes it no news.
        by_title = (one.page, str(one.published_at), one.entry.title.casefold())
        if by_guid in seen or by_title in seen:
            odd.note(TWICE)
            continue
        seen |= {by_guid, by_title}
        pages.setdefault(one.page, []).append(one)
    distinct: list[_Found] = []
    for sharing in pages.values():
        if len(sharing) > 1:
            odd.note(SHARED_PAGE, urldefrag(sharing[0].url).url, len(sharing))
        distinct += map(_sharing, sharing) if len(sharing) > 1 else sharing
    order = {id(one.entry): at for at, one in enumerate(found)}
    distinct.sort(key=lambda one: order[id(one.entry)])
    return _without_shared_guids(distinct, odd)


def _sharing(one: _Found) -> _Found:
    has_fragment = one.fragment and "#" not in one.url
    url = f"{one.url}#{one.fragment}" if has_fragment else one.url
    return replace(one, url=url, shares_page=True)


def _without_shared_guids(found: list[_Found], odd: Oddities) -> list[_Found]:
    seen = Counter(one.guid for one in found)
    seen[None] = 0
    if shared := sum(count for count in seen.values() if count > 1):
        odd.note(SHARED_GUID, count=shared)
    return [replace(one, guid=None) if seen[one.guid] > 1 else one for one in found]


def _newest(found: list[_Found]) -> list[_Found]:
    if len(found) <= ENTRIES_KEPT:
        return found
    order = sorted(range(len(found)), key=lambda at: _age_order(found[at], at))
    return [found[at] for at in sorted(order[:ENTRIES_KEPT])]


def _age_order(one: _Found, at: int) -> tuple[bool, float, int]:
    published = one.published_at
    return published is None, -published.timestamp() if published else 0.0, at


def _article(found: _Found) -> NewArticle:
    entry = found.entry
    section, topics = section_and_topics(entry.categories)
    pictures = candidates(entry.declared, entry.content or entry.summary, entry.base)
    first = pictures[0] if pictures else GivenPicture("")
    return NewArticle(
        url=found.url,
        title=entry.title,
        standfirst=standfirst(entry.summary, entry.content, entry.title),
        body=entry.content or (entry.summary if entry.may_be_whole else ""),
        byline=next(filter(None, map(byline, entry.authors)), None),
        section=section,
        topics=topics,
        image_url=first.url or None,
        image_alt=first.alt,
        other_pictures=pictures[1:],
        published_at=found.published_at,
        guid=found.guid,
        shares_page=found.shares_page,
    )

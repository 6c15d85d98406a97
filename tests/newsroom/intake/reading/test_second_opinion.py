"""Where a feed is as its specification wants it, feedparser and we say the same."""

from html import escape
from io import BytesIO
from typing import Any

import feedparser
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.newsroom.intake.feeds import Feed, read_feed
from tests.factories import NOW

URL = "https://halyard.example/feeds/main.xml"
WORDS = st.text("abcdefgh ÄéЖ港'\".-&<", min_size=1, max_size=30).map(str.strip).filter(bool)
ENTRY = st.tuples(WORDS, WORDS, WORDS, st.text("abc123", min_size=1, max_size=8))
ENTRIES = st.lists(ENTRY, min_size=1, max_size=4, unique_by=(lambda e: e[3], lambda e: e[0]))


def both(content: str) -> tuple[Feed, Any]:
    parsed = feedparser.parse(
        BytesIO(content.encode()), sanitize_html=False, response_headers={"content-location": URL}
    )
    return read_feed(content.encode(), URL, NOW), parsed


@settings(max_examples=50)
@given(ENTRIES)
def test_of_atom(entries: list[tuple[str, str, str, str]]) -> None:
    inside = "".join(
        f"<entry><title>{escape(title)}</title><link href='/a/{page}'/><id>tag:{page}</id>"
        f"<author><name>{escape(name)}</name></author><summary>{escape(summary)}</summary>"
        f"<published>2026-11-13T06:30:00Z</published></entry>"
        for title, name, summary, page in entries
    )
    ours, theirs = both(
        f"<feed xmlns='http://www.w3.org/2005/Atom'><title>H</title>{inside}</feed>"
    )
    folded = [" ".join(entry.title.split()) for entry in theirs.entries]

    assert [a.title for a in ours.articles] == folded
    assert [a.url for a in ours.articles] == [entry.link for entry in theirs.entries]
    assert [a.guid for a in ours.articles] == [entry.id for entry in theirs.entries]


@settings(max_examples=50)
@given(ENTRIES)
def test_of_rss(entries: list[tuple[str, str, str, str]]) -> None:
    # Its titles are text of an unknown kind: here, none that could be taken for markup.
    inside = "".join(
        f"<item><title>{escape(title.replace('<', '').replace('&', '').strip() or 'x')}</title>"
        f"<link>https://halyard.example/a/{page}</link><guid isPermaLink='false'>{page}</guid>"
        f"<dc:creator>{escape(name)}</dc:creator></item>"
        for title, name, _, page in entries
    )
    ours, theirs = both(
        "<rss version='2.0' xmlns:dc='http://purl.org/dc/elements/1.1/'><channel><title>H</title>"
        f"{inside}</channel></rss>"
    )
    folded = [" ".join(entry.title.split()) for entry in theirs.entries]

    assert ours.kind == "RSS 2.0"
    assert [a.title for a in ours.articles] == folded
    assert [a.url for a in ours.articles] == [entry.link for entry in theirs.entries]
    assert [a.guid for a in ours.articles] == [entry.id for entry in theirs.entries]

"""What an editor is told of a feed before it is added."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.newsroom.intake.articles import NewArticle
from digest.newsroom.intake.checking import FeedCheck, check_feed, feeds_named, oddities
from digest.newsroom.intake.feeds import Feed, FeedError
from digest.newsroom.intake.fetching import PRIVATE_NETWORKS, Fetched, Fetcher
from tests.servers.web import Reply, WebServer

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
NEW = {"ETag": '"1"'}


@pytest.fixture
def fetcher() -> Fetcher:
    return Fetcher("https://halyard.example", PRIVATE_NETWORKS)


def article(number: int = 1, **changes: object) -> NewArticle:
    """Return an article that nothing is odd about."""
    given: dict[str, object] = {
        "url": f"https://halyard.example/a/{number}",
        "title": f"Story {number}",
        "standfirst": "In short.",
        "body": "<p>The port is open.</p>",
        "byline": "Ada Lark",
        "image_url": "https://halyard.example/i.jpg",
        "published_at": NOW - timedelta(days=number),
        **changes,
    }
    return NewArticle(**given)  # type: ignore[arg-type]


def checked(
    http_server: WebServer, fetcher: Fetcher, feed: Feed, *, path: str = "/feed.xml"
) -> FeedCheck:
    """Check an address whose answer is read as this feed."""
    url = http_server.route(path, b"<rss/>", headers=NEW)
    return check_feed(fetcher, url, NOW, read=lambda *_: feed)


def odd(
    http_server: WebServer, fetcher: Fetcher, *articles: NewArticle, **more: object
) -> list[str]:
    """Return what is odd about a feed of these, but for its coming over http."""
    feed = Feed("The Halyard", articles, **more)  # type: ignore[arg-type]
    told = checked(http_server, fetcher, feed).oddities
    return [sentence for sentence in told if "comes over http, so" not in sentence]


def test_nothing_is_odd_about_a_good_feed(http_server: WebServer, fetcher: Fetcher) -> None:
    assert odd(http_server, fetcher, article(1), article(2)) == []


def test_the_newest_five_are_shown_and_all_are_counted(
    http_server: WebServer, fetcher: Fetcher
) -> None:
    articles = tuple(article(number) for number in (7, 3, 1, 2, 6, 5, 4))
    undated = article(8, published_at=None)
    found = checked(http_server, fetcher, Feed("The Halyard", (undated, *articles), kind="RSS 2.0"))

    assert [new.title for new in found.newest] == [f"Story {number}" for number in range(1, 6)]
    assert (found.entries, found.kind, found.title) == (8, "RSS 2.0", "The Halyard")


@pytest.mark.parametrize(
    ("articles", "sentence"),
    [
        ([article(1, published_at=None), article(2)], "What has no date counts as old"),
        ([article(1, published_at=None)], "What has no date counts as old"),
        ([article(90)], "The newest entry is from 2026-09-01, 90 days ago."),
        ([article(1, body="")], "no texts, at most summaries"),
        ([article(1, standfirst="")], "No entry has a summary."),
        ([article(1, image_url=None)], "No entry has a picture."),
        ([article(1, byline=None)], "No entry names who wrote it."),
        ([article(1), article(2, title="Story 1")], "2 entries have the same title: Story 1"),
        (
            [article(number, published_at=NOW - timedelta(days=1)) for number in (1, 2, 3)],
            "All entries have the same date",
        ),
        ([], "There is nothing in it that could come in."),
    ],
)
def test_what_is_odd_is_said_in_words(
    http_server: WebServer, fetcher: Fetcher, articles: list[NewArticle], sentence: str
) -> None:
    [told] = odd(http_server, fetcher, *articles)

    assert sentence in told


def test_what_the_reader_found_odd_comes_before_what_the_entries_lack(
    http_server: WebServer, fetcher: Fetcher
) -> None:
    told = odd(http_server, fetcher, article(1, byline=None), oddities=("It is ill-formed.",))

    assert told == ["It is ill-formed.", "No entry names who wrote it."]


def fetched(url: str = "https://halyard.example/feed.xml", moved_to: str | None = None) -> Fetched:
    return Fetched(url, b"<rss/>", None, '"1"', None, moved_to)


@pytest.mark.parametrize(
    ("articles", "sentence"),
    [
        (
            [article(1, url="http://halyard.example/a/1"), article(2)],
            "1 entry of 2 links to pages over http, although the feed comes over https.",
        ),
        (
            [article(number, url=f"http://halyard.example/a/{number}") for number in (1, 2)],
            "All entries link to pages over http, although the feed comes over https.",
        ),
    ],
)
def test_pages_over_http_are_odd_beside_a_feed_over_https(
    articles: list[NewArticle], sentence: str
) -> None:
    answer = fetched()

    assert oddities(Feed("H", tuple(articles)), answer, answer.url, NOW) == (sentence,)


@pytest.mark.parametrize(
    "asked",
    [
        "HTTPS://Halyard.Example/feed.xml",
        "https://halyard.example:443/feed.xml",
        "https://halyard.example/feed.xml#top",
    ],
)
def test_an_address_that_is_written_otherwise_was_not_sent_on(asked: str) -> None:
    assert oddities(Feed("H", (article(),)), fetched(), asked, NOW) == ()


def test_http_pages_are_odd_only_beside_a_feed_over_https(
    http_server: WebServer, fetcher: Fetcher
) -> None:
    assert odd(http_server, fetcher, article(1, url="http://halyard.example/a/1")) == []


def test_a_feed_that_has_moved_says_where_to(http_server: WebServer, fetcher: Fetcher) -> None:
    new = http_server.route("/new.xml", b"<rss/>", headers=NEW)
    old = http_server.route_to("/old.xml", lambda _: Reply(status=301, headers={"Location": new}))
    for_now = http_server.route_to(
        "/now.xml", lambda _: Reply(status=302, headers={"Location": new})
    )
    feed = Feed("The Halyard", (article(),))

    moved = check_feed(fetcher, old, NOW, read=lambda *_: feed)
    sent_on = check_feed(fetcher, for_now, NOW, read=lambda *_: feed)

    assert moved.oddities[0] == f"The feed has moved for good. Add this address instead: {new}"
    assert sent_on.oddities[0] == f"The site sends us on for now, to {new}"


def test_a_site_that_cannot_say_whether_it_has_changed(
    http_server: WebServer, fetcher: Fetcher
) -> None:
    url = http_server.route("/feed.xml", b"<rss/>" * 200_000)
    found = check_feed(fetcher, url, NOW, read=lambda *_: Feed("H", (article(),)))

    assert any("no ETag, no Last-Modified" in sentence for sentence in found.oddities)
    assert "The feed is large: 1.2 MB." in found.oddities


def test_a_real_feed_is_read(http_server: WebServer, fetcher: Fetcher) -> None:
    url = http_server.route(
        "/feed.xml",
        b'<rss version="2.0"><channel><title>The Halyard</title><item><title>The port</title>'
        b"<link>/a/port</link><description>Open again.</description></item></channel></rss>",
        headers=NEW,
    )
    found = check_feed(fetcher, url, NOW)

    assert (found.error, found.title, found.entries) == (None, "The Halyard", 1)
    assert found.newest[0].url == f"{http_server.url}/a/port"


ODD_FEED = """<rss version="2.0"><channel><title>The Halyard</title>
<item><title>A</title><link>https://halyard.example/a#1</link><pubDate>{today}</pubDate></item>
<item><title>B</title><link>https://halyard.example/a#2</link><pubDate>10/11/2026</pubDate></item>
<item><title>C</title><link>https://halyard.example/c</link><pubDate>{to_come}</pubDate></item>
<item><title>D</title><link>https://halyard.example/d</link></item>
<item><link>https://halyard.example/e</link></item>
<item><title>F</title></item>
</channel></rss>"""


def test_nothing_is_said_twice_of_a_feed_with_much_that_is_odd(
    http_server: WebServer, fetcher: Fetcher
) -> None:
    days = {"today": NOW, "to_come": NOW + timedelta(days=3)}
    feed = ODD_FEED.format_map({name: f"{day:%Y-%m-%dT%H:%M:%SZ}" for name, day in days.items()})
    found = check_feed(fetcher, http_server.route("/feed.xml", feed.encode(), headers=NEW), NOW)

    assert found.entries == 4
    assert found.oddities[1:-4] == (
        "One entry has a date that we cannot read for certain, or that cannot be true: "
        "“10/11/2026”.",
        "One entry is dated ahead, “2026-12-03T12:00:00Z”, and has no date until then.",
        "One entry has no date.",
        "One entry has no title, and is left out.",
        "One entry has no page on the web, and is left out.",
        "2 entries share a page with others, such as “https://halyard.example/a”. Their GUIDs tell "
        "them apart; without these the fragments of their links, or their titles.",
        "What has no date counts as old if it is there at the first fetch, and as new if it comes "
        "later.",
    )


PAGE = b"""<!doctype html><html><head><title>The Halyard</title>
<link rel="stylesheet" href="/style.css">
<LINK TYPE='application/rss+xml' REL="alternate" HREF="/feed.xml?a=1&amp;b=2">
<link rel=alternate type=application/feed+json href=feed.json>
<link rel="alternate" type="application/atom+xml; charset=utf-8" href="https://example.com/atom">
<link rel="alternate" type="application/rss+xml" href="javascript:alert(1)">
<link rel="alternate" hreflang="de" href="/de/">
</head><body></body></html>"""


def test_a_web_page_names_its_feeds(http_server: WebServer, fetcher: Fetcher) -> None:
    found = check_feed(fetcher, http_server.route("/news/", PAGE), NOW)

    assert found.error == "That address shows a web page, not a feed."
    assert found.feeds == (
        f"{http_server.url}/feed.xml?a=1&b=2",
        f"{http_server.url}/news/feed.json",
        "https://example.com/atom",
    )


def test_what_cannot_be_fetched_says_why(http_server: WebServer, fetcher: Fetcher) -> None:
    found = check_feed(fetcher, f"{http_server.url}/nothing", NOW)

    assert found.error == "There is no feed at that address (404)."


def test_what_the_reader_refuses_says_why(http_server: WebServer, fetcher: Fetcher) -> None:
    def refuse(*_: object) -> Feed:
        raise FeedError("The feed is empty.")

    found = check_feed(fetcher, http_server.route("/feed.xml", b"", headers=NEW), NOW, read=refuse)

    assert found == FeedCheck(f"{http_server.url}/feed.xml", error="The feed is empty.")


@given(st.binary(max_size=2000), st.integers(0, 300))
def test_no_page_is_too_odd_to_look_through(page: bytes, repeated: int) -> None:
    named = feeds_named(PAGE * 2 + page + b"<link rel=alternate " * repeated, "https://a.example/")

    assert len(named) == 3

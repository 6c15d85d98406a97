"""Sources fetched over HTTP into a database, again and again."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, select, update

from digest.database.transactions import Database
from digest.errors import NotFoundError
from digest.models import Article, Publication, Source
from digest.newsroom.intake.articles import NewArticle, add_article
from digest.newsroom.intake.fetching import FEED, PRIVATE_NETWORKS, Fetcher
from digest.newsroom.intake.fetching_sources import (
    CLAIM,
    SourceFetched,
    backoff,
    fetch_source,
    open_fetcher,
    sources_due,
)
from digest.newsroom.intake.reading_child.asking import FeedReader
from digest.newsroom.intake.reading_child.limits import Limits
from digest.newsroom.intake.sources import add_source
from tests.factories import NOW, make_settings
from tests.servers.web import Body, Reply, Request, WebServer

EVERY = timedelta(minutes=15)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
FETCHER = Fetcher("https://halyard.example", PRIVATE_NETWORKS)
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


class Feed:
    """A feed on a server, with what a test puts in it, and the source that we have of it."""

    def __init__(self, database: Database, server: WebServer) -> None:
        self.database = database
        self.server = server
        self.items: list[str] = []
        self.built = ""
        self.status = 200
        self.headers: dict[str, str] = {}
        self.url = server.route_to("/feed.xml", self._answer)
        with database.transaction() as session:
            self.id = add_source(session, self.url, NOW, name="The Halyard").id

    def add(self, slug: str, title: str | None = None, **tags: str) -> None:
        given = "".join(f"<{tag}>{value}</{tag}>" for tag, value in tags.items())
        self.items.append(
            f"<item><title>{title or slug.title()}</title>"
            f"<link>https://halyard.example/a/{slug}</link>{given}</item>"
        )

    def fetch(self, now: datetime = NOW, **options: object) -> SourceFetched | None:
        return fetch_source(
            self.database,
            self.id,
            fetcher=FETCHER,
            now=now,
            every=EVERY,
            **options,  # type: ignore[arg-type]
        )

    def source(self) -> Source:
        with self.database.reading() as session:
            return session.get_one(Source, self.id)

    def articles(self) -> dict[str, Article]:
        with self.database.reading() as session:
            found = session.scalars(select(Article).order_by(Article.id)).all()
        return {article.url.rpartition("/")[2]: article for article in found}

    def _answer(self, request: Request) -> Reply:
        items = "".join(self.items)
        body = f"<rss version='2.0'><channel><title>H</title>{self.built}{items}</channel></rss>"
        etag = self.headers.get("ETag")
        if etag is not None and request.headers["If-None-Match"] == etag:
            return Reply(status=304)
        return Reply(body.encode(), self.status, self.headers)


@pytest.fixture
def feed(database: Database, http_server: WebServer) -> Feed:
    return Feed(database, http_server)


def published(moment: datetime) -> str:
    return f"{moment:%a, %d %b %Y %H:%M:%S} GMT"


def test_a_source_is_fetched_and_its_articles_come_in(feed: Feed) -> None:
    feed.add("port", guid="7", category="World", description="A fact, then a turn.")
    feed.add("cold")
    fetched = feed.fetch()

    assert fetched == SourceFetched(feed.id, "The Halyard", added=2)
    article = feed.articles()["port"]
    assert (article.source_id, article.guid, article.section) == (feed.id, "7", "World")
    assert article.standfirst == "A fact, then a turn."
    source = feed.source()
    assert source.succeeded_at == source.fetched_at == NOW
    assert source.next_fetch_at == NOW + EVERY
    assert (source.failures, source.last_error) == (0, None)


def test_the_first_fetch_takes_the_feeds_dates_and_later_ones_the_clock(feed: Feed) -> None:
    feed.add("old", pubDate=published(NOW - 30 * DAY))
    feed.add("undated")
    feed.fetch()
    feed.add("older", pubDate=published(NOW - 40 * DAY))
    feed.fetch(NOW + HOUR)

    articles = feed.articles()
    assert articles["old"].first_seen_at == articles["old"].published_at == NOW - 30 * DAY
    assert articles["undated"].first_seen_at == NOW
    assert articles["older"].first_seen_at == NOW + HOUR
    assert articles["older"].published_at == NOW - 40 * DAY


def test_what_is_undated_in_a_first_fetch_is_no_news_and_what_follows_is(feed: Feed) -> None:
    feed.add("old", pubDate=published(NOW - 30 * DAY))
    feed.add("essay")
    feed.add("garbled", pubDate="soon")
    feed.fetch()
    feed.add("news")
    feed.fetch(NOW + HOUR)

    articles = feed.articles()
    assert {slug for slug, found in articles.items() if found.backlog} == {"essay", "garbled"}
    assert articles["essay"].published_at is articles["news"].published_at is None


def test_a_first_fetch_that_failed_does_not_make_news_of_the_old(feed: Feed) -> None:
    feed.status = 500
    feed.fetch()
    feed.status = 200
    feed.add("essay")
    feed.fetch(NOW + DAY)

    assert feed.articles()["essay"].backlog


def test_a_first_fetch_that_failed_does_not_count(feed: Feed) -> None:
    feed.status = 500
    feed.fetch()
    feed.status = 200
    feed.add("old", pubDate=published(NOW - 30 * DAY))
    feed.fetch(NOW + DAY)

    assert feed.articles()["old"].first_seen_at == NOW - 30 * DAY


def test_what_has_no_section_is_of_the_sources(feed: Feed) -> None:
    with feed.database.transaction() as session:
        session.execute(update(Source).values(section="Opinion"))
    feed.add("port")
    feed.add("cold", category="Business")
    feed.fetch()

    assert {slug: a.section for slug, a in feed.articles().items()} == {
        "port": "Opinion",
        "cold": "Business",
    }


def statements(database: Database) -> list[str]:
    seen: list[str] = []

    def note(*arguments: object) -> None:
        seen.append(str(arguments[2]).split()[0])

    event.listen(database.engine, "before_cursor_execute", note)
    return seen


@pytest.mark.parametrize("date", ["", "Thu, 01 Jan 1970 00:00:00 GMT", published(NOW + 3 * HOUR)])
def test_what_did_not_change_is_not_written(feed: Feed, date: str) -> None:
    feed.add("port", category="World", pubDate=date, guid="7", description="A fact.")
    feed.fetch()
    before = feed.articles()["port"]
    feed.built = "<lastBuildDate>only this is new</lastBuildDate>"
    seen = statements(feed.database)
    fetched = feed.fetch(NOW + HOUR)

    assert fetched == SourceFetched(feed.id, "The Halyard")
    assert feed.articles()["port"].updated_at == before.updated_at
    assert feed.articles()["port"].published_at == before.published_at
    # The claim, its end, and the first line of a run in the history.
    assert (seen.count("UPDATE"), seen.count("INSERT")) == (3, 1)


def test_an_article_that_changed_at_the_source_changes(feed: Feed) -> None:
    feed.add("port", "The port", guid="7")
    feed.fetch()
    feed.items.clear()
    feed.add("port", "The port, corrected", guid="7")
    fetched = feed.fetch(NOW + HOUR)

    assert fetched == SourceFetched(feed.id, "The Halyard", changed=1)
    article = feed.articles()["port"]
    assert (article.title, article.updated_at) == ("The port, corrected", NOW + HOUR)
    assert article.first_seen_at == NOW


def test_an_article_that_moved_is_known_by_its_guid(feed: Feed) -> None:
    feed.add("port", guid="7")
    feed.fetch()
    feed.items.clear()
    feed.add("harbour", guid="7")
    feed.fetch(NOW + HOUR)

    assert list(feed.articles()) == ["harbour"]


def test_two_sources_with_the_same_page_have_one_article(
    feed: Feed, http_server: WebServer
) -> None:
    feed.add("port", "The port")
    feed.fetch()
    with feed.database.transaction() as session:
        url = f"{http_server.url}/feed.xml?section=world"
        other = add_source(session, url, NOW, section="Other").id
    again = fetch_source(feed.database, other, fetcher=FETCHER, now=NOW + HOUR, every=EVERY)

    assert again is not None
    assert (again.added, again.changed) == (0, 0)
    [article] = feed.articles().values()
    assert (article.source_id, article.section) == (feed.id, None)


def test_a_retired_source_gives_its_articles_up(feed: Feed, http_server: WebServer) -> None:
    feed.add("port")
    feed.fetch()
    with feed.database.transaction() as session:
        session.execute(update(Source).values(retired_at=NOW))
        url = f"{http_server.url}/feed.xml?section=world"
        other = add_source(session, url, NOW, section="Other").id
    fetch_source(feed.database, other, fetcher=FETCHER, now=NOW + HOUR, every=EVERY)

    assert feed.articles()["port"].section == "Other"


def test_an_entry_that_cannot_be_used_is_counted_and_the_rest_comes_in(feed: Feed) -> None:
    feed.items.append("<item><title>x</title><link>javascript:alert(1)</link></item>")
    feed.add("port")
    fetched = feed.fetch()

    assert fetched == SourceFetched(feed.id, "The Halyard", added=1, unusable=1)
    assert list(feed.articles()) == ["port"]


def test_nothing_hostile_gets_through(feed: Feed) -> None:
    feed.add(
        "port",
        "&lt;script&gt;alert(1)&lt;/script&gt;The &lt;b&gt;port&lt;/b&gt;",
        description="&lt;a href='javascript:x()'&gt;A fact&lt;/a&gt; to read."
        "&lt;img src=x onerror=y()&gt;",
        author="&lt;script&gt;x()&lt;/script&gt;Joss",
        category="&lt;i&gt;World&lt;/i&gt;",
    )
    feed.fetch()

    article = feed.articles()["port"]
    assert (article.title, article.standfirst) == ("The port", "A fact to read.")
    assert (article.byline, article.section) == ("Joss", "World")
    assert "javascript" not in article.body
    assert "onerror" not in article.body


def test_what_is_not_changed_costs_one_question(feed: Feed) -> None:
    feed.headers = {"ETag": '"1"', "Last-Modified": published(NOW)}
    feed.add("port")
    feed.fetch()
    seen = statements(feed.database)
    fetched = feed.fetch(NOW + HOUR)

    assert fetched == SourceFetched(feed.id, "The Halyard", unchanged=True)
    asked = feed.server.requests[-1].headers
    assert asked["If-None-Match"] == '"1"'
    assert asked["If-Modified-Since"] == published(NOW)
    assert (seen.count("UPDATE"), seen.count("INSERT")) == (3, 1)
    source = feed.source()
    assert (source.etag, source.succeeded_at) == ('"1"', NOW + HOUR)
    assert source.next_fetch_at == NOW + HOUR + EVERY


def test_the_bytes_of_last_time_are_not_read_again(feed: Feed) -> None:
    feed.add("port", guid="7")
    feed.add("cold")
    feed.fetch()
    seen = statements(feed.database)
    fetched = feed.fetch(NOW + HOUR)

    assert fetched == SourceFetched(feed.id, "The Halyard", unchanged=True)
    assert feed.source().succeeded_at == NOW + HOUR
    assert feed.source().next_fetch_at == NOW + HOUR + EVERY
    assert (seen.count("UPDATE"), seen.count("INSERT")) == (3, 1)
    feed.add("new")
    assert feed.fetch(NOW + 2 * HOUR) == SourceFetched(feed.id, "The Halyard", added=1)


@pytest.mark.parametrize("change", ["reader", "section", "forgotten"])
def test_they_are_read_again_where_something_else_would_come_of_them(
    feed: Feed, change: str
) -> None:
    """And asked for in full, though the site says that nothing has changed."""
    feed.headers = {"ETag": '"1"'}
    feed.add("port")
    feed.fetch()
    with feed.database.transaction() as session:
        source = session.get_one(Source, feed.id)
        if change == "section":
            source.section = "World"
        else:
            source.content_hash = f"0{source.content_hash}" if change == "reader" else None
    fetched = feed.fetch(NOW + HOUR)

    assert fetched is not None
    assert not fetched.unchanged
    assert feed.articles()["port"].section == ("World" if change == "section" else None)
    assert feed.fetch(NOW + 2 * HOUR) == SourceFetched(feed.id, "The Halyard", unchanged=True)
    assert feed.server.requests[-1].headers["If-None-Match"] == '"1"'


@pytest.mark.parametrize("ahead", [HOUR, 40 * DAY])
@pytest.mark.parametrize("beside", [{}, {"updated": published(NOW - DAY)}])
def test_what_is_dated_ahead_gets_its_date_when_it_comes(
    feed: Feed, ahead: timedelta, beside: dict[str, str]
) -> None:
    feed.add("port", pubDate=published(NOW + ahead), **beside)
    feed.fetch()
    assert feed.articles()["port"].published_at == (NOW - DAY if beside else None)
    fetched = feed.fetch(NOW + ahead + HOUR)

    assert fetched == SourceFetched(feed.id, "The Halyard", changed=1)
    assert feed.articles()["port"].published_at == NOW + ahead
    fetched = feed.fetch(NOW + ahead + 2 * HOUR)
    assert fetched == SourceFetched(feed.id, "The Halyard", unchanged=True)


def test_what_was_stored_in_part_is_read_again(feed: Feed) -> None:
    class DiskFullError(Exception):
        pass

    def fill_disk(*arguments: object) -> None:
        if str(arguments[2]).startswith("INSERT") and len(feed.articles()) >= 25:
            raise DiskFullError

    for number in range(40):
        feed.add(f"a{number}")
    event.listen(feed.database.engine, "before_cursor_execute", fill_disk)
    with pytest.raises(DiskFullError):
        feed.fetch()
    assert feed.source().content_hash is None
    event.remove(feed.database.engine, "before_cursor_execute", fill_disk)
    fetched = feed.fetch(NOW + HOUR)

    assert fetched == SourceFetched(feed.id, "The Halyard", added=15)


def test_a_feed_that_takes_too_long_fails_in_words_and_is_tried_again(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed.add("port", description="A fact, then a turn. " * 20_000)
    hasty = FeedReader(Limits(seconds=0.001))
    with monkeypatch.context() as patched:
        patched.setattr("digest.newsroom.intake.fetching_sources.OURS", hasty)
        fetched = feed.fetch()
    hasty.end()

    assert fetched is not None
    assert fetched.error == feed.source().last_error == "The feed took too long to read."
    assert feed.source().content_hash is None
    feed.items.clear()
    feed.add("port")
    assert feed.fetch(NOW + DAY) == SourceFetched(feed.id, "The Halyard", added=1)


def test_a_feed_that_cannot_be_read_is_asked_for_in_full_again(feed: Feed) -> None:
    feed.headers = {"ETag": '"1"'}
    feed.items.append("</channel>" + "<!ENTITY")
    feed.server.route("/feed.xml", b"<html>", headers=feed.headers)
    feed.fetch()

    assert feed.source().etag is None
    assert feed.source().last_error == "That address shows a web page, not a feed."


def test_failures_wait_longer_each_time_and_success_forgets_them(feed: Feed) -> None:
    feed.status = 500
    now, waits = NOW, []
    for failures in range(1, 10):
        fetched = feed.fetch(now)
        source = feed.source()
        assert fetched is not None
        assert fetched.error == source.last_error
        assert fetched.error == "The site answered with status 500 instead of the feed."
        assert source.failures == failures
        assert source.succeeded_at is None
        waits.append(source.next_fetch_at - now)
        now = source.next_fetch_at
    feed.status = 200
    feed.fetch(now)

    for number, wait in enumerate(waits):
        longest = min(EVERY * 2**number, DAY)
        assert longest * 0.8 <= wait <= longest
    assert (feed.source().failures, feed.source().last_error) == (0, None)
    assert feed.source().next_fetch_at == now + EVERY


def test_backoff_is_bounded_however_long_a_site_is_away() -> None:
    assert backoff(100_000) <= DAY


@pytest.mark.parametrize(("status", "asked", "wait"), [(429, "7200", 2 * HOUR), (410, "", DAY)])
def test_a_site_that_says_when_to_come_back_is_heard(
    feed: Feed, status: int, asked: str, wait: timedelta
) -> None:
    feed.status, feed.headers = status, {"Retry-After": asked}
    feed.fetch()

    assert feed.source().next_fetch_at == NOW + wait
    assert f"({status})" in (feed.source().last_error or "")


def test_a_feed_that_moved_for_good_is_followed(feed: Feed, http_server: WebServer) -> None:
    feed.add("port")
    old = http_server.route("/old.xml", status=301, headers={"Location": "/feed.xml"})
    with feed.database.transaction() as session:
        session.execute(update(Source).values(url=f"{feed.url}?else"))
        source_id = add_source(session, old, NOW).id

    def fetch(now: datetime) -> SourceFetched | None:
        return fetch_source(feed.database, source_id, fetcher=FETCHER, now=now, every=EVERY)

    fetched = fetch(NOW)

    assert fetched is not None
    assert fetched.moved_to == feed.url
    fetch(NOW + HOUR)
    assert [request.path for request in http_server.requests] == [
        *("/old.xml", "/feed.xml", "/feed.xml"),
    ]


@pytest.mark.parametrize("why", ["for now", "somebody else has it", "no feed there"])
def test_a_feed_stays_where_it_is_known(feed: Feed, http_server: WebServer, why: str) -> None:
    status = 302 if why == "for now" else 301
    old = http_server.route("/old.xml", status=status, headers={"Location": "/feed.xml"})
    if why == "no feed there":
        http_server.route("/feed.xml", b"<html>")
    with feed.database.transaction() as session:
        source_id = add_source(session, old, NOW).id
        if why != "somebody else has it":
            session.execute(
                update(Source).where(Source.id == feed.id).values(url="http://x.example/")
            )
    fetch_source(feed.database, source_id, fetcher=FETCHER, now=NOW, every=EVERY)

    with feed.database.reading() as session:
        assert session.get_one(Source, source_id).url == old


def test_what_is_not_due_or_retired_is_left_alone(feed: Feed) -> None:
    feed.fetch()

    assert feed.fetch(NOW + timedelta(minutes=14)) is None
    assert feed.fetch(NOW + timedelta(minutes=14), only_if_due=False) is not None
    with feed.database.transaction() as session:
        session.execute(update(Source).values(retired_at=NOW))
    assert feed.fetch(NOW + HOUR, only_if_due=False) is None
    assert len(feed.server.requests) == 2


def test_a_source_that_does_not_exist_is_not_found(database: Database) -> None:
    with pytest.raises(NotFoundError):
        fetch_source(database, 7, fetcher=FETCHER, now=NOW, every=EVERY)


def test_the_longest_overdue_comes_first(database: Database) -> None:
    with database.transaction() as session:
        late = add_source(session, "https://late.example/", NOW - HOUR).id
        latest = add_source(session, "https://latest.example/", NOW - 2 * HOUR).id
        add_source(session, "https://early.example/", NOW + HOUR)
        add_source(session, "https://retired.example/", NOW).retired_at = NOW
    with database.reading() as session:
        assert sources_due(session, NOW) == [latest, late]


def at_once(number: int, do: Callable[[], object]) -> list[object]:
    together = threading.Barrier(number)
    results: list[object] = []

    def run() -> None:
        together.wait()
        results.append(do())

    threads = [threading.Thread(target=run) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_of_several_workers_one_fetches(feed: Feed) -> None:
    feed.add("port")
    results = at_once(4, feed.fetch)

    assert len([result for result in results if result is not None]) == 1
    assert len(feed.server.requests) == 1


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_of_two_workers_who_saw_the_same_one_fetches(feed: Feed) -> None:
    """SQLite lets only one of them look at a time."""
    both_saw = meet_before_update(feed.database, "source")
    results = at_once(2, feed.fetch)

    assert both_saw.n_waiting == 0
    assert not both_saw.broken
    assert len([result for result in results if result is not None]) == 1
    assert len(feed.server.requests) == 1


def meet_before_update(database: Database, table: str) -> threading.Barrier:
    """Have the first two who update a table wait for each other."""
    barrier, come = threading.Barrier(2), iter(range(2))

    def wait(*arguments: object) -> None:
        if str(arguments[2]).startswith(f"UPDATE {table} ") and next(come, None) is not None:
            barrier.wait(10)

    event.listen(database.engine, "before_cursor_execute", wait)
    return barrier


def test_a_worker_that_died_gives_its_source_back(feed: Feed) -> None:
    class Death(BaseException):
        pass

    def die(_: Request) -> Reply:
        return Reply(b"<rss/>")

    class Mortal(Fetcher):
        def fetch(self, *_: object, **__: object) -> object:  # type: ignore[override]
            raise Death

    feed.server.route_to("/feed.xml", die)
    with pytest.raises(Death):
        fetch_source(feed.database, feed.id, fetcher=Mortal("x"), now=NOW, every=EVERY)

    assert feed.fetch(NOW + CLAIM - timedelta(seconds=1)) is None
    assert feed.fetch(NOW + CLAIM) is not None


def test_a_worker_that_is_late_changes_nothing(feed: Feed) -> None:
    """It comes back after another has claimed and fetched the source."""

    class Late(Fetcher):
        def fetch(self, *_: object, **__: object) -> object:  # type: ignore[override]
            feed.fetch(NOW + CLAIM)
            return FETCHER.fetch(f"{feed.server.url}/gone", FEED)

    feed.add("port")
    fetched = fetch_source(feed.database, feed.id, fetcher=Late("x"), now=NOW, every=EVERY)

    assert fetched is not None
    assert fetched.error is not None
    source = feed.source()
    assert (source.failures, source.last_error) == (0, None)
    assert source.next_fetch_at == NOW + CLAIM + EVERY


@SQLITE
def test_nothing_is_locked_while_the_site_is_slow(feed: Feed) -> None:
    written: list[int] = []

    def answer(_: Request) -> Reply:
        with feed.database.transaction() as session:
            written.append(add_article(session, NewArticle("https://x.example/", "X"), NOW).id)
        return Reply(b"<rss><channel/></rss>")

    feed.server.route_to("/feed.xml", answer)
    feed.fetch()

    assert len(written) == 1
    assert feed.source().last_error is None


@SQLITE
@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("endless", "larger than 5 MB"),
        ("drip", "within 0.5 seconds"),
        ("silence", "within 0.5 seconds"),
        ("not a feed", "not a feed"),
        ("bomb", "entities of its own"),
    ],
)
def test_bad_feeds_end_in_words_and_leave_nothing(feed: Feed, body: str, words: str) -> None:
    server = feed.server
    bomb = b'<!DOCTYPE r [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><rss><channel>&b;</channel></rss>'
    bodies: dict[str, Body] = {
        "endless": server.drip(b"x" * 500_000, every=0),
        "drip": server.drip(b"<rss>", b"x", every=0.02),
        "silence": server.silence,
        "not a feed": b"\x89PNG\r\n",
        "bomb": bomb,
    }
    server.route("/feed.xml", bodies[body])
    slow = body in {"drip", "silence"}
    feed.fetch(bounds=replace(FEED, seconds=0.5) if slow else FEED)

    assert words in (feed.source().last_error or "")
    assert feed.source().next_fetch_at > NOW
    assert feed.articles() == {}


@SQLITE
def test_a_source_inside_our_network_is_refused_where_that_is_not_allowed(feed: Feed) -> None:
    fetcher = open_fetcher(feed.database, make_settings(feed.database.url, fetch_private=False))
    with feed.database.transaction() as session:
        session.execute(update(Source).values(url="http://localhost/feed.xml"))
    fetch_source(feed.database, feed.id, fetcher=fetcher, now=NOW, every=EVERY)

    assert "not on the public internet" in (feed.source().last_error or "")
    assert "127.0.0.1" not in (feed.source().last_error or "")


@SQLITE
def test_the_fetcher_speaks_for_the_publisher(feed: Feed) -> None:
    settings = make_settings(feed.database.url)
    open_fetcher(feed.database, settings).fetch(feed.url, FEED)
    with feed.database.transaction() as session:
        session.add(Publication(id=1, name="The Halyard", site_url="https://halyard.example"))
    open_fetcher(feed.database, settings).fetch(feed.url, FEED)

    agents = [request.headers["User-Agent"] for request in feed.server.requests]
    assert "(+http://127.0.0.1:8000)" in agents[0]
    assert "(+https://halyard.example)" in agents[1]


def test_two_hundred_articles_come_in_the_newest_last(feed: Feed) -> None:
    for number in range(60):
        feed.add(str(number))
    feed.fetch()

    assert list(feed.articles()) == [str(number) for number in reversed(range(60))]
    assert {article.first_seen_at for article in feed.articles().values()} == {NOW.astimezone(UTC)}

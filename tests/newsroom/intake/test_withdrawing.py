"""Pages asked over HTTP, whether they are still there, before an issue shows their articles."""

from datetime import timedelta
from http import HTTPStatus

import pytest
from sqlalchemy import select, update

from digest.clock import FixedClock
from digest.database.transactions import Database
from digest.models import Article, Issue, IssueState, PageCheck
from digest.newsroom.intake.articles import NewArticle, bring_in
from digest.newsroom.intake.fetching import PRIVATE_NETWORKS, Fetcher
from digest.newsroom.intake.sources import add_source
from digest.newsroom.intake.withdrawing import (
    AHEAD,
    APART,
    CLAIM,
    TRIES,
    ask_page,
    ask_pages,
    pages_to_ask,
)
from tests.factories import NOW, make_article, make_issue, make_newsletter
from tests.newsroom.intake.test_fetching_sources import (
    HOUR,
    Feed,
    at_once,
    feed,
    meet_before_update,
    published,
)
from tests.servers.web import Reply, Request, WebServer

__all__ = ["feed"]

FETCHER = Fetcher("https://halyard.example", PRIVATE_NETWORKS)
MINUTE = timedelta(minutes=1)
SEND_AT = NOW + HOUR


class Desk:
    """An issue that waits, of two stories whose pages are on a server."""

    def __init__(self, database: Database, server: WebServer) -> None:
        self.database = database
        self.server = server
        self.clock = FixedClock(SEND_AT - AHEAD)
        with database.transaction() as session:
            articles = [
                make_article(session, slug, url=server.route(f"/a/{slug}", b"<p>Here."))
                for slug in ("port", "cold")
            ]
            self.port, self.cold = (article.id for article in articles)
            issue = make_issue(
                session, make_newsletter(session), articles, IssueState.SCHEDULED, send_at=SEND_AT
            )
            self.issue_id = issue.id

    def answer(self, slug: str, status: int, **headers: str) -> None:
        self.server.route(f"/a/{slug}", b"", status=status, headers=headers)

    def ask(self) -> bool:
        return ask_pages(self.database, fetcher=FETCHER, clock=self.clock.now, go_on=lambda: True)

    def due(self) -> list[int]:
        with self.database.reading() as session:
            return pages_to_ask(session, self.clock.now())

    def article(self, article_id: int) -> Article:
        with self.database.reading() as session:
            return session.get_one(Article, article_id)

    def check(self, article_id: int) -> PageCheck:
        with self.database.reading() as session:
            return session.get_one(PageCheck, article_id)

    def asked(self, slug: str) -> int:
        return sum(request.path == f"/a/{slug}" for request in self.server.requests)


@pytest.fixture
def desk(database: Database, http_server: WebServer) -> Desk:
    return Desk(database, http_server)


def test_nothing_is_asked_until_twenty_minutes_before(desk: Desk) -> None:
    desk.clock.at = SEND_AT - AHEAD - MINUTE
    assert desk.due() == []
    desk.clock.advance(MINUTE)
    assert desk.due() == [desk.port, desk.cold]


def test_pages_that_are_there_are_asked_once_and_stay(desk: Desk) -> None:
    assert desk.ask()
    desk.clock.at = SEND_AT - MINUTE
    assert desk.due() == []
    assert [request.method for request in desk.server.requests] == ["HEAD", "HEAD"]
    assert desk.article(desk.port).withdrawn_at is None
    assert desk.check(desk.port).status == HTTPStatus.OK


@pytest.mark.parametrize("status", [404, 410])
def test_a_page_that_is_gone_twice_ten_minutes_apart_is_withdrawn(desk: Desk, status: int) -> None:
    desk.answer("port", status)
    desk.ask()
    desk.clock.advance(APART - MINUTE)
    assert desk.due() == [], "not before ten minutes are over"
    desk.clock.advance(MINUTE)
    assert desk.due() == [desk.port]
    desk.ask()

    withdrawn = desk.article(desk.port)
    assert (withdrawn.withdrawn_at, withdrawn.withdrawn_by) == (desk.clock.now(), None)
    assert desk.article(desk.cold).withdrawn_at is None
    assert desk.due() == []


def test_a_page_that_comes_back_stays(desk: Desk) -> None:
    desk.answer("port", 404)
    desk.ask()
    desk.answer("port", 200)
    desk.clock.advance(APART)
    desk.ask()
    assert desk.article(desk.port).withdrawn_at is None
    assert desk.check(desk.port).gone_since is None


@pytest.mark.parametrize("status", [401, 403, 429, 451, 500, 503])
def test_what_could_not_be_checked_holds_nothing_up(desk: Desk, status: int) -> None:
    desk.answer("port", status)
    for _ in range(30):
        desk.ask()
        desk.clock.advance(MINUTE)
    assert desk.article(desk.port).withdrawn_at is None
    assert desk.asked("port") == 2 * TRIES, "HEAD and GET, and not for ever"


def test_a_site_that_does_not_answer_holds_nothing_up(desk: Desk) -> None:
    with desk.database.transaction() as session:
        # Nobody listens there.
        session.execute(
            update(Article).where(Article.id == desk.port).values(url="http://127.0.0.1:9/a")
        )
    for _ in range(2):
        assert desk.ask()
        desk.clock.advance(APART)
    assert desk.article(desk.port).withdrawn_at is None
    assert desk.check(desk.port).status is None


def test_an_outage_between_the_two_answers_does_not_forget_the_first(desk: Desk) -> None:
    desk.answer("port", 404)
    desk.ask()
    desk.answer("port", 503)
    desk.clock.advance(APART)
    desk.ask()
    assert desk.article(desk.port).withdrawn_at is None
    desk.answer("port", 404)
    desk.clock.advance(timedelta(minutes=5))
    desk.ask()
    assert desk.article(desk.port).withdrawn_at == desk.clock.now()


def test_a_server_that_knows_no_head_is_asked_by_get(desk: Desk) -> None:
    def no_head(request: Request) -> Reply:
        return Reply(b"<p>Here.", 200) if request.method == "GET" else Reply(b"", 404)

    desk.server.route_to("/a/port", no_head)
    for _ in range(2):
        desk.ask()
        desk.clock.advance(APART)
    assert desk.article(desk.port).withdrawn_at is None
    assert desk.check(desk.port).status == HTTPStatus.OK


def test_a_redirect_to_the_home_page_is_not_gone_and_one_to_nowhere_is(desk: Desk) -> None:
    home = desk.server.route("/", b"<p>Home.")
    desk.answer("port", 302, Location=home)
    desk.answer("cold", 301, Location="/a/elsewhere")
    for _ in range(2):
        desk.ask()
        desk.clock.advance(APART)
    assert desk.article(desk.port).withdrawn_at is None
    assert desk.article(desk.cold).withdrawn_at is not None


def test_nothing_inside_our_network_is_asked(desk: Desk) -> None:
    public = Fetcher("https://halyard.example")
    ask_page(desk.database, desk.port, fetcher=public, clock=desk.clock.now)
    assert desk.server.requests == []
    assert desk.article(desk.port).withdrawn_at is None


def test_nothing_is_asked_after_the_issue_has_left(desk: Desk) -> None:
    desk.clock.at = SEND_AT
    assert desk.due() == []


def test_an_issue_that_is_put_off_is_asked_anew(desk: Desk) -> None:
    desk.ask()
    with desk.database.transaction() as session:
        session.get_one(Issue, desk.issue_id).send_at = SEND_AT + HOUR
    desk.clock.at = SEND_AT + HOUR - AHEAD
    assert desk.due() == [desk.port, desk.cold]


def test_of_several_workers_one_asks(desk: Desk) -> None:
    at_once(3, desk.ask)
    assert (desk.asked("port"), desk.asked("cold")) == (1, 1)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_of_two_workers_who_saw_the_same_one_asks(desk: Desk) -> None:
    desk.answer("port", 404)
    desk.ask()
    desk.clock.advance(APART)
    before = desk.asked("port")
    meet_before_update(desk.database, "page_check")

    def ask() -> bool:
        return ask_page(desk.database, desk.port, fetcher=FETCHER, clock=desk.clock.now)

    assert sorted(at_once(2, ask), key=bool) == [False, True]
    assert desk.asked("port") == before + 2, "once, by HEAD and GET"


def test_a_worker_that_died_gives_its_page_back(desk: Desk) -> None:
    class DeathError(BaseException):
        pass

    class Mortal(Fetcher):
        def status(self, *_: object, **__: object) -> int:
            raise DeathError

    with pytest.raises(DeathError):
        ask_page(desk.database, desk.port, fetcher=Mortal("x"), clock=desk.clock.now)
    assert desk.due() == [desk.cold]
    desk.clock.advance(CLAIM)
    assert desk.due() == [desk.cold, desk.port]


def test_it_stops_when_it_is_time_to(desk: Desk) -> None:
    turns = iter([True, False])
    assert not ask_pages(
        desk.database, fetcher=FETCHER, clock=desk.clock.now, go_on=lambda: next(turns)
    )
    assert desk.due() == [desk.cold]


# Missing from a feed that reaches back further.


def add_three(feed: Feed) -> None:
    for days, slug in enumerate(("new", "middle", "old"), start=1):
        feed.add(slug, guid=slug, pubDate=published(NOW - days * 24 * HOUR))
    feed.fetch()


def due(feed: Feed) -> list[str]:
    with feed.database.reading() as session:
        ids = pages_to_ask(session, NOW + HOUR)
        urls = session.scalars(select(Article.url).where(Article.id.in_(ids))).all()
    return sorted(url.rpartition("/")[2] for url in urls)


def test_what_a_feed_no_longer_has_though_it_reaches_back_is_asked_for_once(feed: Feed) -> None:
    add_three(feed)
    assert due(feed) == []
    gone = feed.items.pop(1)
    feed.fetch(NOW + HOUR)
    assert due(feed) == ["middle"]
    assert all(each.withdrawn_at is None for each in feed.articles().values())
    with feed.database.transaction() as session:
        session.execute(update(PageCheck).values(due_at=None, asked_at=NOW + HOUR))
    feed.fetch(NOW + 2 * HOUR)
    assert due(feed) == [], "only when it goes missing"
    feed.items.append(gone)
    feed.fetch(NOW + 3 * HOUR)
    feed.items.pop()
    feed.fetch(NOW + 4 * HOUR)
    with feed.database.reading() as session:
        assert len(pages_to_ask(session, NOW + 5 * HOUR)) == 1, "it was back, and went again"


def test_what_fell_off_the_end_of_a_feed_is_not_asked_for(feed: Feed) -> None:
    add_three(feed)
    feed.items.pop()
    feed.fetch(NOW + HOUR)
    feed.items.clear()
    feed.fetch(NOW + 2 * HOUR)
    assert due(feed) == []


def test_a_new_address_is_another_question(desk: Desk) -> None:
    desk.answer("port", 404)
    desk.ask()
    desk.clock.advance(APART)
    desk.ask()
    assert desk.article(desk.port).withdrawn_at is not None
    with desk.database.transaction() as session:
        source = desk.server.url
        article = session.get_one(Article, desk.port)
        new = NewArticle(url=f"{source}/a/harbour", title="The port", guid="7")
        article.source_id = add_source(session, f"{source}/feed.xml", NOW).id
        article.guid = article.guid_key = "7"
        session.flush()
        bring_in(session, new, NOW, article.source)
    moved = desk.article(desk.port)
    assert (moved.url, moved.withdrawn_at) == (f"{source}/a/harbour", None)
    assert desk.check(desk.port).gone_since is None

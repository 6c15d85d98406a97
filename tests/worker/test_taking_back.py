"""From the calendar to the frozen issue: a page that is gone in the last minutes is not sent."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from digest.cli.demo import demo_settings
from digest.clock import FixedClock
from digest.models import Article, Heartbeat, Issue, IssueState, Media
from digest.newsroom.intake.media import store_media
from digest.newsroom.intake.pictures import Encoded
from digest.runtime import ASK_PAGES, LET_GO, PREPARE_ISSUE, Runtime, open_runtime
from digest.tick import tick
from tests.factories import make_article, make_newsletter, make_reader
from tests.migrated import put_database
from tests.servers.web import WebServer
from tests.worker.test_fetching import RecordingBell
from worker.app import make_app

# A Saturday at seven in London.
SEND_AT = datetime(2026, 11, 21, 7, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class House:
    """Ticks and tasks, run one after the other by a clock that a test moves."""

    def __init__(self, runtime: Runtime, clock: FixedClock, bell: RecordingBell) -> None:
        self.runtime, self.clock, self.bell = runtime, clock, bell
        self.tasks = make_app(runtime.settings, runtime).tasks
        self.done: list[str] = []

    def go_to(self, at: datetime) -> None:
        """Tick each minute until then, and do what is rung for."""
        while self.clock.at <= at:
            tick(self.runtime)
            rung, self.bell.rung = self.bell.rung, []
            for task, ids in rung:
                if task in (ASK_PAGES, PREPARE_ISSUE, LET_GO):
                    self.tasks[task](*ids)
                    self.done.append(task)
            self.clock.advance(MINUTE)

    def issue(self) -> Issue:
        with self.runtime.database.reading() as session:
            found = session.scalars(select(Issue).order_by(Issue.send_at)).one()
            assert all(story.article.title for story in found.stories)
            return found

    def titles(self) -> list[str]:
        with self.runtime.database.reading() as session:
            found = session.scalars(select(Issue)).one()
            return [story.article.title for story in found.stories]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    settings = demo_settings(tmp_path, 8000, 1)
    put_database(settings.database_url)
    clock, bell = FixedClock(SEND_AT - timedelta(hours=2)), RecordingBell()
    runtime = open_runtime(settings, clock=clock, bell=bell)
    yield House(runtime, clock, bell)
    runtime.close()


def set_up(house: House, server: WebServer, slugs: tuple[str, ...]) -> None:
    with house.runtime.database.transaction() as session:
        newsletter = make_newsletter(
            session, story_count=3, calendar_since=SEND_AT - timedelta(days=6)
        )
        make_reader(session, newsletter, "robin@example.org")
        for hours, slug in enumerate(slugs, start=1):
            at = SEND_AT - timedelta(days=1, hours=hours)
            url = server.route(f"/a/{slug}", b"<p>Here.")
            make_article(
                session, slug, title=slug, url=url, section=slug, published_at=at, first_seen_at=at
            )


def test_a_page_that_is_gone_is_replaced_before_the_freeze(
    house: House, http_server: WebServer
) -> None:
    set_up(house, http_server, ("port", "cold", "roofs", "bat"))
    house.go_to(SEND_AT - timedelta(minutes=30))
    assert house.titles() == ["port", "cold", "roofs"]
    assert http_server.requests == []
    http_server.route("/a/port", status=404)
    house.go_to(SEND_AT)

    issue = house.issue()
    assert (issue.state, issue.frozen_at) == (IssueState.FROZEN, SEND_AT)
    assert [story.title for story in issue.stories] == ["cold", "roofs", "bat"]
    assert [request.path for request in http_server.requests].count("/a/port") == 4
    assert [request.path for request in http_server.requests].count("/a/bat") == 1, "asked as well"


def test_a_site_that_does_not_answer_delays_nothing(house: House, http_server: WebServer) -> None:
    set_up(house, http_server, ("port", "cold", "roofs", "bat"))
    for slug in ("port", "cold", "roofs"):
        http_server.route(f"/a/{slug}", status=503)
    house.go_to(SEND_AT)
    assert (house.issue().state, house.issue().frozen_at) == (IssueState.FROZEN, SEND_AT)
    assert house.titles() == ["port", "cold", "roofs"]


def test_with_nothing_to_replace_it_the_issue_is_held(house: House, http_server: WebServer) -> None:
    set_up(house, http_server, ("port", "cold", "roofs"))
    http_server.route("/a/cold", status=410)
    house.go_to(SEND_AT)
    issue = house.issue()
    assert issue.state is IssueState.HELD
    assert issue.reason == (
        "“cold” was withdrawn. Now only 2 stories are left, and it needs at least 3."
    )


def test_old_bodies_and_pictures_are_let_go_of_once_a_day(house: House) -> None:
    old = SEND_AT - timedelta(days=60)
    with house.runtime.database.transaction() as session:
        make_newsletter(session, calendar_since=SEND_AT + timedelta(days=60))
        key = store_media(session, Encoded(b"old", "image/jpeg", 1, 1), old)
        make_article(session, "old", body="<p>Old.", lead_image=key, first_seen_at=old)
    house.go_to(house.clock.at + 3 * MINUTE)
    assert house.done == [LET_GO]
    house.clock.advance(timedelta(days=1))
    house.go_to(house.clock.at)
    assert house.done == [LET_GO, LET_GO]
    with house.runtime.database.reading() as session:
        assert session.scalars(select(Media)).all() == []
        assert session.scalars(select(Article)).one().body == ""
        assert session.get(Heartbeat, "letting_go") is not None

"""The tick rings for sources and pictures that are due, and the workers fetch them."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from digest.cli.demo import demo_settings
from digest.clock import FixedClock
from digest.models import Article
from digest.newsroom.intake.articles import NewArticle, add_article
from digest.newsroom.intake.sources import add_source
from digest.runtime import FETCH_PICTURES, FETCH_SOURCE, TICK, Runtime, open_runtime
from digest.tick import tick
from tests.factories import NOW
from tests.migrated import put_database
from tests.newsroom.intake.test_pictures import file_of, photograph
from tests.servers.web import WebServer
from worker.embedded import EmbeddedWorkers

PATIENCE_SECONDS = 30.0


@dataclass
class RecordingBell:
    rung: list[tuple[str, tuple[int, ...]]] = field(default_factory=list)

    def ring(self, task: str, *ids: int) -> None:
        self.rung.append((task, ids))


def runtime_in(folder: Path, bell: RecordingBell | None = None) -> Runtime:
    settings = demo_settings(folder, 8000, 1)
    put_database(settings.database_url)
    return open_runtime(settings, clock=FixedClock(NOW), bell=bell)


def wait_until(holds: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < give_up_at
        time.sleep(0.02)


def test_the_tick_rings_for_what_is_due_and_for_nothing_else(tmp_path: Path) -> None:
    bell = RecordingBell()
    runtime = runtime_in(tmp_path, bell)
    try:
        tick(runtime)
        assert bell.rung == []
        with runtime.database.transaction() as session:
            due = add_source(session, "https://halyard.example/feed.xml", NOW).id
            add_source(session, "https://later.example/feed.xml", NOW + timedelta(minutes=1))
            page, image = "https://halyard.example/a", "https://halyard.example/a.jpg"
            add_article(session, NewArticle(page, "The port", image_url=image), NOW)
        tick(runtime)
        assert bell.rung == [(FETCH_SOURCE, (due,)), (FETCH_PICTURES, ())]
    finally:
        runtime.close()


def test_a_source_and_its_pictures_come_in_by_the_workers(
    tmp_path: Path, http_server: WebServer
) -> None:
    http_server.route("/i/port.jpg", file_of(photograph(1200, 900)))
    url = http_server.route(
        "/feed.xml",
        b"<rss version='2.0'><channel><title>H</title><item><title>The port</title>"
        b"<link>https://halyard.example/a/port</link>"
        b"<enclosure url='/i/port.jpg' type='image/jpeg'/></item></channel></rss>",
    )
    runtime = runtime_in(tmp_path)
    workers = EmbeddedWorkers(runtime)
    with runtime.database.transaction() as session:
        add_source(session, url, NOW)

    def has_picture() -> bool:
        with runtime.database.reading() as session:
            found = session.scalar(select(Article).where(Article.lead_image.is_not(None)))
        return found is not None and found.title == "The port"

    try:
        workers.start()
        runtime.bell.ring(TICK)
        wait_until(has_picture)
    finally:
        assert workers.stop(PATIENCE_SECONDS)
        runtime.close()

"""The reading child of a real worker, and of `digest run`: there, used, and gone with them."""

import signal
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from digest.database.transactions import Database
from digest.models import Article
from digest.newsroom.intake.sources import add_source
from digest.settings.loading import new_secret
from tests.journeys.formation import Formation, free_port, wait_until
from tests.migrated import put_database
from tests.servers.postgresql import PostgresServer
from tests.servers.redis_server import PrivateRedis
from tests.servers.web import WebServer

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks /proc")

FEED = (
    b"<rss version='2.0'><channel><title>H</title><item><title>The port</title>"
    b"<link>https://halyard.example/a/port</link></item></channel></rss>"
)


def descendants(pid: int) -> list[int]:
    try:
        told = Path(f"/proc/{pid}/task").glob("*/children")
        children = [int(child) for each in told for child in each.read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []
    return children + [each for child in children for each in descendants(child)]


def reading_children(pid: int) -> list[int]:
    """Return the reading children below a process, those that nobody has waited for among them."""
    found = []
    for each in descendants(pid):
        try:
            command = Path(f"/proc/{each}/cmdline").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if "reading_child" in command:
            found.append(each)
    return found


def has_ended(pid: int) -> bool:
    """Tell whether it runs no more; where init waits for nobody, it stays a zombie of init's."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def add_feed(database_url: str, feed_url: str) -> None:
    database = Database(database_url)
    with database.transaction() as session:
        add_source(session, feed_url, datetime.now(UTC))
    database.dispose()


def articles(database_url: str) -> int:
    database = Database(database_url)
    try:
        with database.reading() as session:
            return session.scalar(select(func.count(Article.id))) or 0
    finally:
        database.dispose()


@pytest.fixture
def prefork(
    tmp_path: Path,
    postgres_server: PostgresServer,
    postgres_template: str,
    private_redis: Callable[[], PrivateRedis],
) -> Iterator[Formation]:
    url = postgres_server.create_database(template=postgres_template)
    environment = {
        "DATABASE_URL": url,
        "REDIS_URL": private_redis().url,
        "SMTP_URL": "smtp://127.0.0.1:1",
        "DIGEST_KEYS": f"k1:{new_secret()}",
        "DIGEST_SUPPRESSION_KEY": new_secret(),
        "DIGEST_PUBLIC_URL": "http://127.0.0.1:8000",
        "DIGEST_FETCH_PRIVATE": "1",
        "DIGEST_TICK_SECONDS": "1",
    }
    with Formation(tmp_path, environment) as formation:
        yield formation
    postgres_server.drop(url)


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_workers_process_has_one_and_takes_it_along(
    prefork: Formation, http_server: WebServer, end: str
) -> None:
    url = prefork.environment["DATABASE_URL"]
    add_feed(url, http_server.route("/feed.xml", FEED))
    for name in ("worker", "notices"):
        prefork.start(name)
    wait_until(lambda: articles(url) == 1, "the article has come in")
    worker = prefork.pid("worker")
    children = reading_children(worker)
    assert len(children) == 1

    if end == "stop":
        assert prefork.stop("worker") == 0
    else:
        prefork.kill("worker", 1)
    wait_until(lambda: all(map(has_ended, children)), "its child has ended")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_one_process_has_one_and_takes_it_along(
    tmp_path: Path, http_server: WebServer, number: signal.Signals
) -> None:
    port = free_port()
    environment = {
        "DIGEST_DATA_DIR": str(tmp_path),
        "DIGEST_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "DIGEST_FETCH_PRIVATE": "1",
    }
    url = f"sqlite:///{tmp_path}/digest.sqlite3"
    put_database(url)
    add_feed(url, http_server.route("/feed.xml", FEED))
    with Formation(tmp_path, environment) as formation:
        # The whole group, as a terminal's Ctrl-C or a process manager asks.
        formation.launch("run.1", f"digest run --port {port}")
        wait_until(lambda: articles(url) == 1, "the article has come in")
        children = reading_children(formation.pid("run"))
        assert len(children) == 1
        formation.send_signal("run", number)
        wait_until(lambda: all(map(has_ended, children)), "its child has ended", 60)
        wait_until(lambda: not formation.is_running("run"), "it has ended", 60)
        if number is not signal.SIGKILL:
            assert formation.log_of("run.1").read_text().rstrip().endswith("Stopped.")

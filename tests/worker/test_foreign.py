"""What is no message of ours in the broker's list, and two programs that share one Redis."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from sqlalchemy import select

from digest.database.transactions import Database
from digest.models import Heartbeat
from digest.runtime import FEEDS, NOTICES, TICK, CeleryBell, celery_app
from digest.settings.loading import new_secret
from tests.factories import make_settings
from tests.journeys.formation import CHECKOUT, wait_until
from worker.app import make_app

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PROPERTIES = {"delivery_tag": "x", "delivery_info": {"exchange": "", "routing_key": "notices"}}
FOREIGN = (
    b"",
    b"hello",
    b"\xff\xfe",
    b"null",
    b"[]",
    b"42",
    b'"text"',
    b"{}",
    b"[" * 100_000,
    b'{"class": "Worker", "args": [1]}',
    b'{"properties": null}',
    b'{"properties": {}}',
    b'{"properties": {"delivery_tag": 1}, "body": "!!"}',
    json.dumps({"properties": PROPERTIES | {"body_encoding": "base64"}, "body": "&"}).encode(),
    json.dumps({"properties": PROPERTIES | {"body_encoding": "rot13"}, "body": "x"}).encode(),
    json.dumps({"properties": PROPERTIES, "body": "x", "headers": {"task": "theirs"}}).encode(),
    json.dumps({"properties": PROPERTIES, "body": "{}", "headers": []}).encode(),
    json.dumps(
        {
            "properties": PROPERTIES | {"delivery_tag": "y"},
            "body": "gAROLg==",
            "content-type": "application/x-python-serialize",
            "headers": {"task": TICK, "id": "1"},
        }
    ).encode(),
)

Worker = Callable[[], "subprocess.Popen[bytes]"]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def worker(database_url: str, redis_url: str, tmp_path: Path, log: Path) -> Iterator[Worker]:
    """Call it for a worker of its own process, on the queue of feeds: none that rings by itself."""
    started: list[subprocess.Popen[bytes]] = []

    def start() -> "subprocess.Popen[bytes]":
        queues = ["--queues", FEEDS, "--concurrency", "1", "--loglevel", "WARNING"]
        quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "PYTHONPATH": str(CHECKOUT),
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "DIGEST_KEYS": "k1:a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=",
            "DIGEST_SUPPRESSION_KEY": new_secret(),
        }
        with log.open("ab") as opened:
            process = subprocess.Popen(
                [sys.executable, "-m", "celery", "--app", "worker.app", "worker", *queues, *quiet],
                cwd=tmp_path,
                env=environment,
                stdout=opened,
                stderr=subprocess.STDOUT,
            )
        started.append(process)
        return process

    yield start
    for process in started:
        process.terminate()
        process.wait(60)


@SQLITE
def test_a_worker_survives_what_is_no_message_of_ours(
    worker: Worker, redis_url: str, database: Database, log: Path
) -> None:
    def ticked() -> bool:
        with database.reading() as session:
            return session.scalar(select(Heartbeat)) is not None

    with redis.Redis.from_url(redis_url) as client:
        process = worker()
        for each in FOREIGN:
            client.lpush(f"digest:{FEEDS}", each)
        wait_until(lambda: client.llen(f"digest:{FEEDS}") == 0, "all of it is taken")
    assert not ticked()
    celery_app(make_settings("sqlite://", redis_url=redis_url)).send_task(TICK, queue=FEEDS)
    wait_until(lambda: ticked() or process.poll() is not None, "the tick is heard", 60)

    assert process.poll() is None, log.read_text()
    assert ticked()
    assert "DIGEST_REDIS_PREFIX" in log.read_text()


def test_a_broker_by_tls_is_still_called_by_tls() -> None:
    settings = make_settings("sqlite://", redis_url="rediss://:pw@broker.example:6380/3")
    with make_app(settings).connection_for_read() as connection:
        assert type(connection.transport).__module__ == "worker.foreign"
        assert connection.ssl


def test_two_that_share_one_redis_do_not_hear_each_other(redis_url: str) -> None:
    ours, theirs = (
        make_settings("sqlite://", redis_url=redis_url, redis_prefix=prefix)
        for prefix in ("digest", "the-other-paper")
    )
    CeleryBell(theirs).ring(TICK)

    with redis.Redis.from_url(redis_url) as client:
        assert all(key.startswith(b"the-other-paper:") for key in client.scan_iter())
        assert client.llen(f"the-other-paper:{NOTICES}") == 1
    CeleryBell(ours).ring(TICK)
    with celery_app(ours).connection_for_read() as connection:
        heard = connection.SimpleQueue(NOTICES, no_ack=True)
        heard.get(timeout=10)
        with pytest.raises(heard.Empty):
            heard.get(block=False)
        heard.close()

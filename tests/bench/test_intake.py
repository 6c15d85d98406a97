"""What the measure of the intake stands on: its feeds, its driver, and the commit beside it."""

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from bench import earlier, feeds
from bench.driven import DRIVER
from bench.errors import BenchError
from digest.newsroom.intake.feeds import read_feed
from digest.settings.loading import new_secret
from tests.factories import NOW
from tests.servers.web import WebServer


@pytest.mark.parametrize("number", range(len(feeds.SHAPES)))
def test_its_feeds_are_read_and_those_of_another_generation_are_new(number: int) -> None:
    content = feeds.feed(number, 50, 1)
    assert content == feeds.feed(number, 50, 1)
    assert 50 * 3_000 < len(content) < 50 * 14_000
    first = read_feed(content, "https://paper.example/feed", NOW)
    other = read_feed(feeds.feed(number, 50, 2), "https://paper.example/feed", NOW)
    pages = {article.url for feed in (first, other) for article in feed.articles}
    assert len(pages) == 100


@pytest.mark.parametrize("kind", feeds.HOSTILE)
def test_its_hostile_feeds_are_as_large_as_it_says(kind: str) -> None:
    assert 200_000 < len(feeds.hostile(kind)) < 201_000


def test_a_commit_that_is_not_there_is_told_of_plainly(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"This clone lacks commit 0123456.*unshallow"):
        earlier.interpreter("0123456", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_its_driver_fetches_as_the_worker_does(tmp_path: Path) -> None:
    environment = {
        "DATABASE_URL": f"sqlite:///{tmp_path}/driven.sqlite3",
        "DIGEST_PUBLIC_URL": "http://127.0.0.1:8000",
        "DIGEST_KEYS": f"k1:{new_secret()}",
        "DIGEST_SUPPRESSION_KEY": new_secret(),
        "DIGEST_FETCH_PRIVATE": "1",
        "DIGEST_DATA_DIR": str(tmp_path),
    }
    with closing(WebServer()) as server:
        url = server.route("/feed", feeds.feed(0, 5, 1))
        told = (
            f'{{"now": "2026-11-29T10:00:00+00:00", "add": ["{url}"]}}\n'
            '{"now": "2026-11-29T11:00:00+00:00", "fetch": [1]}\n'
            '{"now": "2026-11-29T12:00:00+00:00", "fetch": [1]}\n'
            '{"now": "2026-11-29T12:00:00+00:00", "memory": true}\n'
        )
        done = subprocess.run(
            [sys.executable, "-P", DRIVER],
            input=told,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 0, done.stderr
    ids, first, again, memory = done.stdout.splitlines()
    assert ids == "[1]"
    assert first == '{"added": 5, "changed": 0, "unchanged": 0, "failed": 0}'
    assert again == '{"added": 0, "changed": 0, "unchanged": 1, "failed": 0}'
    assert int(memory) > 10_000_000

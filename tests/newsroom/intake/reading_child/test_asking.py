"""Feeds read in a child, which is spoilt, killed and starved, and the feed after that."""

import json
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog

from bench.processors import spent
from digest.newsroom.intake.feeds import Feed, FeedError, read_feed
from digest.newsroom.intake.reading_child import asking
from digest.newsroom.intake.reading_child.asking import (
    BROKE_OFF,
    TOO_LARGE,
    TOO_LONG,
    FeedReader,
    read_apart,
)
from digest.newsroom.intake.reading_child.limits import Limits
from digest.newsroom.intake.reading_child.serving import TOO_MUCH
from tests.factories import NOW
from tests.journeys.formation import wait_until

STAND_IN = Path(__file__).with_name("stand_in.py")
URL = "https://halyard.example/feed.xml"
LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks /proc")

Make = Callable[..., FeedReader]


@pytest.fixture
def make_reader() -> Iterator[Make]:
    made: list[FeedReader] = []

    def make(program: Path = STAND_IN, **limits: Any) -> FeedReader:
        made.append(FeedReader(replace(Limits(), **limits), program))
        return made[-1]

    yield make
    for reader in made:
        reader.end()


def does(reader: FeedReader, what: str) -> Any:
    """Have the stand-in do something, and return what came of it."""
    feed = reader.read(b"", f"https://halyard.example/{what}", NOW)
    return json.loads(feed.title)


def refused(reader: FeedReader, what: str) -> str:
    with pytest.raises(FeedError) as error:
        does(reader, what)
    return str(error.value)


def feed_of(*items: str) -> bytes:
    entries = "".join(
        f"<item><title>{item}</title><link>https://halyard.example/{number}</link></item>"
        for number, item in enumerate(items)
    )
    return f"<rss version='2.0'><channel><title>H</title>{entries}</channel></rss>".encode()


def is_gone(pid: int) -> bool:
    """Tell whether a process is neither running nor a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


# What it reads


def test_a_feed_is_read_as_it_would_be_here() -> None:
    content = (
        "<rss version='2.0'><channel><title>The Halyard</title>"
        "<item><title>Düsseldorf</title><link>/a/1</link><guid>7</guid><author>Ada</author>"
        "<category>World</category><category>Port</category>"
        "<description>A &lt;b&gt;fact&lt;/b&gt;.</description>"
        "<enclosure url='/i/1.jpg' type='image/jpeg'/>"
        "<pubDate>Sat, 14 Nov 2026 06:00:00 +0200</pubDate></item>"
        "</channel></rss>"
    ).encode()
    here = read_feed(content, URL, NOW, "utf-8")
    apart = read_apart(content, URL, NOW, "utf-8")
    assert apart == here
    assert apart.articles[0].published_at is not None
    assert apart.articles[0].published_at.utcoffset() is not None


def test_what_is_no_feed_is_refused_in_the_same_words_and_the_child_stays(
    make_reader: Make,
) -> None:
    reader = make_reader(asking.PROGRAM)
    with pytest.raises(FeedError, match="The feed is empty"):
        reader.read(b"", URL, NOW)
    child = reader.pid
    assert reader.read(feed_of("Port"), URL, NOW).articles[0].title == "Port"
    assert reader.pid == child


def test_half_a_character_comes_through() -> None:
    content = json.dumps(
        {
            "version": "https://jsonfeed.org/version/1.1",
            "title": "H",
            "items": [{"id": "1", "url": URL, "title": "a \ud83d b", "content_html": "x"}],
        }
    ).encode()
    assert read_apart(content, URL, NOW) == read_feed(content, URL, NOW)


def test_a_feed_of_the_largest_size_is_read(make_reader: Make) -> None:
    content = feed_of(*(f"{number} {'Port ' * 4_000}" for number in range(240)))
    assert 4_500_000 < len(content) < 5_000_000
    assert len(make_reader(asking.PROGRAM).read(content, URL, NOW).articles) == 200


def test_a_date_to_come_is_told_of(make_reader: Make) -> None:
    def dated(date: str) -> bytes:
        return feed_of("Port").replace(b"</link>", f"</link><pubDate>{date}</pubDate>".encode())

    reader = make_reader(asking.PROGRAM)
    assert reader.read(dated("Sat, 14 Nov 2026 06:00:00 GMT"), URL, NOW).settled
    assert reader.read(dated("no date at all"), URL, NOW).settled
    assert reader.read(dated("Thu, 01 Jan 2099 06:00:00 GMT"), URL, NOW).settled
    to_come = f"{NOW.replace(hour=23):%a, %d %b %Y %H:%M:%S} GMT"
    assert not reader.read(dated(to_come), URL, NOW).settled


# Its limits


@pytest.mark.parametrize(
    ("what", "limits", "words"),
    [
        ("spin", {"seconds": 0.2}, TOO_LONG),
        ("sleep", {"wall_seconds": 3.0, "seconds": 0.1}, TOO_LONG),
        ("hoard", {"memory_bytes": 200 << 20}, TOO_LARGE),
        ("exit", {}, BROKE_OFF),
        ("stumble", {}, BROKE_OFF),
    ],
)
def test_a_child_that_is_spoilt_is_ended_and_the_next_feed_gets_another(
    make_reader: Make, what: str, limits: dict[str, Any], words: str
) -> None:
    reader = make_reader(**limits)
    first = does(reader, "pid")
    assert reader.pid == first
    assert refused(reader, what) == words
    assert is_gone(first)
    assert does(reader, "pid") != first


def test_an_answer_that_is_too_long_is_refused_in_words(make_reader: Make) -> None:
    assert refused(make_reader(answer_bytes=50_000), "much") == TOO_MUCH


@pytest.mark.parametrize("markup", ["<div>", "<ul><li>", "<font a=1><font b=2><p>", "<b a=1><p>"])
def test_deep_markup_never_takes_longer_than_it_may(make_reader: Make, markup: str) -> None:
    """It took a worker up to 80 seconds. Either it is read in time, or refused in words."""
    summary = "".join(f"{markup[:-1]} a{n}>" for n in range(200_000 // (len(markup) + 7)))
    content = feed_of("Port").replace(b"</item>", f"<description><![CDATA[{summary}]]>".encode())
    content = content.replace(b"]]>", b"]]></description></item>")
    reader = make_reader(asking.PROGRAM)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    try:
        feed = reader.read(content, URL, NOW)
    except FeedError as error:
        assert str(error) == TOO_LONG  # noqa: PT017
    else:
        assert len(feed.articles) == 1
    reader.end()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 3


def test_a_mistake_of_ours_is_logged_without_what_the_feed_says(
    make_reader: Make, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whatever another test has set up, and its logger has kept.
    structlog.reset_defaults()
    monkeypatch.setattr(asking, "log", structlog.get_logger())
    refused(make_reader(), "stumble")
    said = "".join(capsys.readouterr())
    assert "ZeroDivisionError in stumble, line" in said
    assert "what the feed says" not in said


def test_what_a_library_prints_is_no_answer(make_reader: Make) -> None:
    reader = make_reader()
    assert does(reader, "print") is None
    assert does(reader, "print") is None


def test_its_memory_is_bounded_and_so_are_its_files(make_reader: Make) -> None:
    found = does(make_reader(), "limits")
    assert (found["CORE"], found["FSIZE"]) == (0, 0)
    assert found["NOFILE"] <= 32
    assert 0 < found["CPU"] < 60
    if sys.platform != "darwin":
        assert found["AS"] == Limits().memory_bytes


# What it cannot do


def test_it_knows_nothing_of_our_settings(
    make_reader: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DATABASE_URL", "DIGEST_KEYS", "SMTP_URL", "https_proxy", "PYTHONSTARTUP"):
        monkeypatch.setenv(name, "a secret")
    reader = make_reader()
    assert "secret" not in json.dumps(does(reader, "environment"))
    assert set(does(reader, "environment")) <= {*asking.KEPT, "LC_CTYPE"}
    assert does(reader, "arguments") == [1, "/", True]


def test_it_has_no_network_and_no_files(make_reader: Make) -> None:
    attempts = does(make_reader(), "attempts")
    assert attempts.pop("a codec") == "done"
    assert set(attempts.values()) == {"PermissionError"}, attempts


@LINUX
def test_its_network_is_its_own_where_the_system_allows_one(make_reader: Make) -> None:
    alone = "import ctypes; print(ctypes.CDLL(None).unshare(0x50000000))"
    can = subprocess.run([sys.executable, "-c", alone], capture_output=True, text=True, check=True)
    if can.stdout.strip() != "0":
        pytest.skip("this system lets nobody have a network of their own")
    assert does(make_reader(), "network") != str(Path("/proc/self/ns/net").readlink())


def test_it_loads_no_more_than_reading_needs(make_reader: Make) -> None:
    loaded = set(does(make_reader(), "modules"))
    heavy = {"sqlalchemy", "httpx", "flask", "celery", "pydantic", "PIL", "structlog", "asyncio"}
    assert loaded & heavy == set()
    assert "digest.models" not in loaded


# Its life


@LINUX
def test_one_that_is_killed_in_the_middle_fails_that_feed_only(make_reader: Make) -> None:
    reader = make_reader(seconds=30)
    first = does(reader, "pid")
    spent_before = spent(first)
    with ThreadPoolExecutor(1) as threads:
        reading = threads.submit(refused, reader, "spin")
        wait_until(lambda: spent(first) > spent_before + 0.1, "it is in the middle")
        os.kill(first, signal.SIGKILL)
        assert reading.result() == BROKE_OFF
    assert does(reader, "pid") != first


def test_one_that_was_killed_between_two_feeds_is_not_missed(make_reader: Make) -> None:
    reader = make_reader()
    first = does(reader, "pid")
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: is_gone(first), "it is gone, and no zombie")
    wait_until(lambda: reader.pid is None, "and that is known here")
    assert does(reader, "pid") != first


def test_asking_it_to_stop_does_not_spoil_a_feed(make_reader: Make) -> None:
    """A process manager asks all of a group: the worker ends its child when it ends."""
    reader = make_reader()
    first = does(reader, "pid")
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        os.kill(first, number)
    assert does(reader, "pid") == first


GARBAGE = {
    "no JSON": b"\x00\x00\x00\x03}{]",
    "not even a length": b"\x00",
    "far too long": b"\xff\xff\xff\xff" + b"x" * 100,
    "shorter than it says": b"\x00\x00\x10\x00{}",
    "half a character": b"\x00\x00\x00\x01\xff",
    "something else": b'\x00\x00\x00\x0a{"feed":7}',
    "deep": b"\x00\x01\x00\x00" + b"[" * 0x10000,
    "nothing": b"",
}


@pytest.mark.parametrize("kind", GARBAGE)
def test_garbage_is_no_answer(make_reader: Make, tmp_path: Path, kind: str) -> None:
    program = tmp_path / "garbage.py"
    program.write_text(
        f"import os, sys\nos.read(0, 8)\nos.write(1, {GARBAGE[kind]!r})\nsys.exit(1)\n"
    )
    reader = make_reader(program)
    for _ in range(2):
        assert refused(reader, "pid") == BROKE_OFF
        assert reader.pid is None


def test_a_program_that_leaves_at_once_is_not_started_for_ever(
    make_reader: Make, tmp_path: Path
) -> None:
    program = tmp_path / "leaving.py"
    program.write_text("")
    assert refused(make_reader(program), "pid") == BROKE_OFF


def test_left_alone_it_ends_and_the_next_feed_gets_another(make_reader: Make) -> None:
    reader = make_reader(idle_seconds=0.2)
    first = does(reader, "pid")
    wait_until(lambda: is_gone(first), "it is gone, and no zombie")
    wait_until(lambda: reader.pid is None, "it is known to be gone")
    assert does(reader, "pid") != first


def test_after_so_many_feeds_another_one_comes(make_reader: Make) -> None:
    assert Limits().feeds == 500
    reader = make_reader(feeds=20)
    pids = [does(reader, "pid") for _ in range(45)]
    assert [pids.count(pid) for pid in dict.fromkeys(pids)] == [20, 20, 5]
    assert all(is_gone(pid) for pid in set(pids[:40]))


def test_ended_it_is_gone_and_may_come_again(make_reader: Make) -> None:
    reader = make_reader()
    reader.end()
    first = does(reader, "pid")
    reader.end()
    assert is_gone(first)
    assert reader.pid is None
    assert does(reader, "pid") != first


def test_threads_take_turns(make_reader: Make) -> None:
    reader = make_reader(asking.PROGRAM, feeds=7)
    start = threading.Barrier(8)

    def read(number: int) -> list[Feed]:
        start.wait()
        return [reader.read(feed_of(f"{number} {n}"), URL, NOW) for n in range(5)]

    with ThreadPoolExecutor(8) as threads:
        for number, feeds in enumerate(threads.map(read, range(8))):
            titles = [feed.articles[0].title for feed in feeds]
            assert titles == [f"{number} {n}" for n in range(5)]


ORPHAN = """
import os, sys, time
from datetime import UTC, datetime
from pathlib import Path
from digest.newsroom.intake.reading_child.asking import FeedReader
reader = FeedReader(program=Path(sys.argv[1]))
reader.read(b"", "https://halyard.example/pid", datetime.now(UTC))
{before}
print(reader.pid, flush=True)
{then}
"""


@pytest.mark.parametrize(
    ("before", "then"),
    [
        ("", "time.sleep(60)"),
        ("", "reader.read(b'', 'https://halyard.example/spin', datetime.now(UTC))"),
        # What was forked off had the pipe as well.
        ("if not os.fork(): time.sleep(60)", "time.sleep(60)"),
    ],
    ids=["idle", "in the middle of a feed", "with a fork left"],
)
def test_it_ends_when_its_worker_is_killed(before: str, then: str) -> None:
    orphan = ORPHAN.format(before=before, then=then)
    program = [sys.executable, "-W", "ignore", "-c", orphan, str(STAND_IN)]
    with subprocess.Popen(program, stdout=subprocess.PIPE, start_new_session=True) as worker:
        assert worker.stdout is not None
        child = int(worker.stdout.readline())
        assert not is_gone(child)
        worker.kill()
        try:
            # It is init's to wait for, and no container has to have one.
            wait_until(lambda: is_gone(child) or is_zombie(child), "the child has ended")
        finally:
            with suppress(ProcessLookupError):
                os.killpg(worker.pid, signal.SIGKILL)


def is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_a_process_that_is_forked_off_has_a_child_of_its_own(make_reader: Make) -> None:
    program = f"""
import os, sys
sys.path.insert(0, {str(STAND_IN.parents[4])!r})
from datetime import UTC, datetime
from pathlib import Path
from digest.newsroom.intake.reading_child.asking import FeedReader
reader = FeedReader(program=Path({str(STAND_IN)!r}))
def pid(): return reader.read(b"", "https://halyard.example/pid", datetime.now(UTC)).title
first = pid()
forked = os.fork()
if not forked:
    assert reader.pid is None
    assert pid() != first
    reader.end()
    os._exit(0)
assert os.waitpid(forked, 0)[1] == 0
assert pid() == first
reader.end()
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True, timeout=60)

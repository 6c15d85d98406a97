"""Opening the runtime, and a bell that may be dead."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import redis
from sqlalchemy import select

from digest.clock import FixedClock
from digest.database.transactions import Database
from digest.errors import NotMigratedError, SettingError, UnavailableError
from digest.models import Installation
from digest.runtime import SEND_NOTICES, TICK, CeleryBell, open_runtime
from digest.tokens import Purpose, new_token_id
from tests.factories import make_settings
from tests.servers.redis_server import PrivateRedis

# A bell that waits longer than this would keep a reader's browser waiting.
SOON = 20


def test_what_it_opens_works(database_url: str) -> None:
    runtime = open_runtime(make_settings(database_url), clock=FixedClock())
    id_ = new_token_id()
    assert runtime.ring.read(Purpose.UNDO, runtime.ring.sign(Purpose.UNDO, id_)).id == id_
    assert runtime.clock.now() == FixedClock().now()
    assert not runtime.stopping.is_set()
    with runtime.database.reading() as session:
        row = session.get_one(Installation, 1)
    assert row.suppression_fingerprint == runtime.suppression.fingerprint
    assert row.created_at == FixedClock().now()
    runtime.close()


def test_a_database_without_tables_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(NotMigratedError, match="digest db upgrade"):
        open_runtime(make_settings(f"sqlite:///{tmp_path}/new.sqlite3"))


def test_a_database_that_is_away_is_an_outage(tmp_path: Path) -> None:
    url = f"postgresql+psycopg://postgres@/postgres?host={tmp_path}"
    with pytest.raises(UnavailableError):
        open_runtime(make_settings(url))


def test_another_suppression_key_is_refused(database_url: str) -> None:
    open_runtime(make_settings(database_url)).close()
    with pytest.raises(SettingError, match=r"^DIGEST_SUPPRESSION_KEY: .*Put the old key back"):
        open_runtime(make_settings(database_url, suppression_key=b"x" * 32))
    open_runtime(make_settings(database_url)).close()


def test_opened_by_many_at_once_there_is_one_installation(database_url: str) -> None:
    ready = threading.Barrier(4)

    def open_it(_: int) -> None:
        ready.wait()
        open_runtime(make_settings(database_url)).close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(open_it, range(4)))
    database = Database(database_url)
    with database.reading() as session:
        assert len(session.scalars(select(Installation)).all()) == 1
    database.dispose()


def test_with_different_keys_at_once_one_key_wins(database_url: str) -> None:
    ready = threading.Barrier(4)

    def open_it(number: int) -> bool:
        ready.wait()
        try:
            open_runtime(make_settings(database_url, suppression_key=bytes([number]) * 32)).close()
        except SettingError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(open_it, range(4))) == 1


# The bell


def bell_to(redis_url: str, silent_seconds: float = 0) -> CeleryBell:
    settings = make_settings("sqlite:////unused", redis_url=redis_url)
    return CeleryBell(settings, silent_seconds=silent_seconds)


def assert_rings_soon(bell: CeleryBell) -> None:
    begun = time.monotonic()
    bell.ring(SEND_NOTICES, 1)
    assert time.monotonic() - begun < SOON


def test_a_bell_is_heard_on_its_queue(redis_url: str) -> None:
    bell = bell_to(redis_url)
    bell.ring(SEND_NOTICES)
    bell.ring(TICK)
    bell.ring("worker.tasks.deliver_issue", 12)
    with redis.Redis.from_url(redis_url) as client:
        assert (client.llen("digest:notices"), client.llen("digest:bulk")) == (2, 1)


def test_a_bell_rings_without_a_broker_to_install() -> None:
    bell_to("memory://").ring(TICK)


def test_a_bell_without_redis_is_silent(private_redis: Callable[[], PrivateRedis]) -> None:
    server = private_redis()
    bell = bell_to(server.url)
    server.kill()
    assert_rings_soon(bell)


def test_a_bell_whose_redis_goes_and_comes_back(
    private_redis: Callable[[], PrivateRedis],
) -> None:
    server = private_redis()
    bell = bell_to(server.url)
    bell.ring(TICK)
    server.kill()
    assert_rings_soon(bell)
    assert_rings_soon(bell)
    server.start()
    # The first may meet a connection that broke; the next tick rings anyway.
    bell.ring(TICK)
    bell.ring(TICK)
    with redis.Redis.from_url(server.url) as client:
        assert client.llen("digest:notices") in {1, 2}


def test_a_bell_that_was_not_heard_is_left_alone_for_a_while(
    private_redis: Callable[[], PrivateRedis],
) -> None:
    server = private_redis()
    bell = bell_to(server.url, silent_seconds=3600)
    server.kill()
    bell.ring(TICK)
    server.start()
    bell.ring(TICK)
    with redis.Redis.from_url(server.url) as client:
        assert client.llen("digest:notices") == 0


@pytest.fixture
def mute_server() -> Iterator[str]:
    """Something that takes connections, and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"


def test_a_bell_whose_redis_hangs(mute_server: str) -> None:
    assert_rings_soon(bell_to(mute_server))


@pytest.fixture
def rude_server() -> Iterator[str]:
    """Something that answers in another protocol, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                with client:
                    client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_a_bell_whose_redis_is_something_else(rude_server: str) -> None:
    assert_rings_soon(bell_to(rude_server))


def test_a_bell_with_a_wrong_password(redis_url: str) -> None:
    assert_rings_soon(bell_to(redis_url.replace("redis://", "redis://nobody:wrong@", 1)))


def test_a_bell_whose_redis_cannot_be_found() -> None:
    assert_rings_soon(bell_to("redis://redis.invalid:6379/0"))

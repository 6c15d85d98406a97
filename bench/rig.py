"""What the benchmarks run on: servers, folders, and the Procfile's processes."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.errors import BenchError
from bench.servers import DurablePostgres, Sink
from digest.database.transactions import Database
from digest.migrations import upgrade
from digest.settings.loading import new_secret
from tests.journeys.formation import Formation, free_port
from tests.servers.redis_server import PrivateRedis
from tests.servers.run import RunOwner

Say = Callable[[str], None]


class Rig:
    """Servers that start when they are first asked for, and end with the rig, however it ends.

    Each benchmark has databases, a broker and a sink of its own on them.

    `parent` is on a disk: what is measured waits for it.
    """

    def __init__(self, parent: Path, say: Say) -> None:
        self.say = say
        self._owner = RunOwner(parent)
        self._ends = ExitStack()
        self._ends.callback(self._owner.end)
        self._postgres: DurablePostgres | None = None
        self._redis: PrivateRedis | None = None
        self._template: str | None = None
        self._environments = 0

    def __enter__(self) -> "Rig":
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.close()

    @property
    def postgres(self) -> DurablePostgres:
        if self._postgres is None:
            self._postgres = DurablePostgres(self._owner.run)
            self._postgres.start()
            self._ends.callback(self._postgres.discard)
        return self._postgres

    @property
    def redis(self) -> PrivateRedis:
        if self._redis is None:
            self._redis = PrivateRedis(self._owner.run)
            self._redis.start()
            self._ends.callback(self._redis.discard)
        return self._redis

    @contextmanager
    def sink(self) -> Iterator[Sink]:
        """A sink that has counted nothing yet."""
        sink = Sink(self._owner.run)
        sink.start()
        try:
            yield sink
        finally:
            sink.discard()

    @contextmanager
    def database(self) -> Iterator[str]:
        """A migrated database on PostgreSQL, with nothing in it; gives its URL."""
        if self._template is None:
            self._template = self.postgres.create_database()
            upgrade(self._template)
            self.postgres.close_to_connections(self._template)
        url = self.postgres.create_database(self._template)
        try:
            yield url
        finally:
            self.postgres.drop(url)

    @contextmanager
    def formation(self, database_url: str, relay_port: int, **more: str) -> Iterator[Formation]:
        """Where the Procfile's processes can be started, as an operator would have set them up."""
        port = free_port()
        environment = {
            "PORT": str(port),
            "DATABASE_URL": database_url,
            "REDIS_URL": self.own_broker(),
            "SMTP_URL": f"smtp://127.0.0.1:{relay_port}",
            "DIGEST_PUBLIC_URL": f"http://127.0.0.1:{port}",
            "DIGEST_KEYS": f"k1:{new_secret()}",
            "DIGEST_SUPPRESSION_KEY": new_secret(),
            **more,
        }
        with Formation(self.folder(), environment) as formation:
            yield formation

    def folder(self) -> Path:
        """A new folder, which ends with the rig."""
        return Path(tempfile.mkdtemp(prefix="bench-", dir=self._owner.run.directory))

    def need_room(self, gigabytes: float) -> None:
        """Raise BenchError where the disk has less room than that."""
        free = shutil.disk_usage(self._owner.run.directory).free / 1e9
        if free < gigabytes:
            raise BenchError(
                f"This needs {gigabytes:g} GB on the disk of {tempfile.gettempdir()}, and there "
                f"are {free:.1f}. Name another folder: TMPDIR=…"
            )

    def own_broker(self) -> str:
        """Return the URL of an empty broker: nothing is left over from the processes of before."""
        self._environments += 1
        return self.redis.url.removesuffix("/0") + f"/{self._environments}"


@contextmanager
def opened(database_url: str) -> Iterator[Database]:
    """Open a database in this process."""
    database = Database(database_url)
    try:
        yield database
    finally:
        database.dispose()

"""What every test may ask for: real servers, migrated databases, a browser (tests/browser.py).

A server starts when the first test asks for it, and serves the whole run. Where one is not to be
had, its tests are skipped, with a word on how to get it; with CI=1 or DIGEST_TESTS_STRICT=1 in
the environment every skipped test is a failed one.
"""

import shutil
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from tests.servers import postgresql, redis_server
from tests.servers.postgresql import PostgresServer, PrivatePostgres
from tests.servers.redis_server import PrivateRedis
from tests.servers.run import Run, RunOwner
from tests.servers.smtp import SmtpSink
from tests.servers.unavailable import STRICT_VARIABLES, strict
from tests.servers.web import WebServer

if TYPE_CHECKING:
    from digest.database.transactions import Database

pytest_plugins = ["tests.browser"]

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)

RUN = pytest.StashKey[Run]()


def pytest_configure(config: pytest.Config) -> None:
    worker_input: dict[str, Any] | None = getattr(config, "workerinput", None)
    if worker_input is not None:
        config.stash[RUN] = Run(Path(worker_input["digest_run"]))
        return
    owner = RunOwner()
    config.stash[RUN] = owner.run
    # Last in, first out.
    config.add_cleanup(owner.end)
    config.add_cleanup(lambda: postgresql.end_shared_server(owner.run))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell pytest-xdist's workers which run is theirs."""
    node.workerinput["digest_run"] = str(node.config.stash[RUN].directory)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return fail_if_skipped((yield))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return fail_if_skipped((yield))


def fail_if_skipped(report: Report) -> Report:
    """Where strict, a skip fails: nothing that could not be tested passes for tested."""
    # An expected failure is reported as skipped too.
    if strict() and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{reason}\n({' or '.join(STRICT_VARIABLES)} is set: a skip is a failure)"
    return report


@pytest.fixture(scope="session", autouse=True)
def statements_spelt_once() -> None:
    from tests.alike import share_statements

    share_statements()


@pytest.fixture(scope="session")
def test_run(pytestconfig: pytest.Config) -> Run:
    """This test run's shared folder, and what is made once for all of its processes."""
    return pytestconfig.stash[RUN]


@pytest.fixture(scope="session")
def postgres_server(test_run: Run) -> PostgresServer:
    """The run's PostgreSQL, to make databases on."""
    return postgresql.shared_server(test_run)


@pytest.fixture(scope="session")
def postgres_template(test_run: Run, postgres_server: PostgresServer) -> str:
    """The URL of a migrated database to make copies of."""
    from digest.migrations import upgrade

    def migrated() -> str:
        url = postgres_server.create_database()
        upgrade(url)
        postgres_server.close_to_connections(url)
        return url

    return test_run.once("postgresql-template", migrated)


@pytest.fixture(scope="session")
def sqlite_template(test_run: Run) -> Path:
    """A migrated SQLite file to make copies of."""
    from tests.migrated import put_database

    def migrated() -> str:
        path = test_run.directory / "digest.sqlite"
        put_database(f"sqlite:///{path}")
        return str(path)

    return Path(test_run.once("sqlite-template", migrated))


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A migrated database with nothing in it, of each kind in turn.

    For one kind only: `@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)`.
    """
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")
        with TemporaryDirectory(prefix="sqlite-", dir=template.parent) as directory:
            yield f"sqlite:///{shutil.copy(template, directory)}"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    url = server.create_database(template=request.getfixturevalue("postgres_template"))
    yield url
    server.drop(url)


@pytest.fixture
def database(database_url: str) -> Iterator["Database"]:
    """Such a database, open."""
    from digest.database.transactions import Database

    database = Database(database_url)
    yield database
    database.dispose()


@pytest.fixture(scope="session")
def redis_databases(test_run: Run, pytestconfig: pytest.Config) -> Iterator[str]:
    """Endless, so that what a test leaves running does not write into the next one's database."""
    alone = {"workerid": "gw0", "workercount": 1}
    worker_input = getattr(pytestconfig, "workerinput", alone)
    worker = int(worker_input["workerid"].removeprefix("gw"))
    server_url = redis_server.shared_server(test_run)
    return redis_server.database_urls(server_url, worker, worker_input["workercount"])


@pytest.fixture
def redis_url(redis_databases: Iterator[str]) -> str:
    """An empty Redis database, this test's own; not for FLUSHALL, which empties everybody's."""
    return next(redis_databases)


@pytest.fixture
def private_postgres(test_run: Run) -> Iterator[Callable[[], PrivatePostgres]]:
    """Call it for a PostgreSQL of one's own, started, to stop, kill and restart."""
    with ExitStack() as servers:

        def start() -> PrivatePostgres:
            server = PrivatePostgres(test_run)
            server.start()
            servers.callback(server.discard)
            return server

        yield start


@pytest.fixture
def stoppable(
    private_postgres: Callable[[], PrivatePostgres],
) -> "Iterator[tuple[PrivatePostgres, Database]]":
    """A migrated database, and the server of its own that it is on, to stop and start."""
    from digest.database.transactions import Database
    from digest.migrations import upgrade

    server = private_postgres()
    database = Database(server.create_database())
    upgrade(database.url)
    yield server, database
    database.dispose()


@pytest.fixture
def private_redis(test_run: Run) -> Iterator[Callable[[], PrivateRedis]]:
    """Call it for a Redis of one's own, started, to wipe, stop, kill and restart."""
    with ExitStack() as servers:

        def start() -> PrivateRedis:
            server = PrivateRedis(test_run)
            server.start()
            servers.callback(server.discard)
            return server

        yield start


@pytest.fixture
def http_server() -> Iterator[WebServer]:
    """A web server on loopback with the routes that the test gives it."""
    server = WebServer()
    yield server
    server.close()


@pytest.fixture
def smtp_sink() -> Iterator[SmtpSink]:
    """A mail server on loopback that keeps what it gets."""
    sink = SmtpSink()
    yield sink
    sink.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def bare(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator["Database"]:
    """A database without tables, of each kind in turn."""
    from digest.database.transactions import Database

    if request.param == "sqlite":
        database = Database(f"sqlite:///{tmp_path}/bare.sqlite3")
        yield database
        database.dispose()
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    database = Database(server.create_database())
    yield database
    database.dispose()
    server.drop(database.url)

"""PostgreSQL for tests: databases on one server for all of a run, and servers to break."""

import os
import secrets
import shutil
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from tests.servers import postgresql_programs as programs
from tests.servers.process import START_TIMEOUT, CannotStartError, ServerProcess
from tests.servers.run import Run

# The tests' data may be lost with the machine, so nothing ever waits for a disk.
FAST = {"fsync": "off", "full_page_writes": "off", "wal_level": "minimal", "max_wal_senders": "0"}
FASTEST = FAST | {"synchronous_commit": "off"}

# Names the socket's file, nothing more; given, so that no PGPORT of the environment decides.
PORT = "5432"


class PostgresServer:
    """A server on which databases may be made. `url` is its `postgres` database."""

    def __init__(self, url: str, prefix: str = "test_") -> None:
        self.url = url
        self._prefix = prefix

    def create_database(self, template: str | None = None) -> str:
        """The URL of a new database: empty, or a copy of the one at the URL `template`."""
        name = f"{self._prefix}{secrets.token_hex(6)}"
        source = database_of(template) if template else "template1"
        with self._connect() as connection:
            # Twice as fast as the default, which spares a real server's disk. 14 knows no other.
            by_file = " STRATEGY file_copy" if connection.info.server_version >= 150_000 else ""
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}" + by_file).format(
                    sql.Identifier(name), sql.Identifier(source)
                )
            )
        return make_url(self.url).set(database=name).render_as_string(hide_password=False)

    def close_to_connections(self, url: str) -> None:
        """Keep a database as a template: one that is connected to cannot be copied."""
        name = sql.Identifier(database_of(url))
        with self._connect() as connection:
            connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(name))

    def drop(self, url: str) -> None:
        """Drop a database, and end whatever connections to it are left."""
        name = sql.Identifier(database_of(url))
        with self._connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))

    def drop_all(self) -> None:
        """Drop every database that this run has made."""
        with self._connect() as connection:
            rows = connection.execute(
                "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [self._prefix]
            ).fetchall()
        for (name,) in rows:
            self.drop(f"postgresql:///{name}")

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(libpq_url(self.url), autocommit=True)


class PrivatePostgres(ServerProcess, PostgresServer):
    """A server of one test's own, to stop, kill and restart. `url` stays the same throughout."""

    stop_signal = signal.SIGINT
    discard_signal = signal.SIGQUIT

    def __init__(
        self,
        run: Run,
        settings: dict[str, str] | None = None,
        initdb: Sequence[str] = programs.QUICKLY,
    ) -> None:
        self._postgres, data, user = programs.prepared(run, initdb)
        directory = run.server_directory("postgresql")
        shutil.copytree(data, directory / "data")
        if user:
            programs.give(directory, user)
        # A commit must survive a kill here, or a test could prove nothing by one.
        self._settings = (FAST if settings is None else settings) | {
            "listen_addresses": "",
            "port": PORT,
            "unix_socket_directories": str(directory),
            "max_connections": "200",
            "jit": "off",
            # In its own folder, so that nothing is left in the system's after a kill.
            "dynamic_shared_memory_type": "mmap",
        }
        ServerProcess.__init__(self, run, directory, user)
        PostgresServer.__init__(
            self, f"postgresql+psycopg://postgres@/postgres?host={directory}&port={PORT}"
        )

    def command(self) -> Sequence[str | Path]:
        settings = [f"--{name}={value}" for name, value in self._settings.items()]
        return [self._postgres, "-D", self.directory / "data", *settings]

    def program(self, name: str) -> Path:
        """One of PostgreSQL's other programs, such as pg_dump."""
        return self._postgres.parent / name

    def is_ready(self) -> bool:
        try:
            with psycopg.connect(libpq_url(self.url)):
                return True
        except psycopg.OperationalError:
            return False

    def crash(self) -> None:
        """An immediate shutdown: nothing is tidied up, and the next start recovers."""
        self._end(signal.SIGQUIT)

    def discard(self) -> None:
        if not self.is_running and (self.directory / "data" / "postmaster.pid").exists():
            # A killed one has left shared memory behind, which only its next start clears away.
            with suppress(CannotStartError):
                self.start()
        super().discard()

    def start(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            try:
                super().start()
            except CannotStartError:
                # After a kill, until the last of the old server's sessions has noticed.
                if "shared memory block" not in self._log_end() or time.monotonic() > deadline:
                    raise
                self.log.write_text("")
                time.sleep(0.05)
            else:
                return


def shared_server(run: Run) -> PostgresServer:
    """The server of this test run: the one given by its URL, or one that starts on first use."""
    prefix = f"{run.directory.name.replace('-', '_').lower()}_"
    return PostgresServer(run.once("postgresql", lambda: _given() or _started(run)), prefix)


def end_shared_server(run: Run) -> None:
    """Leave nothing of this run on a server that is not its own."""
    if run.known("postgresql") and os.environ.get("TEST_DATABASE_URL"):
        shared_server(run).drop_all()


def _given() -> str | None:
    given = os.environ.get("TEST_DATABASE_URL")
    if not given:
        return None
    url = make_url(given).set(drivername="postgresql+psycopg").render_as_string(False)
    try:
        with psycopg.connect(libpq_url(url)) as connection:
            row = connection.execute(
                "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
            ).fetchone()
    except psycopg.OperationalError as error:
        raise RuntimeError(f"TEST_DATABASE_URL: cannot connect: {error}") from error
    if row != (True,):
        raise RuntimeError("TEST_DATABASE_URL: its user may not create databases (CREATEDB)")
    return url


def _started(run: Run) -> str:
    server = PrivatePostgres(run, FASTEST)
    server.start()
    return server.url


def database_of(url: str) -> str:
    name = make_url(url).database
    assert name, f"names no database: {url}"
    return name


def libpq_url(url: str) -> str:
    """The URL as psql, pg_dump and psycopg read it."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)

"""A pooler between Digest and PostgreSQL: pgbouncer, in transaction mode."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import psycopg
from sqlalchemy import URL, make_url

from tests.servers import postgresql_programs as programs
from tests.servers.process import ServerProcess, free_port
from tests.servers.run import Run
from tests.servers.unavailable import unavailable

HOW_TO_GET_IT = "install pgbouncer (on Debian: apt install pgbouncer)"


class PgBouncer(ServerProcess):
    """Few server sessions, given to another client after each transaction. `url` leads through."""

    def __init__(self, run: Run, database_url: str) -> None:
        self._program = shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin:/usr/bin:/bin")
        if self._program is None:
            unavailable("pgbouncer", HOW_TO_GET_IT)
        _, _, user = programs.prepared(run)
        super().__init__(run, run.server_directory("pgbouncer"), user)
        self._port = free_port()
        direct = make_url(database_url)
        self.url = URL.create(
            "postgresql+psycopg", "postgres", None, "127.0.0.1", self._port, direct.database
        ).render_as_string()
        host, port = direct.query["host"], direct.query["port"]
        (self.directory / "settings.ini").write_text(
            f"[databases]\n* = host={host} port={port} user=postgres\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {self._port}\nunix_socket_dir =\n"
            "auth_type = any\npool_mode = transaction\ndefault_pool_size = 3\nserver_lifetime = 1\n"
        )
        if user:
            programs.give(self.directory, user)

    def command(self) -> Sequence[str | Path]:
        assert self._program is not None
        return [self._program, "--quiet", self.directory / "settings.ini"]

    def is_ready(self) -> bool:
        try:
            with psycopg.connect(self.url.replace("+psycopg", "")):
                return True
        except psycopg.OperationalError:
            return False

"""The servers that a send is measured against: PostgreSQL that keeps its word, and smtp-sink."""

import os
import re
import socket
from collections.abc import Sequence
from pathlib import Path

from bench.needs import program
from tests.servers.postgresql import PrivatePostgres
from tests.servers.postgresql_programs import borrowed_user
from tests.servers.process import ServerProcess, free_port
from tests.servers.run import Run

# Every commit waits for the disk, as in production; else as installed, but for room. The moments
# of commits are what is measured.
SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
    "track_commit_timestamp": "on",
}
BACKLOG = 1000
TAIL = 200
_COUNTER = re.compile(rb"mesg=(\d+)\s")


class DurablePostgres(PrivatePostgres):
    """A PostgreSQL on a disk, whose commits wait for it."""

    def __init__(self, run: Run) -> None:
        super().__init__(run, SETTINGS, initdb=())


class Sink(ServerProcess):
    """Postfix's smtp-sink, which counts the messages that it has answered 250 to."""

    def __init__(self, run: Run) -> None:
        super().__init__(run, run.server_directory("sink"))
        self.port = free_port()

    def command(self) -> Sequence[str | Path]:
        user = borrowed_user()
        # It refuses to stay root.
        as_user = ["-u", user] if user else []
        address = f"127.0.0.1:{self.port}"
        return [program("smtp-sink"), *as_user, "-c", address, str(BACKLOG)]

    def is_ready(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    @property
    def count(self) -> int:
        """How many messages it has taken since it was started, by its own counter (-c)."""
        return last_count(self.log)


def last_count(log: Path) -> int:
    """Return the last number of messages that a sink has written into its log; 0 for none."""
    with log.open("rb") as opened:
        opened.seek(0, os.SEEK_END)
        opened.seek(max(0, opened.tell() - TAIL))
        # A number is whole once the carriage return is behind it.
        found = _COUNTER.findall(opened.read())
    return int(found[-1]) if found else 0

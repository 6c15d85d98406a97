"""SQLite's files: how they are made, opened, and written by one at a time."""

import os
import sqlite3
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import Connection

from digest.ownership import hand_over

BUSY_TIMEOUT_SECONDS = 30


def sqlite_engine(url: str) -> Engine:
    """Return an engine whose connections wait for one another, and keep what was committed."""
    engine = create_engine(
        url, hide_parameters=True, connect_args={"timeout": BUSY_TIMEOUT_SECONDS}
    )
    event.listen(engine, "do_connect", _make_private)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _make_private(_: Any, __: Any, arguments: Sequence[Any], ___: Any) -> None:
    """Make a new database's file, before SQLite does as the umask has it: readers are in it.

    SQLite gives its files beside it the same mode and owner.
    """
    name = str(arguments[0]) if arguments else ""
    if name and name != ":memory:" and not name.startswith("file:"):
        # Where that cannot be done, SQLite says so in words of its own.
        with suppress(OSError):
            make_private(Path(name), hand_on=True)


def make_private(path: Path, *, hand_on: bool = False) -> None:
    """Make an empty file that only its owner can read, whatever the umask.

    With `hand_on` root makes it for whom the folder belongs to.

    Raises:
        FileExistsError: there is something of that name.
        OSError: it cannot be made.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
        if hand_on:
            hand_over(descriptor, path.parent)
    finally:
        os.close(descriptor)


def _prepare(connection: sqlite3.Connection, _: object) -> None:
    # The driver must not begin transactions by itself: _begin says which kind.
    connection.isolation_level = None
    _write_ahead(connection)
    # FULL: with NORMAL a power cut could forget that a window was opened, and send it again.
    # secure_delete: what was erased is gone from the file, too.
    for pragma in ("foreign_keys=ON", "synchronous=FULL", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_SECONDS * 1000}")


def _write_ahead(connection: sqlite3.Connection) -> None:
    # Of several that open a new file at once SQLite refuses some without waiting at all.
    until = time.monotonic() + BUSY_TIMEOUT_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
        time.sleep(0.01)


def _begin(connection: Connection) -> None:
    # A read that turns into a write fails at once, whatever the timeout: so say it first.
    writes = connection.get_execution_options().get("digest_writes", True)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

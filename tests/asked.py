"""What a database is asked, whichever way it is asked."""

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from psycopg.pq import Trace
from sqlalchemy import event

from digest.database.transactions import Database

# What libpq's trace says of a message to the server, without the values that go with it.
_SENT = re.compile(
    r'^F\t\d+\t(?:Query\t "(.*)"|(Bind)\t "" ("\w+")|(Parse)\t ("\w+")|Parse\t "" "([^"]+)")'
)


@contextmanager
def asked(database: Database) -> Iterator[list[str]]:
    """Give a list which at the end holds all that was asked meanwhile, by one thread.

    On SQLite the statements; on PostgreSQL what went over the wire: commands, and statements by
    the names under which they are prepared, if they are.
    """
    seen: list[str] = []
    with _statements(database, seen) if database.is_sqlite else _messages(database, seen):
        yield seen


@contextmanager
def _statements(database: Database, seen: list[str]) -> Iterator[None]:
    def note(*arguments: Any) -> None:
        seen.append(arguments[2])

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield
    finally:
        event.remove(database.engine, "before_cursor_execute", note)


@contextmanager
def _messages(database: Database, seen: list[str]) -> Iterator[None]:
    engines = (database.engine, database.bare_engine)
    with tempfile.TemporaryFile() as log:
        servers = []
        for engine in engines:
            with engine.connect() as connection:
                # It goes back to the pool, which has no other.
                servers.append(server := _server(connection))
                server.trace(log.fileno())
                server.set_trace_flags(Trace.SUPPRESS_TIMESTAMPS | Trace.REGRESS_MODE)
        try:
            yield
        finally:
            for engine, server in zip(engines, servers, strict=True):
                with engine.connect() as connection:
                    assert _server(connection) is server, "there are more connections than one"
                    server.untrace()
        log.seek(0)
        found = (_SENT.match(line) for line in log.read().decode().splitlines())
        seen.extend(" ".join(filter(None, each.groups())) for each in found if each)
        assert seen, "nothing was asked, or over another connection"


def _server(connection: Any) -> Any:
    return connection.connection.driver_connection.pgconn

"""PostgreSQL's connections: how they are made, kept in pools, and found to be alive."""

import select
import time
from functools import partial
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from digest.database.prepared import LATER, NAMES, tell_what_was_put_off
from digest.errors import WrongEncodingError

LONG_REST_SECONDS = 10


def postgresql_engine(url: str, *, driver_prepares: bool = True) -> Engine:
    """Return an engine whose connections are known to be alive when they are used.

    `driver_prepares`: the driver keeps what is run often prepared, and forgets it all after any
    ROLLBACK. Otherwise `Prepared` does, and nothing is forgotten.
    """
    engine = create_engine(
        url,
        # Errors are logged, and readers' names and ips are among the values.
        hide_parameters=True,
        # More than the threads of a web worker: what is over is made anew each time it is used.
        pool_size=10,
        max_overflow=5,
        connect_args={"connect_timeout": 5, "application_name": "digest"},
    )
    # Before SQLAlchemy asks anything itself, which fails on text that comes as bytes.
    event.listen(engine, "connect", partial(_meet, _Met(), driver_prepares), insert=True)
    event.listen(engine, "checkin", _note_rest)
    event.listen(engine, "checkout", partial(_check_rested, engine))
    if not driver_prepares:
        event.listen(engine, "before_cursor_execute", tell_what_was_put_off)
    return engine


class _Met:
    """What the first connection of an engine found out: whether a pooler stands in between."""

    pooled: bool | None = None


def _meet(met: _Met, driver_prepares: bool, driver: Any, record: ConnectionPoolEntry) -> None:
    """Look at a new connection: at the encoding, and whether statements may be kept on it.

    A pooler in transaction mode (pgbouncer) gives each transaction another server's session, where
    what was prepared is not known, and what was SET is somebody else's. It cannot say a server's
    process id when the connection is made: it makes one up.
    """
    encoding = driver.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise WrongEncodingError(
            f"The database keeps text as {encoding}, and readers' names need UTF8. Make a new one: "
            "CREATE DATABASE digest OWNER digest ENCODING 'UTF8' TEMPLATE template0"
        )
    if met.pooled is None:
        told = driver.info.backend_pid
        met.pooled = driver.execute("SELECT pg_backend_pid()").fetchone()[0] != told
        driver.rollback()
    if met.pooled or not driver_prepares:
        driver.prepare_threshold = None
    if not (met.pooled or driver_prepares):
        record.info[NAMES], record.info[LATER] = {}, []


def is_pooled(driver: Any) -> bool:
    """Say whether a pooler stands between this driver's connection and PostgreSQL."""
    return driver.prepare_threshold is None


def _note_rest(_: Any, record: ConnectionPoolEntry) -> None:
    record.info["rests_since"] = time.monotonic()


def _check_rested(
    engine: Engine, driver: Any, record: ConnectionPoolEntry, _: PoolProxiedConnection
) -> None:
    """Find out whether a pooled connection is still one, before it is used.

    To ask over it costs as much as a statement. A server that went away has closed its end, and
    that can be read without asking; only after a long rest a connection may be lost in silence.
    """
    if LATER in record.info:
        # Of a transaction that was taken back before it was told.
        record.info[LATER] = []
    since = record.info.get("rests_since")
    if since is None:
        return
    try:
        poll = select.poll()
        poll.register(driver, select.POLLIN)
        if not poll.poll(0) and time.monotonic() - since < LONG_REST_SECONDS:
            return
        engine.dialect.do_ping(driver)
    except (engine.dialect.loaded_dbapi.Error, OSError) as error:
        # The others of the pool are as old: all are made anew.
        raise InvalidatePoolError from error

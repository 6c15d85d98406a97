"""PostgreSQL's own library, below the driver's cursors: several commands by one way there and back.

To send a command and wait for its answer costs both sides more than most commands do.
"""

import select
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from psycopg.errors import Error, OperationalError, error_from_result
from psycopg.pq import ConnStatus, ExecStatus

# Sends one command by what it is given: libpq's connection.
Send = Callable[[Any], object]
TAKEN = (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK)


def command(driver: Any, words: bytes) -> None:
    """Run a command that has no rows, or several with semicolons between.

    Raises:
        Error: the driver's own.
    """
    result = driver.pgconn.exec_(words)
    if result.status != ExecStatus.COMMAND_OK:
        raise error_from_result(result)


def together(driver: Any, sends: Sequence[Send]) -> Sequence[Any]:
    """Send several commands at once (libpq's pipeline mode); return the result of each.

    What comes after one that failed is not done, and its result says so: see `last_of`.

    Raises:
        Error: the connection is lost.
    """
    libpq = driver.pgconn
    libpq.enter_pipeline_mode()
    try:
        for send in sends:
            send(libpq)
        libpq.pipeline_sync()
        return _results(libpq, len(sends))
    finally:
        # A connection that is lost cannot leave it, and needs not to.
        with suppress(Error):
            libpq.exit_pipeline_mode()


def last_of(results: Sequence[Any]) -> Any:
    """Return the result of the last of several commands.

    Raises:
        Error: the driver's own, of the first that failed.
    """
    for result in results:
        if result.status not in TAKEN:
            raise error_from_result(result)
    return results[-1]


def _results(libpq: Any, count: int) -> Sequence[Any]:
    """Read all that there is up to the mark after the last command."""
    # Not by `get_result` alone: it would hold up every other thread while it waits.
    waiting = select.poll()
    waiting.register(libpq.socket, select.POLLIN | select.POLLOUT)
    while libpq.flush():
        waiting.poll()
        libpq.consume_input()
    waiting.modify(libpq.socket, select.POLLIN)
    results: list[Any] = []
    while True:
        while libpq.is_busy():
            waiting.poll()
            libpq.consume_input()
        result = libpq.get_result()
        if result is None:
            # Between the results of two commands; or there will be no more.
            if libpq.status != ConnStatus.OK:
                raise OperationalError("the connection is lost")
        elif result.status == ExecStatus.PIPELINE_SYNC:
            assert len(results) == count
            return results
        else:
            results.append(result)

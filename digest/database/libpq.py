"""PostgreSQL's own library, below the driver's cursors: several commands by one way there and back.

To send a command and wait for its answer costs both sides more than most commands do.
"""

import select
from collections import namedtuple
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import count
from typing import Any, cast

from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import (
    Error,
    FeatureNotSupported,
    InvalidSqlStatementName,
    OperationalError,
    error_from_result,
)
from psycopg.pq import ConnStatus, ExecStatus, Format, TransactionStatus
from sqlalchemy import ClauseElement
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.engine import Dialect

from digest.database.spelling import spell

# Sends one command by what it is given: libpq's connection.
Send = Callable[[Any], object]
TAKEN = (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK)

_numbering: Callable[[], Dialect] = partial(PGDialect_psycopg, paramstyle="numeric_dollar")
# No two statements of a process have one name, whatever became of them.
_numbers = count(1)


class Numbered:
    """A statement with its parameters numbered, as libpq prepares and runs it."""

    def __init__(self, statement: ClauseElement) -> None:
        self._spelt = spell(statement, _numbering())
        self._make_row: Callable[[Sequence[Any]], Any] | None = None

    def run(
        self,
        driver: Any,
        names: MutableMapping[Any, bytes],
        later: list[bytes],
        values: Mapping[str, object],
    ) -> Sequence[Any]:
        """Run it by one way there and back, and begin a transaction where there is none.

        Args:
            names: by which this connection knows statements; this one's is added.
            later: commands that are sent ahead of it, and then are no longer in there.

        Raises:
            Error: the driver's own.
        """
        bound = self._spelt.bound(values)
        given = [bound[name] for name in self._spelt.order]
        # PostgreSQL knows what each is: as text, a number may be of any size.
        formats = [PyFormat.BINARY if isinstance(each, bytes) else PyFormat.TEXT for each in given]
        adapter = Transformer(driver)
        parameters = adapter.dump_sequence(given, formats)
        result = self._ask(driver, names, later, parameters, adapter.formats)
        if result.status == ExecStatus.COMMAND_OK:
            return ()
        adapter.set_pgresult(result)
        return adapter.load_rows(0, result.ntuples, self._row_maker(result))

    def _ask(
        self,
        driver: Any,
        names: MutableMapping[Any, bytes],
        later: list[bytes],
        parameters: Sequence[Any],
        formats: Sequence[Format] | None,
    ) -> Any:
        begins = driver.pgconn.transaction_status == TransactionStatus.IDLE
        before, known = list(later), self in names
        try:
            return last_of(self._ask_once(driver, names, later, parameters, formats))
        except (InvalidSqlStatementName, FeatureNotSupported):
            if not known:
                raise
            # PostgreSQL was made to forget, or a migration changed what the rows hold: all is
            # prepared anew, and what had not begun before can be begun again.
            names.clear()
            if not begins:
                raise
        command(driver, b"ROLLBACK")
        later[:] = before
        return self._ask(driver, names, later, parameters, formats)

    def _ask_once(
        self,
        driver: Any,
        names: MutableMapping[Any, bytes],
        later: list[bytes],
        parameters: Sequence[Any],
        formats: Sequence[Format] | None,
    ) -> Sequence[Any]:
        idle = driver.pgconn.transaction_status == TransactionStatus.IDLE
        sends = [_sending(each) for each in ([b"BEGIN", *later] if idle else later)]
        later.clear()
        known = names.get(self)
        name = known or b"digest_%d" % next(_numbers)
        if known is None:
            words = self._spelt.text.encode()
            sends.append(lambda libpq: libpq.send_prepare(name, words))
        sends.append(
            lambda libpq: libpq.send_query_prepared(name, parameters, formats, Format.BINARY)
        )
        results = together(driver, sends)
        if known is None and results[-2].status == ExecStatus.COMMAND_OK:
            # It stays, whatever becomes of the transaction.
            names[self] = name
        return results

    def _row_maker(self, result: Any) -> Callable[[Sequence[Any]], Any]:
        if self._make_row is None:
            columns = [result.fname(number).decode() for number in range(result.nfields)]
            self._make_row = cast(Any, namedtuple("Row", columns))._make
        return self._make_row


def _sending(words: bytes) -> Send:
    return lambda libpq: libpq.send_query_params(words, None)


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

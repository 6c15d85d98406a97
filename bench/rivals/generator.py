"""Postfix's smtp-source: a generator in C that makes messages of one size, and keeps no books."""

import time

from bench.errors import BenchError
from bench.needs import program, run
from bench.servers import Sink
from tests.servers.smtp import SmtpSink

SESSIONS = 8
FROM, TO = "digest@halyard.example", "reader@example.org"


def generate(sink: Sink, *, length: int, count: int, within: float) -> float:
    """Send `count` messages over eight connections that stay open; return messages a second.

    Raises:
        BenchError: the sink has counted another number.
    """
    before = sink.count
    began = time.monotonic()
    _run(sink.port, length, count, SESSIONS, within)
    seconds = time.monotonic() - began
    if sink.count - before != count:
        raise BenchError(
            f"smtp-source was to send {count:,}, and the sink has {sink.count - before:,}."
        )
    return count / seconds


def length_for(size: int) -> int:
    """Return the -l that makes whole messages of `size` octets, headers included."""
    sink = SmtpSink()
    try:
        _run(sink.port, size, 1, 1, 30)
        [received] = sink.messages
    finally:
        sink.close()
    return size - (len(received.content) - size)


def _run(port: int, length: int, count: int, sessions: int, within: float) -> None:
    options = ["-d", "-s", str(sessions), "-l", str(length), "-m", str(count), "-f", FROM, "-t", TO]
    command = [program("smtp-source"), *options, f"127.0.0.1:{port}"]
    run("smtp-source", command, within=within)

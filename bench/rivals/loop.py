"""What people write instead, 2: `smtplib.sendmail` in a loop, over connections that stay open.

`python -m bench.rivals.loop PORT CONNECTIONS COUNT MESSAGE`: prints the seconds that it took.
"""

import smtplib
import sys
import time
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path

from bench.errors import BenchError
from bench.needs import run
from bench.servers import Sink

FROM = "digest@halyard.example"


def send_all(
    sink: Sink, port: int, message: Path, *, connections: int, count: int, within: float
) -> float:
    """Send `count` messages to `port`, a process for each connection; return messages a second.

    Raises:
        BenchError: the sink has counted another number.
    """
    before = sink.count
    arguments = [str(port), str(connections), str(count), str(message)]
    command = [sys.executable, "-m", "bench.rivals.loop", *arguments]
    seconds = float(run("The plain loop", command, within=within))
    if sink.count - before != count:
        raise BenchError(
            f"The loop was to send {count:,}, and the sink has {sink.count - before:,}."
        )
    return count / seconds


def main(port: int, connections: int, count: int, message: bytes) -> None:
    context = get_context("fork")
    ready = context.Barrier(connections + 1)
    shares = [count // connections + (n < count % connections) for n in range(connections)]
    loops = [context.Process(target=_loop, args=(port, n, message, ready)) for n in shares]
    for loop in loops:
        loop.start()
    ready.wait()
    began = time.monotonic()
    for loop in loops:
        loop.join()
    if any(loop.exitcode for loop in loops):
        sys.exit(1)
    print(time.monotonic() - began)


def _loop(port: int, count: int, message: bytes, ready: Barrier) -> None:
    with smtplib.SMTP("127.0.0.1", port) as relay:
        relay.ehlo()
        ready.wait()
        for number in range(count):
            relay.sendmail(FROM, [f"reader{number}@example.org"], message)


if __name__ == "__main__":
    listening, wanted, messages = map(int, sys.argv[1:4])
    main(listening, wanted, messages, Path(sys.argv[4]).read_bytes())

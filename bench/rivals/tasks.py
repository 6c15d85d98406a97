"""What people write instead: a Celery task for each reader, with `smtplib.sendmail` in it.

It renders nothing, keeps no books and looks nobody up: all that is left is the mail.
"""

import os
import smtplib
import time
from pathlib import Path

from celery import Celery

from bench.errors import BenchError
from bench.servers import Sink
from tests.journeys.formation import Formation

NAME = "rival"
FROM = "digest@halyard.example"
POLL_SECONDS = 0.02
START_SECONDS = 30

app = Celery("rival", broker=os.environ.get("BENCH_BROKER"), set_as_current=False)
app.conf.task_ignore_result = True


@app.task
def send(address: str) -> None:
    """Mail one reader."""
    message = Path(os.environ["BENCH_MESSAGE"]).read_bytes()
    with smtplib.SMTP("127.0.0.1", int(os.environ["BENCH_PORT"])) as relay:
        relay.sendmail(FROM, [address], message)


def send_all(
    formation: Formation, broker: str, sink: Sink, message: bytes, *, count: int, within: float
) -> float:
    """Send a message to `count` readers by four processes; return messages a second.

    The queue is filled beforehand, and the processes are up: only the sending is counted.

    Raises:
        BenchError: not within so many seconds.
    """
    file = formation.folder / "message.eml"
    file.write_bytes(message)
    formation.environment |= {
        "BENCH_BROKER": broker,
        "BENCH_MESSAGE": str(file),
        "BENCH_PORT": str(sink.port),
    }
    filler = Celery(broker=broker, set_as_current=False)
    with filler.producer_pool.acquire(block=True) as producer:
        for number in range(count):
            filler.send_task(send.name, args=[f"reader{number}@example.org"], producer=producer)
    before = sink.count
    command = "celery --app bench.rivals.tasks worker --concurrency 4 --loglevel WARNING"
    formation.launch(NAME, command)
    try:
        return count / (
            -_moment(sink, before + 1, START_SECONDS) + _moment(sink, before + count, within)
        )
    finally:
        formation.kill(NAME)
        filler.close()


def _moment(sink: Sink, count: int, within: float) -> float:
    until = time.monotonic() + within
    while sink.count < count:
        if time.monotonic() > until:
            raise BenchError(f"{count:,} messages had not come after {within:g} s.")
        time.sleep(POLL_SECONDS)
    return time.monotonic()

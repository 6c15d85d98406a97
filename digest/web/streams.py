"""Answers that go on for as long as somebody listens: events for a page (`text/event-stream`)."""

import threading
import time
from collections.abc import Iterable, Iterator

from flask import Response, request
from werkzeug.exceptions import ServiceUnavailable

# What the server puts into a request's environ: its threads, and an event once it is to stop.
STREAMS = "digest.streams"
STOPPING = "digest.stopping"
SILENCE_SECONDS = 15.0
STILL_HERE = b": still here\n\n"


def event_stream(events: Iterable[bytes | None]) -> Response:
    """Return an answer that writes `events` as they come, and takes no thread from the others.

    `events` yields None where there is nothing yet, at least once a second: so a stream ends when
    its server stops. After 15 seconds of silence a comment is written, which keeps proxies from
    hanging up, and tells us when the client has.

    Raises:
        ServiceUnavailable: as many are open as may be.
    """
    threads = request.environ.get(STREAMS)
    stopping: threading.Event = request.environ.get(STOPPING) or threading.Event()
    if threads is not None and not threads.lend():
        raise ServiceUnavailable(retry_after=30)
    response = Response(_written(events, stopping), content_type="text/event-stream")
    if threads is not None:
        response.call_on_close(threads.give_back)
    response.headers["Cache-Control"] = "no-store"
    # nginx would keep it back otherwise.
    response.headers["X-Accel-Buffering"] = "no"
    return response


def _written(events: Iterable[bytes | None], stopping: threading.Event) -> Iterator[bytes]:
    # Headers go out with the first byte.
    yield STILL_HERE
    spoke = time.monotonic()
    for event in events:
        if stopping.is_set():
            return
        if event is None and time.monotonic() - spoke < SILENCE_SECONDS:
            continue
        yield event or STILL_HERE
        spoke = time.monotonic()

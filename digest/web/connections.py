"""Connections to the web server, each with so much time and no more.

Waitress reads whole requests in one loop, and only then hands them to a thread: whoever sends
slowly holds no thread. Here is what it leaves out: an end to waiting, the answer 408, and room for
those who come while strangers hold all the connections there may be.
"""

import copy
import re
import resource
import threading
import time
from dataclasses import dataclass
from functools import partial
from typing import Any

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import TcpWSGIServer, UnixWSGIServer
from waitress.task import ThreadedTaskDispatcher

TIMED_OUT = (
    b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Type: text/plain\r\n"
    b"Content-Length: 33\r\n\r\nThe request came in too slowly.\r\n"
)
CONNECTIONS_AT_MOST = 1000
# What else a process has open: databases, the broker, files.
OTHER_FILES = 128
# The desk's forms with a picture (digest.web.desk.uploads): their requests alone may be so large,
# and only so many at once, for waitress keeps a body on disk before anybody has looked who sends.
UPLOADS = re.compile(r"/desk/(?:newsletters/[0-9]+/portrait|paper/mark)\Z")
LARGEST_UPLOAD = 32 * 1024 * 1024
UPLOADS_AT_ONCE = 8


@dataclass(frozen=True)
class Bounds:
    """How long, in seconds, a client may take."""

    # From a request's first byte to the end of its headers.
    headers: float = 10.0
    # From there to the end of the body: so long, and longer for what comes at a fair rate.
    body: float = 15.0
    body_bytes_a_second: int = 1000
    body_at_most: float = 120.0
    # Between requests: longer than most proxies keep a connection that they mean to use again.
    idle: float = 75.0
    # Until a connection's first byte. Browsers connect beforehand, too.
    first_byte: float = 15.0
    # From the end of an answer's making until the client has taken it.
    answer: float = 120.0


class Incoming(HTTPRequestParser):  # type: ignore[misc]
    """A request that comes in. Its head decides how large its body may be."""

    adj: Any

    def __init__(self, adjustments: Any, listening: "_Listening") -> None:
        super().__init__(adjustments)
        self._listening = listening
        self.is_upload = False

    def received(self, data: bytes) -> int:
        """Take in what came; whoever asks before sending what is refused is not told to go on."""
        taken: int = super().received(data)
        if self.error is not None:
            self.expect_continue = False
        return taken

    def parse_header(self, header_plus: bytes) -> None:
        """Read the head: waitress looks at the length after that, before it takes in any of it."""
        super().parse_header(header_plus)
        may_be = self.command == "POST" and UPLOADS.search(self.path)
        if may_be and self._listening.uploads() < UPLOADS_AT_ONCE:
            self.is_upload = True
            self.adj = copy.copy(self.adj)
            self.adj.max_request_body_size = LARGEST_UPLOAD


class Connection(HTTPChannel):  # type: ignore[misc]
    """One client's connection. `hurry` ends it when its time is over."""

    request: Any
    requests: list[Any]

    def __init__(self, server: Any, *arguments: Any, **options: Any) -> None:
        super().__init__(server, *arguments, **options)
        self.parser_class = partial(Incoming, listening=server)
        self._stage: str = "first_byte"
        self._since = time.monotonic()

    def received(self, data: bytes) -> bool:
        """Take in what came: waitress's loop calls it."""
        # Blank lines between requests are no beginning of one.
        if self.request is None and not self.requests and data.strip():
            self._enter("headers")
        going_on: bool = super().received(data)
        if self.request is not None and self.request.headers_finished and self._stage == "headers":
            self._enter("body")
        return going_on

    def hurry(self, bounds: Bounds) -> None:
        """Answer 408, or hang up, where the client has had its time."""
        now = time.monotonic()
        if self.requests:
            self._stage = "answering"
            return
        stage = self._stage
        if stage == "answering" or (stage in {"headers", "body"} and self.request is None):
            # Answered meanwhile. What is still to be taken has its own time.
            self._enter("answer" if self.total_outbufs_len else "idle")
        elif stage == "answer" and not self.total_outbufs_len:
            self._enter("idle")
        elif now - self._since > self._allowed(bounds):
            if stage in {"headers", "body"}:
                self._answer_timed_out()
            elif stage == "answer" or not self.total_outbufs_len:
                self.will_close = True

    def _enter(self, stage: str) -> None:
        self._stage, self._since = stage, time.monotonic()

    def _allowed(self, bounds: Bounds) -> float:
        if self._stage != "body":
            return float(getattr(bounds, self._stage))
        fair: float = self.request.body_bytes_received / bounds.body_bytes_a_second
        return min(bounds.body + fair, bounds.body_at_most)

    def _answer_timed_out(self) -> None:
        with self.requests_lock, self.outbuf_lock:
            if self.requests:
                return
            self.request.close()
            self.request = None
            self.outbufs[-1].append(TIMED_OUT)
            self.total_outbufs_len += len(TIMED_OUT)
            self.close_when_flushed = True
        self._enter("answer")


class _Listening:
    """What a listening socket does beside waitress: hurries its connections, and makes room."""

    channel_class = Connection
    bounds = Bounds()
    connections_at_most = CONNECTIONS_AT_MOST

    active_channels: dict[int, Connection]

    def uploads(self) -> int:
        """Return how many requests there are that may be larger than others."""
        connections = list(self.active_channels.values())
        requests = [request for each in connections for request in (each.request, *each.requests)]
        return sum(request is not None and request.is_upload for request in requests)

    def maintenance(self, _: float) -> None:
        """Look at each connection's time, once a second."""
        for connection in list(self.active_channels.values()):
            connection.hurry(self.bounds)

    def handle_accept(self) -> None:
        """Take a connection; of too many, the one goes that has been silent for longest."""
        if len(self.active_channels) >= self.connections_at_most:
            waiting = [each for each in self.active_channels.values() if not each.requests]
            if waiting:
                min(waiting, key=lambda each: each.last_activity).handle_close()
        super().handle_accept()  # type: ignore[misc]


class TcpListening(_Listening, TcpWSGIServer):  # type: ignore[misc]
    """A listening socket of TCP."""


class UnixListening(_Listening, UnixWSGIServer):  # type: ignore[misc]
    """A Unix socket: whoever calls by it has no ip."""

    def fix_addr(self, addr: Any) -> tuple[str, None]:
        return ("", None)


class Threads(ThreadedTaskDispatcher):  # type: ignore[misc]
    """The threads that answer; one more for each answer that does not end by itself."""

    def __init__(self, count: int, lent_at_most: int) -> None:
        super().__init__()
        self._count = count
        self._lent = 0
        self._lent_at_most = lent_at_most
        self._lending = threading.Lock()
        self.set_thread_count(count)

    def lend(self) -> bool:
        """Let whoever asks keep its thread, and start another in its place; False: no more."""
        with self._lending:
            if self._lent >= self._lent_at_most:
                return False
            self._lent += 1
            self.set_thread_count(self._count + self._lent)
            return True

    def give_back(self) -> None:
        """Say that such an answer has ended."""
        with self._lending:
            self._lent -= 1
            if self._count:
                self.set_thread_count(self._count + self._lent)

    def shutdown(self, cancel_pending: bool = True, timeout: float = 5) -> bool:
        """Let the threads end."""
        with self._lending:
            self._count = 0
        ended: bool = super().shutdown(cancel_pending, timeout)
        return ended


def make_room_for_files() -> int:
    """Raise how many files this process may open, as far as it may; return how many connections
    fit into that."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS_AT_MOST + OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY:
        return CONNECTIONS_AT_MOST
    return max(16, min(CONNECTIONS_AT_MOST, soft - OTHER_FILES))

"""The web server: waitress with our bounds, in a thread or under gunicorn (digest.web.prefork)."""

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

from waitress import wasyncore
from waitress.adjustments import Adjustments

from digest.errors import RefusedError
from digest.web.connections import (
    Bounds,
    TcpListening,
    Threads,
    UnixListening,
    make_room_for_files,
)
from digest.web.streams import STOPPING, STREAMS

THREADS = 8
# Answers of a process that go on for as long as somebody listens: each has a thread of its own.
STREAMS_AT_MOST = 250
LARGEST_HEADERS = 32 * 1024
# The largest form without a picture has 2.4 MB. Uploads: see digest.web.connections.
LARGEST_REQUEST = 4 * 1024 * 1024
LOOK_UP_SECONDS = 0.5

PATIENT = Bounds()

# It warns of each request that waits for a thread.
logging.getLogger("waitress.queue").setLevel(logging.ERROR)

Wsgi = Callable[..., Iterable[bytes]]


def bind(host: str, port: int, options: str = "--port or --host") -> socket.socket:
    """Return a socket bound to an address; port 0 takes one that is free.

    `options`: with which of its own the command is told another one.

    Raises:
        RefusedError: the address is taken or not ours; says what to do.
    """
    refused = f"Cannot listen on {host}, port {port}: {{}}. Choose another with {options}."
    if not 0 <= port <= 65535:
        raise RefusedError(refused.format("there is no such port"))
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise RefusedError(refused.format(error.strerror)) from None
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        # Or a port that was used a minute ago would still count as taken.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()
    except OSError as error:
        listener.close()
        raise RefusedError(refused.format(error.strerror)) from None
    return listener


class Server:
    """Serves `app` on listening sockets, in the thread that calls `turn` again and again.

    `environ` is added to every request's.
    """

    def __init__(self, app: Wsgi, listeners: Sequence[socket.socket], bounds: Bounds) -> None:
        self.stopping = threading.Event()
        self._map: dict[int, Any] = {}
        self._threads = Threads(THREADS, STREAMS_AT_MOST)
        adjustments = Adjustments(
            ident=None,
            # Our own bounds hold: see digest.web.connections.
            connection_limit=1_000_000,
            cleanup_interval=1,
            max_request_header_size=LARGEST_HEADERS,
            max_request_body_size=LARGEST_REQUEST,
            # DIGEST_TRUSTED_PROXIES decides whom to believe, for every server alike.
            clear_untrusted_proxy_headers=False,
        )
        offered = {STREAMS: self._threads, STOPPING: self.stopping}

        def with_offers(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
            environ.update(offered)
            return app(environ, start)

        connections = make_room_for_files() // len(listeners)
        self._listening = []
        for listener in listeners:
            kind = UnixListening if listener.family == socket.AF_UNIX else TcpListening
            listening = kind(
                with_offers,
                self._map,
                _sock=listener,
                dispatcher=self._threads,
                adj=adjustments,
                bind_socket=False,
                sockinfo=(listener.family, listener.type, listener.proto, listener.getsockname()),
            )
            listening.bounds, listening.connections_at_most = bounds, connections
            self._listening.append(listening)

    def turn(self, timeout_seconds: float = LOOK_UP_SECONDS) -> None:
        """Do what there is to do, waiting at most so long for something."""
        wasyncore.loop(timeout_seconds, use_poll=True, map=self._map, count=1)

    def wake(self) -> None:
        """End a `turn` that waits in another thread."""
        # The pipe that it writes to closes when the loop ends.
        with suppress(OSError):
            self._listening[0].pull_trigger()

    def finish(self, timeout_seconds: float) -> None:
        """Close the port at once, and the connections as soon as their answers are out."""
        self.stopping.set()
        stop_by = time.monotonic() + timeout_seconds
        for listening in self._listening:
            # The listening socket only: its connections are in the map by themselves.
            wasyncore.dispatcher.close(listening)
        while self._is_answering() and time.monotonic() < stop_by:
            self.turn(0.05)
        self._threads.shutdown(timeout=max(0.0, stop_by - time.monotonic()))
        for listening in self._listening:
            listening.trigger.close()
        wasyncore.close_all(self._map, ignore_all=True)

    def _is_answering(self) -> bool:
        return any(
            channel.requests or channel.total_outbufs_len
            for listening in self._listening
            for channel in list(listening.active_channels.values())
        )


class EmbeddedServer:
    """A server in a thread of its own. `stop` lets the requests that are being answered finish."""

    def __init__(self, app: Wsgi, listener: socket.socket, bounds: Bounds = PATIENT) -> None:
        self.port: int = listener.getsockname()[1]
        self._server = Server(app, [listener], bounds)
        self._stopping = threading.Event()
        self._timeout = 0.0
        self._thread = threading.Thread(target=self._run, name="web")

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def stop(self, timeout_seconds: float = 10.0) -> None:
        """Close the port at once, and the connections as soon as their answers are out."""
        self._timeout = timeout_seconds
        self._stopping.set()
        if self._thread.ident is None:
            self._run()
            return
        self._server.wake()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._server.turn()
        self._server.finish(self._timeout)

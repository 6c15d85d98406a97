"""The embedded web server: waitress in a thread, stopped without breaking off a request."""

import socket
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from waitress import wasyncore
from waitress.server import create_server

from digest.errors import RefusedError

THREADS = 8
LARGEST_REQUEST = 16 * 1024 * 1024
LOOK_UP_SECONDS = 0.5

Wsgi = Callable[..., Iterable[bytes]]


def bind(host: str, port: int) -> socket.socket:
    """Return a socket bound to an address; port 0 takes one that is free.

    Raises:
        RefusedError: the address is taken or not ours; says what to do.
    """
    refused = f"Cannot listen on {host}, port {port}: {{}}. Choose another with --port or --host."
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


class EmbeddedServer:
    """Serves `app` on a bound socket. `stop` lets the requests that are being answered finish."""

    def __init__(self, app: Wsgi, listener: socket.socket) -> None:
        self.port: int = listener.getsockname()[1]
        self._map: dict[int, Any] = {}
        self._server = create_server(
            app,
            map=self._map,
            sockets=[listener],
            threads=THREADS,
            ident=None,
            max_request_body_size=LARGEST_REQUEST,
            # DIGEST_TRUSTED_PROXIES decides whom to believe, for every server alike.
            clear_untrusted_proxy_headers=False,
        )
        self._stopping = threading.Event()
        self._stop_by = 0.0
        self._thread = threading.Thread(target=self._run, name="web")

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def stop(self, timeout_seconds: float = 10.0) -> None:
        """Close the port at once, and the connections as soon as their answers are out."""
        self._stop_by = time.monotonic() + timeout_seconds
        self._stopping.set()
        if self._thread.ident is None:
            self._run()
            return
        # The pipe that it writes to closes when the loop ends.
        with suppress(OSError):
            self._server.pull_trigger()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._turn(LOOK_UP_SECONDS)
        # The listening socket only: its connections are in the map by themselves.
        wasyncore.dispatcher.close(self._server)
        while self._is_answering() and time.monotonic() < self._stop_by:
            self._turn(0.05)
        self._server.task_dispatcher.shutdown(timeout=max(0.0, self._stop_by - time.monotonic()))
        self._server.trigger.close()
        wasyncore.close_all(self._map, ignore_all=True)

    def _turn(self, timeout_seconds: float) -> None:
        wasyncore.loop(timeout_seconds, use_poll=True, map=self._map, count=1)

    def _is_answering(self) -> bool:
        return any(
            channel.requests or channel.total_outbufs_len
            for channel in list(self._server.active_channels.values())
        )

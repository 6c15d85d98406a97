"""A real HTTP server on loopback, whose answers a test sets: feeds, pictures, and bad manners."""

import socket
import socketserver
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler
from urllib.parse import urlsplit

STOP_TIMEOUT = 5.0

Body = bytes | Callable[[], Iterator[bytes]]


@dataclass(frozen=True)
class Request:
    """A request as it came in. Header names are looked up whatever their case."""

    method: str
    path: str
    query: str
    headers: Message
    body: bytes


@dataclass(frozen=True)
class Reply:
    """An answer. A body that is a function is streamed as it comes, and may never end."""

    body: Body = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


class WebServer:
    """Answers what `route` says, and 404 for the rest. `requests` holds all that came, in order."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.closing = threading.Event()
        self._routes: dict[str, Callable[[Request], Reply]] = {}
        self._server = _Server(self)
        self.port: int = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def route(
        self,
        path: str,
        body: Body = b"",
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> str:
        """Answer `path` with this, from now on; the URL to ask for it."""
        return self.route_to(path, lambda _: Reply(body, status, headers or {}))

    def route_to(self, path: str, answer: Callable[[Request], Reply]) -> str:
        """Answer `path` with what a function makes of the request."""
        self._routes[path] = answer
        return self.url + path

    def drip(self, *chunks: bytes, every: float) -> Callable[[], Iterator[bytes]]:
        """A body that comes in pieces, the last one again and again until the reader leaves."""

        def pieces() -> Iterator[bytes]:
            for chunk in chunks:
                yield chunk
                self.closing.wait(every)
            while not self.closing.is_set():
                yield chunks[-1]
                self.closing.wait(every)

        return pieces

    def silence(self) -> Iterator[bytes]:
        """A body that never comes: pass it as `server.silence`."""
        self.closing.wait()
        yield b""

    def answer(self, request: Request) -> Reply:
        self.requests.append(request)
        route = self._routes.get(request.path)
        return route(request) if route else Reply(b"no such page", 404)

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.end_connections()
        self._server.server_close()


class _Server(socketserver.TCPServer):
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, web: WebServer) -> None:
        self.web = web
        self._open: dict[threading.Thread, socket.socket] = {}
        super().__init__(("127.0.0.1", 0), _Handler)

    # Not socketserver.ThreadingMixIn: it either forgets its threads or waits for them for ever.
    def process_request(self, request: object, client_address: object) -> None:
        assert isinstance(request, socket.socket)
        thread = threading.Thread(target=self._serve, args=(request, client_address), daemon=True)
        self._open = {t: s for t, s in self._open.items() if t.is_alive()}
        self._open[thread] = request
        thread.start()

    def _serve(self, request: socket.socket, client_address: object) -> None:
        try:
            # The client may leave at any time, and many tests are about just that.
            with suppress(ConnectionError):
                self.finish_request(request, client_address)
        finally:
            self.shutdown_request(request)

    def end_connections(self) -> None:
        for connection in self._open.values():
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._open:
            thread.join(STOP_TIMEOUT)
            assert not thread.is_alive(), "a body does not end: let it look at server.closing"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def answer(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        request = Request(self.command, parts.path, parts.query, self.headers, body)
        reply = self.server.web.answer(request)
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if isinstance(reply.body, bytes):
            self._finish(reply.body)
        else:
            self._stream(reply.body)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = answer  # noqa: N815

    def _finish(self, body: bytes) -> None:
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _stream(self, body: Callable[[], Iterator[bytes]]) -> None:
        # No length, so the end of the connection is the end of the body.
        self.send_header("Connection", "close")
        self.end_headers()
        for chunk in body():
            self.wfile.write(chunk)

    def log_message(self, *_: object) -> None:
        """Say nothing: a test reads `requests`."""

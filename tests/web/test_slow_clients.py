"""Clients that send slowly, or nothing: on both set-ups the site answers all others meanwhile."""

import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from flask import Flask

from digest.web.connections import Bounds
from digest.web.server import EmbeddedServer, bind
from digest.web.streams import event_stream
from tests.journeys.formation import free_port, wait_until
from tests.web.hasty import HASTY
from tests.web.test_gunicorn import environment, gunicorn

__all__ = ["environment"]

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
MANY = 300
HALF_A_HEAD = b"GET / HTTP/1.1\r\nHost: digest.example\r\nX-Half: "
HALF_A_BODY = (
    b"POST /subscribe HTTP/1.1\r\nHost: digest.example\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\nemail="
)
HALVES = {"head": HALF_A_HEAD, "body": HALF_A_BODY}

Start = Callable[[bool], int]


@pytest.fixture(params=["embedded", "procfile"])
def start(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> Iterator[Start]:
    """Call it for the port of Digest's pages; `hasty`: with little patience."""
    with ExitStack() as ends:

        def start(hasty: bool) -> int:
            if request.param == "embedded":
                app: Flask = request.getfixturevalue("app")
                server = EmbeddedServer(app, bind("127.0.0.1", 0), HASTY if hasty else Bounds())
                server.start()
                ends.callback(server.stop)
                return server.port
            port = free_port()
            patience = ["--worker-class=tests.web.hasty.HastyWorker"] if hasty else []
            process = gunicorn(
                request.getfixturevalue("environment"), f"--bind=127.0.0.1:{port}", *patience
            )
            ends.callback(end, process)
            wait_until(lambda: answers(port), "gunicorn answers")
            return port

        yield start


def end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    process.communicate(timeout=70)


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=10).status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture
def connect() -> Iterator[Callable[[int, bytes], socket.socket]]:
    """Call it for a connection on which these bytes were sent."""
    with ExitStack() as ends:

        def connect(port: int, sent: bytes) -> socket.socket:
            made = ends.enter_context(socket.create_connection(("127.0.0.1", port), 30))
            made.sendall(sent)
            return made

        yield connect


Connect = Callable[[int, bytes], socket.socket]


@SQLITE
@pytest.mark.parametrize("half", HALVES)
def test_the_site_answers_while_hundreds_send_half_a_request(
    start: Start, connect: Connect, half: str
) -> None:
    port = start(False)
    waiting = [connect(port, HALVES[half]) for _ in range(MANY)]

    assert all(answers(port) for _ in range(5))
    for each in waiting:
        each.setblocking(False)
        with pytest.raises(BlockingIOError):  # neither answered nor hung up on
            each.recv(1)


@SQLITE
@pytest.mark.parametrize("half", HALVES)
def test_half_a_request_is_answered_408_after_a_while(
    start: Start, connect: Connect, half: str
) -> None:
    waiting = [connect(port, HALVES[half]) for port in [start(True)] for _ in range(20)]

    for each in waiting:
        assert read_all(each).startswith(b"HTTP/1.1 408 Request Timeout\r\n")


@SQLITE
def test_a_client_that_drips_does_not_win_time(start: Start, connect: Connect) -> None:
    dripping = connect(start(True), HALF_A_HEAD)
    dripping.settimeout(0.2)
    said = b""
    for _ in range(200):
        try:
            said += dripping.recv(1000)
            break
        except TimeoutError:
            dripping.sendall(b"x")
    assert said.startswith(b"HTTP/1.1 408 ")


@SQLITE
def test_a_connection_without_a_request_is_closed_without_a_word(
    start: Start, connect: Connect
) -> None:
    port = start(True)
    silent = connect(port, b"")
    blank = connect(port, b"\r\n")
    idle = connect(port, b"GET /healthz HTTP/1.1\r\nHost: digest.example\r\n\r\n")

    assert read_all(silent) == read_all(blank) == b""
    assert read_all(idle).endswith(b"\r\n\r\nok\n")


@SQLITE
def test_a_request_that_comes_in_pieces_in_time_is_answered(start: Start, connect: Connect) -> None:
    port = start(False)
    slow = connect(port, b"GET /heal")
    for piece in (b"thz HTTP/1.1\r\nHo", b"st: digest.example\r\nConnection: close\r\n", b"\r\n"):
        assert answers(port)
        slow.sendall(piece)

    assert read_all(slow).endswith(b"ok\n")


def test_of_more_connections_than_there_may_be_the_oldest_silent_one_goes(connect: Connect) -> None:
    server = EmbeddedServer(lambda *_: [], bind("127.0.0.1", 0))
    [listening] = server._server._listening
    listening.connections_at_most = 10
    server.start()
    try:
        held = [connect(server.port, HALF_A_HEAD) for _ in range(11)]
        assert held[0].recv(1) == b""
        held[-1].setblocking(False)
        with pytest.raises(BlockingIOError):
            held[-1].recv(1)
    finally:
        server.stop()


def test_two_hundred_streams_leave_the_site_its_threads(connect: Connect) -> None:
    app = Flask(__name__)
    done = threading.Event()

    def nothing() -> Iterator[None]:
        while not done.wait(0.2):
            yield None

    app.add_url_rule("/events", view_func=lambda: event_stream(nothing()))
    app.add_url_rule("/healthz", endpoint="health", view_func=lambda: "ok")
    server = EmbeddedServer(app, bind("127.0.0.1", 0))
    server.start()
    before = threading.active_count()
    try:
        asked = b"GET /events HTTP/1.1\r\nHost: digest.example\r\n\r\n"
        streams = [connect(server.port, asked) for _ in range(200)]
        assert all(b" 200 OK" in each.recv(1000) for each in streams)
        assert all(answers(server.port) for _ in range(5))
        more = [connect(server.port, asked) for _ in range(60)]
        refused = [each for each in more if b" 503 " in each.recv(1000)[:20]]
        assert len(refused) == 10
        done.set()
        wait_until(lambda: threading.active_count() <= before, "their threads end")
    finally:
        done.set()
        server.stop()


def test_a_stream_ends_when_its_server_stops(connect: Connect) -> None:
    app = Flask(__name__)
    ticks = threading.Event()

    def nothing() -> Iterator[None]:
        while True:
            ticks.wait(0.05)
            yield None

    app.add_url_rule("/events", view_func=lambda: event_stream(nothing()))
    server = EmbeddedServer(app, bind("127.0.0.1", 0))
    server.start()
    stream = connect(server.port, b"GET /events HTTP/1.1\r\nHost: digest.example\r\n\r\n")
    assert b" 200 OK" in stream.recv(1000)
    server.stop(60)
    # Ended as a stream ends, not broken off.
    assert read_all(stream).endswith(b"0\r\n\r\n")


def read_all(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(1000), b""))

"""The embedded web server: waitress in a thread."""

import gc
import re
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from flask import Flask

from digest.errors import RefusedError
from digest.web.connections import LARGEST_UPLOAD, UPLOADS, UPLOADS_AT_ONCE
from digest.web.desk import terms, uploads
from digest.web.server import LARGEST_REQUEST, EmbeddedServer, bind


def test_what_a_proxy_says_reaches_the_app_which_decides_whom_to_believe() -> None:
    seen: list[str] = []

    def app(environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        seen.append(environ["HTTP_X_FORWARDED_FOR"])
        start("204 No Content", [])
        return []

    server = EmbeddedServer(app, bind("127.0.0.1", 0))
    server.start()
    httpx.get(f"http://127.0.0.1:{server.port}/", headers={"X-Forwarded-For": "203.0.113.7"})
    server.stop()
    assert seen == ["203.0.113.7"]


def test_a_server_that_never_started_can_be_stopped() -> None:
    server = EmbeddedServer(lambda *_: [], bind("127.0.0.1", 0))
    server.stop()
    assert not server.alive
    gc.collect()  # an unclosed socket would warn now, and warnings are errors


def test_an_address_that_cannot_be_had_is_said_in_a_sentence() -> None:
    with bind("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(RefusedError, match=f"port {port}: Address already in use. Choose"):
            bind("127.0.0.1", port)
    for host, bad in (("127.0.0.1", 70_000), ("192.0.2.1", 0), ("no such host", 0)):
        with pytest.raises(RefusedError, match="Choose another with --port or --host"):
            bind(host, bad)
    gc.collect()


def test_it_finishes_the_answer_that_it_is_giving() -> None:
    asked, may_answer = threading.Event(), threading.Event()

    def app(environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        asked.set()
        may_answer.wait(10)
        start("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "4")])
        return [b"done"]

    before = threading.active_count()
    server = EmbeddedServer(app, bind("127.0.0.1", 0))
    server.start()
    with socket.create_connection(("127.0.0.1", server.port), 10) as raw:
        raw.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert asked.wait(10)
        stopper = threading.Thread(target=server.stop)
        stopper.start()
        while True:
            # The port closes at once, while the answer is still being made.
            try:
                socket.create_connection(("127.0.0.1", server.port), 1).close()
            except ConnectionError:
                break
            time.sleep(0.01)
        may_answer.set()
        answer = b"".join(iter(lambda: raw.recv(1000), b""))
    stopper.join(10)
    assert answer.endswith(b"done")
    assert threading.active_count() == before
    gc.collect()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_only_the_forms_for_pictures_may_send_much_and_few_of_them_at_once(app: Flask) -> None:
    rules = [each for each in app.url_map.iter_rules() if each.endpoint.startswith("desk_uploads.")]
    paths = [re.sub(r"<[^>]+>", "7", each.rule) for each in rules]
    assert [bool(UPLOADS.search(each)) for each in paths] == [True, True]
    assert uploads.LARGEST_UPLOAD < LARGEST_UPLOAD, "what is too large is told so on its page"
    assert terms.LARGEST_FORM < LARGEST_REQUEST
    server = EmbeddedServer(app, bind("127.0.0.1", 0))
    server.start()

    def begin(path: str, length: int = 20_000_000) -> socket.socket:
        made = socket.create_connection(("127.0.0.1", server.port), 10)
        made.sendall(
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n"
            "Expect: 100-continue\r\n\r\n".encode()
        )
        return made

    def told(path: str, length: int = 20_000_000) -> bytes:
        with begin(path, length) as made:
            return made.recv(1000)[9:12]

    for path in ("/subscribe", "/api/v1/articles", "/desk/terms", "/desk/paper/mark/x"):
        assert told(path) == b"413", path
    assert told("/subscribe", 70_000) == b"100", "it is told so on a page"
    begun = [begin(path) for path in paths * (UPLOADS_AT_ONCE // 2)]
    for each in begun:
        assert each.recv(1000)[9:12] == b"100"
    assert told(paths[0]) == b"413"
    for each in begun:
        each.close()
    sent = httpx.post(f"http://127.0.0.1:{server.port}{paths[0]}", content=b"x" * 20_000_000)
    assert sent.status_code == 303, "to sign in first"
    server.stop()
    gc.collect()

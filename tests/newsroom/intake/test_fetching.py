"""Fetching over real sockets from a server with bad manners."""

import gzip
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from digest.newsroom.intake import fetching
from digest.newsroom.intake.fetching import (
    FEED,
    PICTURE,
    PRIVATE_NETWORKS,
    REDIRECTS_AT_MOST,
    Fetcher,
    FetchError,
)
from tests.servers.web import Reply, Request, WebServer

HASTY = replace(FEED, seconds=0.5)
MEGABYTE = 1_000_000


@pytest.fixture
def fetcher() -> Fetcher:
    """One that may fetch from loopback."""
    return Fetcher("https://halyard.example", PRIVATE_NETWORKS)


@pytest.fixture
def public() -> Fetcher:
    """One as it is in production."""
    return Fetcher("https://halyard.example")


def refusal(fetcher: Fetcher, url: str, bounds: fetching.Bounds = FEED) -> FetchError:
    with pytest.raises(FetchError) as refused:
        fetcher.fetch(url, bounds)
    return refused.value


def test_what_is_there_is_fetched(fetcher: Fetcher, http_server: WebServer) -> None:
    headers = {
        "Content-Type": "application/rss+xml; charset=ISO-8859-1",
        "ETag": '"7"',
        "Last-Modified": "Sat, 14 Nov 2026 06:00:00 GMT",
    }
    fetched = fetcher.fetch(http_server.route("/feed.xml", b"<rss/>", headers=headers), FEED)

    assert fetched.content == b"<rss/>"
    assert fetched.url == f"{http_server.url}/feed.xml"
    assert (fetched.charset or "").lower() == "iso-8859-1"
    assert (fetched.etag, fetched.last_modified) == ('"7"', headers["Last-Modified"])
    assert fetched.moved_to is None


def test_we_say_who_we_are_and_nothing_else(
    fetcher: Fetcher, http_server: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    url = http_server.route("/a", b"a", headers={"Set-Cookie": "reader=7"})
    http_server.route("/b", status=302, headers={"Location": "/a", "Set-Cookie": "reader=7"})
    fetcher.fetch(f"{http_server.url}/b", FEED)
    fetcher.fetch(url, FEED)

    assert len(http_server.requests) == 3
    for request in http_server.requests:
        assert request.headers["User-Agent"].startswith("Digest/")
        assert request.headers["User-Agent"].endswith("(+https://halyard.example)")
        assert "Cookie" not in request.headers
        assert "Authorization" not in request.headers


def test_what_has_not_changed_is_not_sent(fetcher: Fetcher, http_server: WebServer) -> None:
    def answer(request: Request) -> Reply:
        is_known = request.headers["If-None-Match"] == '"7"'
        return Reply(status=304) if is_known else Reply(b"<rss/>")

    url = http_server.route_to("/feed.xml", answer)

    assert fetcher.fetch(url, FEED, etag='"7"').content is None
    assert fetcher.fetch(url, FEED, etag='"6"', last_modified="x").content == b"<rss/>"
    assert http_server.requests[-1].headers["If-Modified-Since"] == "x"


def test_304_to_a_question_that_was_not_asked_is_a_failure(
    fetcher: Fetcher, http_server: WebServer
) -> None:
    assert "304" in str(refusal(fetcher, http_server.route("/feed.xml", status=304)))


@pytest.mark.parametrize(
    ("status", "words", "wait"),
    [
        (404, "There is no feed at that address (404).", 0),
        (403, "does not let us have it (403)", 0),
        (410, "gone for good (410)", 24 * 3600),
        (429, "come back later (429)", 3600),
        (503, "come back later (503)", 3600),
        (500, "status 500", 0),
        (204, "status 204", 0),
    ],
)
def test_an_answer_without_the_feed_is_told_in_words(
    fetcher: Fetcher, http_server: WebServer, status: int, words: str, wait: int
) -> None:
    url = http_server.route("/feed.xml", b"secret", status=status, headers={"Retry-After": "3600"})
    error = refusal(fetcher, url)

    assert words in str(error)
    assert error.wait == timedelta(seconds=wait)


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [("99999999999999", 24 * 3600), ("Wed, 21 Oct 2015 07:28:00 GMT", 0), ("soon", 0), ("-1", 0)],
)
def test_retry_after_is_bounded(
    fetcher: Fetcher, http_server: WebServer, asked: str, seconds: int
) -> None:
    url = http_server.route("/feed.xml", status=429, headers={"Retry-After": asked})

    assert refusal(fetcher, url).wait == timedelta(seconds=seconds)


class Flood:
    """A body of megabytes that counts how many were sent."""

    def __init__(self, megabytes: int | None) -> None:
        self.sent = 0
        self._megabytes = megabytes

    def __call__(self) -> Iterator[bytes]:
        while self._megabytes is None or self.sent < self._megabytes:
            self.sent += 1
            yield b"x" * MEGABYTE


@pytest.mark.parametrize("megabytes", [200, None])
def test_a_feed_of_200_mb_or_without_end_is_left_after_5(
    fetcher: Fetcher, http_server: WebServer, megabytes: int | None
) -> None:
    flood = Flood(megabytes)
    error = refusal(fetcher, http_server.route("/feed.xml", flood))

    assert "larger than 5 MB" in str(error)
    # What the sockets' buffers hold comes on top.
    assert flood.sent < 30


def test_a_length_that_is_too_much_is_believed(fetcher: Fetcher, http_server: WebServer) -> None:
    assert "larger than 10 MB" in str(
        refusal(fetcher, http_server.route("/a.jpg", b"x" * (10 * MEGABYTE + 1)), PICTURE)
    )
    most = http_server.route("/b.jpg", b"x" * 10 * MEGABYTE)
    assert len(fetcher.fetch(most, PICTURE).content or b"") == 10 * MEGABYTE


def test_a_redirect_with_an_endless_body_is_followed_without_it(
    fetcher: Fetcher, http_server: WebServer
) -> None:
    http_server.route("/new.xml", b"<rss/>")

    def answer(request: Request) -> Reply:
        return Reply(http_server.drip(b"x" * 1000, every=0), 302, {"Location": "/new.xml"})

    assert fetcher.fetch(http_server.route_to("/feed.xml", answer), FEED).content == b"<rss/>"


@pytest.mark.parametrize("first", [b"", b"<rss>"])
def test_a_drip_ends_in_time(fetcher: Fetcher, http_server: WebServer, first: bytes) -> None:
    url = http_server.route("/feed.xml", http_server.drip(first, b"x", every=0.02))

    assert "within 0.5 seconds" in str(refusal(fetcher, url, HASTY))


def test_silence_ends_in_time(fetcher: Fetcher, http_server: WebServer) -> None:
    url = http_server.route("/feed.xml", http_server.silence)

    assert "within 0.5 seconds" in str(refusal(fetcher, url, HASTY))


def test_headers_that_drip_end_in_time(fetcher: Fetcher) -> None:
    closing = threading.Event()

    def drip(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            while not closing.wait(0.02):
                try:
                    connection.sendall(b"x")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=(listener,))
        thread.start()
        error = refusal(fetcher, f"http://127.0.0.1:{listener.getsockname()[1]}/", HASTY)
        closing.set()
        thread.join()

    assert "within 0.5 seconds" in str(error)


def test_a_name_that_nobody_answers_for_ends_in_time(
    fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = threading.Event()

    def never(*_: object) -> list[object]:
        found.wait()
        return []

    monkeypatch.setattr(fetching, "LOOK_UP_SECONDS", 0.2)
    monkeypatch.setattr(socket, "getaddrinfo", never)
    error = refusal(fetcher, "http://halyard.example/feed.xml")
    found.set()

    assert "could not be looked up" in str(error)


def test_a_packed_feed_is_unpacked(fetcher: Fetcher, http_server: WebServer) -> None:
    body = gzip.compress(b"<rss>") + gzip.compress(b"</rss>")
    url = http_server.route("/feed.xml", body, headers={"Content-Encoding": "gzip"})

    assert fetcher.fetch(url, FEED).content == b"<rss></rss>"


def test_a_bomb_is_unpacked_no_further_than_the_bound(
    fetcher: Fetcher, http_server: WebServer
) -> None:
    bomb = gzip.compress(b"x" * 100 * MEGABYTE, 1)
    assert len(bomb) < MEGABYTE
    url = http_server.route("/feed.xml", bomb, headers={"Content-Encoding": "gzip"})

    assert "larger than 5 MB" in str(refusal(fetcher, url))


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("br", b"x"),
        ("gzip, gzip", b"x"),
        ("gzip", b"not packed"),
        ("gzip", gzip.compress(b"x" * 1000, mtime=0)[:-9]),
        ("gzip", b""),
    ],
)
def test_what_cannot_be_unpacked_is_refused(
    fetcher: Fetcher, http_server: WebServer, encoding: str, body: bytes
) -> None:
    url = http_server.route("/feed.xml", body, headers={"Content-Encoding": encoding})

    assert "The site" in str(refusal(fetcher, url))


def test_an_answer_that_breaks_off_is_refused(fetcher: Fetcher, http_server: WebServer) -> None:
    def half() -> Iterator[bytes]:
        yield b"<rss>"

    url = http_server.route("/feed.xml", half, headers={"Content-Length": "100"})

    assert "broke off" in str(refusal(fetcher, url))


def test_redirects_are_followed_so_far_and_no_further(
    fetcher: Fetcher, http_server: WebServer
) -> None:
    http_server.route("/0", b"<rss/>")
    for hop in range(1, REDIRECTS_AT_MOST + 2):
        http_server.route(f"/{hop}", status=302, headers={"Location": f"/{hop - 1}"})

    fetched = fetcher.fetch(f"{http_server.url}/{REDIRECTS_AT_MOST}", FEED)
    assert (fetched.url, fetched.content) == (f"{http_server.url}/0", b"<rss/>")
    error = refusal(fetcher, f"{http_server.url}/{REDIRECTS_AT_MOST + 1}")
    assert "more than 5 times" in str(error)


@pytest.mark.parametrize(
    ("hops", "is_for_good"),
    [((301,), True), ((308, 301), True), ((302,), False), ((301, 307), False)],
)
def test_a_move_is_for_good_where_every_hop_says_so(
    fetcher: Fetcher, http_server: WebServer, hops: tuple[int, ...], is_for_good: bool
) -> None:
    url = http_server.route("/0", b"<rss/>")
    for number, status in enumerate(hops, start=1):
        location = {"Location": f"/{number - 1}"}
        last = http_server.route(f"/{number}", status=status, headers=location)

    assert fetcher.fetch(last, FEED).moved_to == (url if is_for_good else None)


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.1", "[::1]"),
        *("[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "0.0.0.0", "[::]"),
        *("10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "[fd00::1]"),
        *("[fe80::1]", "224.0.0.1", "255.255.255.255"),
    ],
)
def test_a_private_address_is_refused_however_it_is_written(public: Fetcher, host: str) -> None:
    error = refusal(public, f"http://{host}/feed.xml")

    assert "not on the public internet" in str(error)
    assert error.final


@pytest.mark.parametrize("host", ["0177.0.0.1", "①②⑦.0.0.1", "127.0.0.1%2f@halyard.example", ""])
def test_an_address_in_disguise_is_refused(public: Fetcher, host: str) -> None:
    assert refusal(public, f"http://{host}/feed.xml").final


def test_a_name_that_is_public_and_private_by_turns_is_refused(
    public: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address that was checked is the one that is connected to: no second look-up."""
    asked: list[str] = []

    def rebinding(host: str, port: int, *_: object) -> list[object]:
        asked.append(host)
        ip = "127.0.0.1" if len(asked) > 1 else "192.0.2.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port))]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    error = refusal(public, "http://rebind.example/feed.xml")

    assert "not on the public internet" in str(error)
    assert asked == ["rebind.example"]


def test_a_redirect_to_a_private_address_is_refused(http_server: WebServer) -> None:
    fetcher = Fetcher("https://halyard.example", ["127.0.0.1/32"])
    secret = http_server.route("/secret", b"the cloud's keys")
    inside = secret.replace("127.0.0.1", "127.0.0.2")
    url = http_server.route("/feed.xml", status=302, headers={"Location": inside})

    assert fetcher.fetch(secret, FEED).content
    assert "not on the public internet" in str(refusal(fetcher, url))
    assert [request.path for request in http_server.requests] == ["/secret", "/feed.xml"]


def test_the_clouds_secrets_are_out_of_reach_in_the_demo_too(fetcher: Fetcher) -> None:
    assert "not on the public" in str(refusal(fetcher, "http://169.254.169.254/latest/meta-data/"))


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "javascript:alert(1)",
        "http://a:b@127.0.0.1/",
        "//[",
    ],
)
def test_a_redirect_to_what_is_no_web_address_is_refused(
    fetcher: Fetcher, http_server: WebServer, location: str
) -> None:
    refusal(fetcher, http_server.route("/feed.xml", status=302, headers={"Location": location}))

    assert len(http_server.requests) == 1


def test_another_port_is_refused_by_its_number(public: Fetcher, http_server: WebServer) -> None:
    assert "Only the ports 80 and 443, not 8080." in str(
        refusal(public, "http://halyard.example:8080/feed.xml")
    )
    refusal(public, http_server.route("/feed.xml", b"<rss/>"))
    assert http_server.requests == []


def test_a_site_that_is_away_is_told_in_words(fetcher: Fetcher) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    error = refusal(fetcher, f"http://127.0.0.1:{port}/feed.xml")

    assert str(error) == "The site did not take the connection."
    assert not error.final


def test_a_site_that_does_not_exist_is_told_in_words(fetcher: Fetcher) -> None:
    assert "no site of that name" in str(refusal(fetcher, "http://halyard.invalid/feed.xml"))


def test_what_is_not_http_is_refused(fetcher: Fetcher) -> None:
    def answer(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(b"220 mail.halyard.example ESMTP\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer, args=(listener,))
        thread.start()
        error = refusal(fetcher, f"http://127.0.0.1:{listener.getsockname()[1]}/", HASTY)
        thread.join()

    assert "broke off, or was not one" in str(error)


# A page's status.


def test_of_a_page_only_the_status_is_asked(fetcher: Fetcher, http_server: WebServer) -> None:
    assert fetcher.status(http_server.route("/a", b"x" * MEGABYTE)) == 200
    assert [request.method for request in http_server.requests] == ["HEAD"]


@pytest.mark.parametrize("status", [403, 404, 405, 410, 500, 501])
def test_what_head_says_is_asked_again_by_get(
    fetcher: Fetcher, http_server: WebServer, status: int
) -> None:
    def answer(request: Request) -> Reply:
        return Reply(b"", status) if request.method == "HEAD" else Reply(b"<p>Here.")

    assert fetcher.status(http_server.route_to("/a", answer)) == 200
    assert fetcher.status(http_server.route("/a", status=status)) == status


def test_a_body_that_never_ends_is_not_read(fetcher: Fetcher, http_server: WebServer) -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield b"x" * MEGABYTE

    def answer(request: Request) -> Reply:
        return Reply(b"", 405) if request.method == "HEAD" else Reply(endless)

    assert fetcher.status(http_server.route_to("/a", answer)) == 200


def test_a_page_is_followed_so_far_and_no_further(fetcher: Fetcher, http_server: WebServer) -> None:
    http_server.route("/end", status=410)
    url = http_server.route("/a", status=301, headers={"Location": "/end"})
    assert fetcher.status(url) == 410
    circle = http_server.route("/round", status=302, headers={"Location": "/round"})
    with pytest.raises(FetchError, match="sent us on"):
        fetcher.status(circle)


def test_a_page_inside_our_network_is_refused_also_after_a_redirect(
    public: Fetcher, fetcher: Fetcher, http_server: WebServer
) -> None:
    with pytest.raises(FetchError, match="ports 80 and 443"):
        public.status(http_server.route("/a"))
    assert http_server.requests == []
    away = {"Location": "http://169.254.169.254/latest/meta-data"}
    with pytest.raises(FetchError, match="not on the public internet"):
        fetcher.status(http_server.route("/b", status=302, headers=away))


def test_a_page_that_does_not_answer_in_time_is_no_answer(
    fetcher: Fetcher, http_server: WebServer
) -> None:
    def slow(_: Request) -> Reply:
        http_server.closing.wait()
        return Reply(b"")

    with pytest.raises(FetchError, match="within"):
        fetcher.status(http_server.route_to("/a", slow), replace(fetching.PAGE, seconds=0.3))

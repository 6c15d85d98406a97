"""Our own web address as the check-up finds it: its certificate, and the one-click button."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from digest.checkup import Level
from digest.checkup.domain.rules import DomainFinding
from digest.checkup.domain.website import look_at_certificate, look_at_one_click
from digest.tokens import Purpose
from tests.factories import RING, make_settings
from tests.scripted_smtp import self_signed
from tests.servers.web import Reply, Request, WebServer


@contextmanager
def speaking_tls() -> Iterator[int]:
    """A server that shakes hands, and no more; its port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    plain, _ = listening.accept()
                    with suppress(OSError), plain:
                        self_signed().server_context.wrap_socket(plain, server_side=True).close()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def certificate_at(url: str, now: datetime) -> DomainFinding:
    [finding] = look_at_certificate(make_settings("sqlite://", public_url=url), now)
    return finding


def test_a_certificate_that_holds_is_near_its_end_or_is_not_trusted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority = tmp_path / "authority.pem"
    authority.write_text(self_signed().pem)
    now = datetime.now(UTC)
    with speaking_tls() as port:
        url = f"https://localhost:{port}"
        distrusted = certificate_at(url, now)
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        holding = certificate_at(url, now)
        near = certificate_at(url, now + timedelta(days=1, hours=20))
    assert distrusted.level is Level.FAILURE
    assert "self-signed" in distrusted.found
    assert holding.level is Level.FINE
    assert near.level is Level.WARNING
    assert "near" in near.found


def test_an_address_without_tls_or_where_nobody_answers() -> None:
    plain = certificate_at("http://127.0.0.1:8000", datetime.now(UTC))
    assert plain.level is Level.FAILURE
    assert "https" in plain.found
    nobody = certificate_at("https://127.0.0.1:1", datetime.now(UTC))
    assert nobody.level is Level.FAILURE
    assert "does not speak TLS" in nobody.found


class OneClick(WebServer):
    """Answers every request alike."""

    def __init__(self, status: int) -> None:
        super().__init__()
        self.status = status

    def answer(self, request: Request) -> Reply:
        self.requests.append(request)
        return Reply(b"", self.status, {"Location": "/elsewhere"})


@pytest.mark.parametrize(
    ("status", "level", "said"),
    [
        (200, Level.FINE, "answered by 200"),
        (302, Level.FAILURE, "sent elsewhere (302)"),
        (403, Level.FAILURE, "answered by 403"),
        (500, Level.FAILURE, "answered by 500"),
    ],
)
def test_the_one_click_is_pressed_as_mail_programs_do(status: int, level: Level, said: str) -> None:
    server = OneClick(status)
    try:
        settings = make_settings("sqlite://", public_url=server.url)
        [finding] = look_at_one_click(settings)
    finally:
        server.close()
    assert finding.level is level
    assert said in finding.found
    [request] = server.requests
    assert (request.method, request.body) == ("POST", b"List-Unsubscribe=One-Click")
    assert request.headers["Cookie"] is None
    token = request.path.removeprefix("/u/")
    assert RING.read(Purpose.UNSUBSCRIBE, token).id
    assert status != 200 or f"/u/{token}" in finding.remedy
    assert token not in finding.found


def test_nobody_answers_the_one_click() -> None:
    [finding] = look_at_one_click(make_settings("sqlite://", public_url="http://127.0.0.1:1"))
    assert finding.level is Level.FAILURE
    assert "ConnectError" in finding.found

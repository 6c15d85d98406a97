"""The app as the Procfile runs it."""

import json
import os
import signal
import socket as sockets
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from digest.database.transactions import Database
from digest.newsroom.terms import publish_terms
from digest.settings.loading import new_secret
from digest.tokens import Purpose
from tests.factories import NOW, RING, make_newsletter
from tests.servers.postgresql import PrivatePostgres

REPOSITORY = Path(__file__).parents[2]
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def gunicorn(environment: dict[str, str], *arguments: str) -> subprocess.Popen[bytes]:
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("DIGEST_", "GUNICORN_"))
    }
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "gunicorn",
            "--workers=2",
            "--config=python:digest.web.gunicorn",
            *arguments,
            "digest.web.wsgi:app",
        ],
        cwd=REPOSITORY,
        env=inherited | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


@pytest.fixture
def environment(database_url: str, tmp_path: Path) -> dict[str, str]:
    return {
        "DATABASE_URL": database_url,
        "DIGEST_DATA_DIR": str(tmp_path),
        "DIGEST_KEYS": "k1:" + "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=",
        "DIGEST_SUPPRESSION_KEY": new_secret(),
        "DIGEST_TRUSTED_PROXIES": "127.0.0.0/8",
    }


@pytest.fixture
def socket(tmp_path: Path) -> Path:
    return tmp_path / "s"


@SQLITE
@pytest.mark.parametrize("under", ["", "/newsletters"])
def test_it_serves_readers_and_logs_no_token(
    environment: dict[str, str], socket: Path, database: Database, under: str
) -> None:
    environment["DIGEST_PUBLIC_URL"] = f"http://127.0.0.1:8000{under}"
    with database.transaction() as session:
        make_newsletter(session)
        publish_terms(session, "Terms.", NOW)
    token = RING.sign(Purpose.UNSUBSCRIBE, b"?" * 16)
    server = gunicorn(environment, f"--bind=unix:{socket}")
    try:
        wait_for(socket, server)
        with httpx.Client(
            transport=httpx.HTTPTransport(uds=str(socket)),
            base_url=f"http://digest{under}",
            timeout=30,
        ) as client:
            assert client.get("/").status_code == 200
            assert client.get("/readyz").json()["status"] == "ready"
            for folder in ("confirm", "unsubscribe", "preferences"):
                client.get(f"/{folder}/{token}?x=robin@example.org")
            client.get("/s/1234567")
            left = client.post(f"/unsubscribe/{token}", data={"List-Unsubscribe": "One-Click"})
            assert left.status_code == 200
            fields = {"email": "robin@example.org", "newsletter": "editors-digest"}
            data = fields | {"consent": "on", "wording": "1"}
            headers = {"X-Forwarded-For": "198.51.100.1"}
            assert client.post("/subscribe", data=data, headers=headers).status_code == 200
    finally:
        server.terminate()
        output = server.communicate(timeout=30)[0].decode()

    assert server.returncode == 0, output
    assert f"GET {under}/ 200" in output
    assert f"POST {under}/subscribe 200" in output
    assert f"POST {under}/unsubscribe/… 200" in output
    assert f"GET {under}/s/… 404" in output
    assert token not in output
    assert token.partition(".")[2] not in output
    assert "robin" not in output
    assert "198.51.100.1" not in output


@SQLITE
def test_a_malformed_setting_stops_it_with_one_sentence(
    environment: dict[str, str], socket: Path
) -> None:
    broken = environment | {"DIGEST_KEYS": "nonsense"}
    server = gunicorn(broken, f"--bind=unix:{socket}")
    output = server.communicate(timeout=30)[0].decode()

    assert server.returncode == 1
    assert "digest: DIGEST_KEYS: each key should be id:base64" in output
    assert "Traceback" not in output


def test_a_database_without_tables_stops_it_with_the_command_to_run(tmp_path: Path) -> None:
    server = gunicorn({"DIGEST_DATA_DIR": str(tmp_path)}, f"--bind=unix:{tmp_path / 's'}")
    output = server.communicate(timeout=30)[0].decode()

    assert server.returncode == 1
    assert "Run: digest db upgrade" in output
    assert "Traceback" not in output


def children(pid: int) -> set[int]:
    return set(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def test_a_worker_that_is_killed_while_the_database_is_away_is_replaced(
    stoppable: tuple[PrivatePostgres, Database], tmp_path: Path
) -> None:
    """Else gunicorn would take one that cannot start for a reason to end, the healthy one too."""
    postgres, database = stoppable
    environment = {
        "DATABASE_URL": database.url,
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "SMTP_URL": "smtp://127.0.0.1:1",
        "DIGEST_PUBLIC_URL": "http://127.0.0.1:8000",
        "DIGEST_KEYS": f"k1:{new_secret()}",
        "DIGEST_SUPPRESSION_KEY": new_secret(),
    }
    socket = tmp_path / "s"
    server = gunicorn(environment, f"--bind=unix:{socket}")
    try:
        wait_for(socket, server)
        transport = httpx.HTTPTransport(uds=str(socket))
        with httpx.Client(transport=transport, base_url="http://digest", timeout=30) as client:
            assert client.get("/healthz").status_code == 200
            postgres.stop()
            before = children(server.pid)
            for killed in before:
                os.kill(killed, signal.SIGKILL)
            deadline = time.monotonic() + 30
            while len(children(server.pid) - before) < 2:
                assert server.poll() is None, "the other worker ended, too"
                assert time.monotonic() < deadline, "no worker was started again"
                time.sleep(0.05)
            assert client.get("/healthz").status_code == 200
            postgres.start()
            assert client.get("/").status_code == 200
    finally:
        server.terminate()
        output = server.communicate(timeout=60)[0].decode()

    assert server.returncode == 0, output
    assert "Traceback" not in output


def wait_for(socket: Path, server: subprocess.Popen[bytes]) -> None:
    """Whoever connects from then on is answered, as soon as a worker is up."""
    deadline = time.monotonic() + 30
    while not socket.exists() and server.poll() is None:
        assert time.monotonic() < deadline, "gunicorn did not start"
        time.sleep(0.05)


HOSTILE = (
    "/confirm/half%0A{tail}",
    "/unsubscribe/half%1B%5B2K%0D{tail}",
    "/preferences/half%E2%80%A8{tail}",
    "/x%0A2026-11-30%20POST%20/desk%20200%0Aforged",
)


@SQLITE
@pytest.mark.parametrize("style", ["text", "json"])
def test_what_strangers_send_stays_on_one_line_of_the_log(
    environment: dict[str, str], socket: Path, database: Database, style: str
) -> None:
    tail = "qzv7tailofatoken"
    server = gunicorn(environment | {"DIGEST_LOG_FORMAT": style}, f"--bind=unix:{socket}")
    try:
        wait_for(socket, server)
        for path in HOSTILE:
            assert raw(socket, f"GET {path.format(tail=tail)} HTTP/1.1").startswith(b"HTTP/1.1 404")
        raw(socket, "\x1b[31mGET /healthz HTTP/1.1")
        raw(socket, "GET /healthz HTTP/1.1")
    finally:
        server.terminate()
        output = server.communicate(timeout=70)[0].decode()

    assert tail not in output
    assert "\x1b" not in output
    assert "\u2028" not in output
    assert not [line for line in output.splitlines() if line.startswith(("forged", "2026-11-30 P"))]
    if style == "text":
        assert "\nGET /healthz 200 3 " in output
        return
    lines = [json.loads(line) for line in output.splitlines()]
    [found] = [line for line in lines if line.get("path") == "/healthz" and line["method"] == "GET"]
    assert (found["status"], found["bytes"], found["logger"]) == (200, 3, "gunicorn.access")
    assert any("Listening at" in line["event"] for line in lines)


def raw(path: Path, line: str) -> bytes:
    """Send a request as it stands; a client would quote it."""
    with sockets.socket(sockets.AF_UNIX) as connection:
        connection.settimeout(30)
        connection.connect(str(path))
        connection.sendall(f"{line}\r\nHost: digest\r\nConnection: close\r\n\r\n".encode())
        return b"".join(iter(lambda: connection.recv(1000), b""))

"""The app as the Procfile runs it."""

import os
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
def test_it_serves_readers_and_logs_no_token(
    environment: dict[str, str], socket: Path, database: Database
) -> None:
    with database.transaction() as session:
        make_newsletter(session)
        publish_terms(session, "Terms.", NOW)
    token = RING.sign(Purpose.UNSUBSCRIBE, b"?" * 16)
    server = gunicorn(environment, f"--bind=unix:{socket}")
    try:
        wait_for(socket, server)
        with httpx.Client(
            transport=httpx.HTTPTransport(uds=str(socket)), base_url="http://digest", timeout=30
        ) as client:
            assert client.get("/").status_code == 200
            assert client.get("/readyz").json()["status"] == "ready"
            for folder in ("confirm", "unsubscribe", "preferences"):
                client.get(f"/{folder}/{token}?x=robin@example.org")
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
    assert "GET / 200" in output
    assert "POST /subscribe 200" in output
    assert "/unsubscribe/… 200" in output
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


def wait_for(socket: Path, server: subprocess.Popen[bytes]) -> None:
    """Whoever connects from then on is answered, as soon as a worker is up."""
    deadline = time.monotonic() + 30
    while not socket.exists() and server.poll() is None:
        assert time.monotonic() < deadline, "gunicorn did not start"
        time.sleep(0.05)

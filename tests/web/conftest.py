"""The app over a real database, as a browser without scripts would use it."""

import contextlib
import io
import logging
import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
import structlog
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from digest.clock import FixedClock
from digest.database.transactions import Database
from digest.logs import set_up_logging
from digest.models import Newsletter, SignUp, Subscription, Wording
from digest.runtime import Runtime
from digest.tokens import Purpose
from digest.web import create_app
from tests.factories import RING, SUPPRESSION_KEY, make_settings
from tests.readers.conftest import ReadersDesk, clock, desk, newsletter, wording
from tests.servers.web import WebServer
from tests.web.gallery import Gallery, open_gallery
from tests.web.host import Host

__all__ = ["clock", "desk", "newsletter", "wording"]


@pytest.fixture(scope="session")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gallery]:
    """The Halyard's pages, served to a browser. A test leaves the paper as it found it."""
    with open_gallery(tmp_path_factory.mktemp("gallery")) as gallery:
        yield gallery


@pytest.fixture(scope="session")
def host_server() -> Iterator[WebServer]:
    server = WebServer()
    yield server
    server.close()


@pytest.fixture(scope="session")
def paper(host_server: WebServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gallery]:
    """The Halyard's Digest, which knows that website."""
    origin = host_server.url.replace("127.0.0.1", "localhost")
    with open_gallery(tmp_path_factory.mktemp("paper"), embed_origins=(origin,)) as gallery:
        yield gallery


@pytest.fixture
def host(host_server: WebServer, paper: Gallery) -> Host:
    return Host(host_server, paper.url)


class RecordingBell:
    """A doorbell that remembers who rang."""

    def __init__(self) -> None:
        self.rung: list[str] = []

    def ring(self, task: str, *ids: int) -> None:
        self.rung.append(task)


@pytest.fixture(autouse=True)
def logged() -> Iterator[io.StringIO]:
    """What the app logs, written as a server of ours writes it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    written = io.StringIO()
    with contextlib.redirect_stderr(written):
        set_up_logging("text")
    yield written
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def bell() -> RecordingBell:
    return RecordingBell()


@pytest.fixture
def make_runtime(database_url: str, clock: FixedClock, bell: RecordingBell) -> Iterator[Any]:
    """Call it with changed settings for a runtime."""
    opened: list[Runtime] = []

    def make(url: str = database_url, **changes: Any) -> Runtime:
        runtime = Runtime(
            settings=make_settings(url, **changes),
            database=Database(url),
            ring=RING,
            suppression=SUPPRESSION_KEY,
            bell=bell,
            clock=clock,
        )
        opened.append(runtime)
        return runtime

    yield make
    for runtime in opened:
        runtime.close()


@pytest.fixture
def app(make_runtime: Any, newsletter: Newsletter, wording: Wording) -> Flask:
    return create_app(make_runtime())


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client(use_cookies=False)


class Site:
    """What a reader does on the pages."""

    def __init__(self, client: FlaskClient, desk: ReadersDesk) -> None:
        self.client = client
        self.desk = desk

    def sign_up(self, email: str = "robin@example.org", **fields: Any) -> TestResponse:
        data = {
            "email": email,
            "newsletter": "editors-digest",
            "consent": "yes",
            "wording": "1",
            **fields,
        }
        sent = {name: value for name, value in data.items() if value is not None}
        return self.client.post("/subscribe", data=sent)

    def confirm_path(self) -> str:
        token_id = self.desk.rows(SignUp)[-1].token_id
        return f"/confirm/{RING.sign(Purpose.CONFIRM, token_id)}"

    def subscribe(self, email: str = "robin@example.org", **fields: Any) -> Subscription:
        assert self.sign_up(email, **fields).status_code == 200
        assert self.client.post(self.confirm_path()).status_code == 200
        return self.desk.rows(Subscription)[-1]

    def preferences(self, path: str, action: str, **fields: Any) -> TestResponse:
        """Press a button of the preferences, as their page shows it now."""
        proof = hidden(self.client.get(path).text, "proof")
        return self.client.post(path, data={"action": action, "proof": proof, **fields})

    def path(self, purpose: Purpose, period: Subscription) -> str:
        folder = {Purpose.UNSUBSCRIBE: "unsubscribe", Purpose.PREFERENCES: "preferences"}[purpose]
        return f"/{folder}/{RING.sign(purpose, period.token_id)}"


@pytest.fixture
def site(client: FlaskClient, desk: ReadersDesk) -> Site:
    return Site(client, desk)


def hidden(page: str, name: str) -> str:
    """Return the value of a hidden field; all fields of that name have the same."""
    [value] = set(re.findall(rf'<input type="hidden" name="{name}" value="([^"]*)">', page))
    return unescape(value)


def heading(response: TestResponse) -> str:
    """Return the page's only h1."""
    [found] = re.findall(r"<h1[^>]*>(.*?)</h1>", response.text, re.DOTALL)
    return unescape(re.sub(r"<[^>]+>", "", found)).strip()


def words(response: TestResponse) -> str:
    """Return the page's text, on one line."""
    body = response.text[response.text.index("<body") :]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())

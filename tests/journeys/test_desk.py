"""An editor's way from a link to an issue that arrives, on either set-up, over HTTP alone."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from html import unescape
from pathlib import Path

import httpx
import pytest

from digest.database.transactions import Database
from digest.newsroom.terms import publish_terms
from digest.settings.loading import new_secret
from tests.factories import make_article, make_newsletter, make_reader
from tests.journeys.formation import Formation, free_port, wait_until
from tests.migrated import put_database
from tests.scripted_smtp import ScriptedRelay
from tests.servers.postgresql import PostgresServer
from tests.servers.redis_server import PrivateRedis

PASSWORD = "a port that stopped growing"
ANOTHER = "two countries one lighthouse"
LINK = re.compile(r"http://\S+/desk/password/\S+")


@dataclass
class House:
    """A running installation, and what came out of its relay."""

    formation: Formation
    relay: ScriptedRelay
    url: str


@pytest.fixture(params=["sqlite", "postgresql"])
def house(
    request: pytest.FixtureRequest, tmp_path: Path, private_redis: Callable[[], PrivateRedis]
) -> Iterator[House]:
    """`digest run` on SQLite without a broker; the Procfile's processes on PostgreSQL and Redis."""
    port, alone = free_port(), request.param == "sqlite"
    environment = {
        "PORT": str(port),
        "DIGEST_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "DIGEST_KEYS": f"k1:{new_secret()}",
        "DIGEST_SUPPRESSION_KEY": new_secret(),
        "DIGEST_DATA_DIR": str(tmp_path),
        "DIGEST_TICK_SECONDS": "1",
        "DATABASE_URL": f"sqlite:///{tmp_path}/digest.sqlite",
    }
    server: PostgresServer | None = None
    if alone:
        put_database(environment["DATABASE_URL"])
    else:
        server = request.getfixturevalue("postgres_server")
        template = request.getfixturevalue("postgres_template")
        environment["DATABASE_URL"] = server.create_database(template=template)
        environment["REDIS_URL"] = private_redis().url
    _print_paper(environment["DATABASE_URL"])
    with ScriptedRelay() as relay:
        environment["SMTP_URL"] = f"smtp://127.0.0.1:{relay.port}"
        with Formation(tmp_path, environment) as formation:
            if alone:
                formation.launch("run", f"digest run --port {port}")
            else:
                for name in ("web", "worker", "notices"):
                    formation.start(name)
            yield House(formation, relay, environment["DIGEST_PUBLIC_URL"])
    if server is not None:
        server.drop(environment["DATABASE_URL"])


def _print_paper(url: str) -> None:
    now = datetime.now(UTC)
    database = Database(url)
    with database.transaction() as session:
        newsletter = make_newsletter(
            session, calendar_since=now, weekday=(now.weekday() + 3) % 7, approval="required"
        )
        publish_terms(session, "Be kind.", now=now)
        make_reader(session, newsletter, "robin@example.org")
        for name in ("port", "cold", "roofs", "bat"):
            make_article(session, name, first_seen_at=now, published_at=now)
    database.dispose()


class Desk:
    """A browser without scripts, at the desk."""

    def __init__(self, browser: httpx.Client) -> None:
        self.browser = browser

    def press(self, page: str, path: str, status: int = 200, /, **fields: str) -> httpx.Response:
        """Send a form of a page, with what the page gave it to hide; it is answered by `status`."""
        shown = self.browser.get(page).text
        hidden = {
            name: unescape(re.search(rf'name="{name}" value="([^"]*)"', shown)[1])  # type: ignore[index]
            for name in ("proof", "version")
            if f'name="{name}"' in shown
        }
        answer = self.browser.post(path, data=hidden | fields, follow_redirects=True)
        assert answer.status_code == status, answer.text
        return answer

    def sign_in(self, password: str) -> httpx.Response:
        form = {"email": "imara@example.org", "password": password}
        return self.browser.post("/desk/sign-in", data=form, follow_redirects=True)


def test_an_editor_signs_in_composes_and_approves_what_arrives(house: House) -> None:
    run = house.formation.run
    with httpx.Client(base_url=house.url, timeout=20) as browser:
        desk = Desk(browser)

        def is_up() -> bool:
            try:
                return browser.get("/healthz").status_code == 200
            except httpx.TransportError:
                return False

        wait_until(is_up, "it answers")
        assert "digest user create" in browser.get("/desk/", follow_redirects=True).text
        said = run("user", "create", "imara@example.org", "--name", "Imara", "--role", "owner")
        [link] = LINK.findall(said)
        chosen = browser.post(link, data={"password": PASSWORD}, follow_redirects=True)
        assert "Your password is chosen" in chosen.text
        assert "This week" in desk.sign_in(PASSWORD).text

        run("issue", "compose", "editors-digest")
        week = browser.get("/desk/").text
        assert "It waits to be approved" in week
        [page] = set(re.findall(r'href="(/desk/issues/\d+)"', week))
        stories = re.findall(r'id="story-(\d+)"', browser.get(page).text)
        assert len(stories) == 4
        desk.press(page, f"{page}/stories/{stories[-1]}", action="drop")
        words = {"action": "words", "headline": "The harbour that said no"}
        desk.press(page, f"{page}/stories/{stories[1]}", **words)
        desk.press(page, f"{page}/words", subject="Saturday’s paper", note="Good morning, all.")
        assert "Good morning, all." in browser.get(f"{page}/preview").text
        for code in re.findall(r'name="code" value="(\w+)"', browser.get(page).text):
            accepted = desk.press(page, f"{page}/preflight/accept", code=code)
            assert "Accepted by Imara" in accepted.text
        assert "Approved by Imara" in desk.press(page, f"{page}/approve").text
        run("issue", "send", "editors-digest")
        [mail] = house.relay.wait_for(1, 30)
        body = mail.message.get_body(("plain",))
        assert body is not None
        text = body.get_content()
        assert mail.message["Subject"] == "Saturday’s paper"
        assert "the harbour that said no" in text.lower()
        assert "Good morning, all." in text

        browser.post("/desk/forgotten", data={"email": "imara@example.org"})
        mails = house.relay.wait_for(2, 30)
        body = mails[1].message.get_body(("plain",))
        assert body is not None
        [mailed] = LINK.findall(body.get_content())
        browser.post(mailed, data={"password": ANOTHER})
        assert browser.get("/desk/").status_code == 303, "signed out by it"
        assert "do not go together" in desk.sign_in(PASSWORD).text
        assert "This week" in desk.sign_in(ANOTHER).text

    wait_until(lambda: "The chain holds" in run("audit", "verify"), "the tick seals the log")
    log = run("audit", "list")
    for verb in ("user create", "issue approve", "user ask for link", "session begin"):
        assert verb in log
    for kept in house.formation.folder.glob("*.log"):
        said = kept.read_text()
        assert "imara@example.org" not in said
        assert link.rpartition("/")[2] not in said
        assert mailed.rpartition("/")[2] not in said

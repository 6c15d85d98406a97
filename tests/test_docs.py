"""The documentation does not rot: its commands exist, its tutorial is played, its form works."""

import html.parser
import importlib
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import click
import httpx
import pytest
from sqlalchemy import select

from digest.cli import COMMANDS, digest
from digest.clock import FixedClock
from digest.database.transactions import Database
from digest.models import (
    Consent,
    ConsentDetail,
    DeliveryState,
    IssueState,
    NoticeState,
    SignUp,
    SignUpChoice,
)
from digest.newsroom.terms import publish_terms
from digest.runtime import Runtime
from digest.settings.environment_file import NAMED_BY
from digest.settings.loading import VARIABLES
from digest.web import create_app
from tests.factories import RING, SUPPRESSION_KEY, make_newsletter, make_settings
from tests.journeys.formation import free_port, wait_until
from tests.servers.smtp import SmtpSink
from tests.servers.web import WebServer
from tests.web.conftest import RecordingBell

REPOSITORY = Path(__file__).parent.parent
DOCS = REPOSITORY / "docs"
PAGES = sorted(
    path
    for path in [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *DOCS.rglob("*.md")]
    if "_build" not in path.parts
)
SETTINGS = {variable.name for variable in VARIABLES}
CONSOLE = re.compile(r"^ *```console\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`(digest [^`\n]+?)`")

every_page = pytest.mark.parametrize(
    "page", PAGES, ids=[str(page.relative_to(REPOSITORY)) for page in PAGES]
)


def console_commands(page: Path) -> list[str]:
    """The commands that a page has its reader type, a folded one put together."""
    commands = []
    for block in CONSOLE.findall(page.read_text()):
        unfolded = re.sub(r"\\\n\s*", "", block)
        lines = [line.strip() for line in unfolded.splitlines()]
        commands += [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    return commands


# Every page


@every_page
def test_every_command_exists_with_its_options(page: Path) -> None:
    text = page.read_text()
    typed = [
        part
        for line in console_commands(page)
        for part in re.findall(r"(?:^|\$\()(?:\S+/)?(digest [^)|<>]*)", line)
    ]
    for written in [*typed, *INLINE.findall(text)]:
        check_command(shlex.split(written, comments=True)[1:], whole=written in typed)


def check_command(words: list[str], *, whole: bool) -> None:
    command: click.Command = digest
    context = click.Context(digest, info_name="digest")
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(context, words[0])
        assert found is not None, f"there is no command {words[0]} in {context.command_path}"
        command, words = found, words[1:]
        context = click.Context(command, info_name=command.name, parent=context)
    assert not (whole and isinstance(command, click.Group)), context.command_path
    if "--help" in words:
        return
    given, rest, _ = command.make_parser(context).parse_args(list(words))
    assert not rest, f"{context.command_path}: too much: {rest}"
    if whole:
        needed = {param.name for param in command.params if param.required}
        missing = needed - {name for name, value in given.items() if value}
        assert not missing, f"{context.command_path}: missing {missing}"


@every_page
def test_every_make_target_exists(page: Path) -> None:
    targets = re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)
    for target in re.findall(r"(?:`|\$ )make ([a-z]+)", page.read_text()):
        assert target in targets


@every_page
def test_every_setting_exists(page: Path) -> None:
    named = set(re.findall(r"\bDIGEST_[A-Z_]+[A-Z]\b", page.read_text()))
    known = {*SETTINGS, *(f"{name}_FILE" for name in SETTINGS), "DIGEST_TESTS_STRICT", NAMED_BY}
    assert named <= known


@every_page
def test_nothing_names_this_machine(page: Path) -> None:
    assert not re.search(r"/(work|root)/|/home/\w", page.read_text())


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_what_a_page_outside_of_the_site_links_to_is_there(page: str) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", (REPOSITORY / page).read_text()):
        assert (REPOSITORY / target).is_file(), target


# What is made from the code


def test_the_reference_names_every_command_and_route(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(DOCS))
    made = importlib.import_module("reference_pages")
    commands, routes = made.commands_page(), made.routes_page()
    for name in COMMANDS:
        assert f"## digest {name}" in commands
    assert "`--story-count INTEGER`" in commands
    assert "\n## digest issue approve\n\n`digest issue approve [OPTIONS] ISSUE`\n" in commands
    assert "| GET | `/issues/<slug>/<number>` | Show an issue as it went out. |" in routes
    # Whatever has no docstring would have an empty cell.
    assert "|  |" not in routes


@pytest.mark.parametrize("states", [IssueState, DeliveryState, NoticeState])
def test_every_state_is_explained(states: type[IssueState]) -> None:
    written = re.findall(r"`([a-z_]+)`", (DOCS / "reference" / "states.md").read_text())
    assert {state.value for state in states} <= set(written)


def test_the_units_run_what_the_procfile_runs() -> None:
    procfile = (
        (REPOSITORY / "Procfile").read_text().replace('"', "").replace("${PORT:-8000}", "8000")
    )
    units = (DOCS / "howto" / "production.md").read_text().replace("%%h", "%h")
    for line in procfile.splitlines():
        name, _, command = line.partition(": ")
        started = f"ExecStart=/opt/digest/.venv/bin/{command}\n"
        assert started in units or name == "release", name


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    built = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "--fail-on-warning", "--quiet", DOCS, built],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return built


def test_the_site_asks_no_other_host_for_anything(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 20
    for page in pages:
        loads = re.findall(
            r"<(?:script|link|img|iframe)\b[^>]*?(?:src|href)=[\"']([^\"']+)", page.read_text()
        )
        assert not [url for url in loads if re.match(r"(?:https?:)?//", url)], page.name
    styles = "".join(path.read_text() for path in site.rglob("*.css"))
    assert not re.search(r"(?:@import|url\()\s*[\"']?(?:https?:)?//", styles)


# The form to paste


def test_the_form_to_paste_signs_a_reader_up(
    database: Database, database_url: str, smtp_sink: SmtpSink
) -> None:
    now = FixedClock()
    with database.transaction() as session:
        make_newsletter(session)
        publish_terms(session, "Be kind.", now.now())
    settings = make_settings(
        database_url,
        public_url="https://digest.example.org",
        own_domains=frozenset({"example.com"}),
    )
    runtime = Runtime(settings, database, RING, SUPPRESSION_KEY, RecordingBell(), now)
    form = PastedForm((DOCS / "howto" / "form.md").read_text())
    assert form.action == f"{settings.public_url}/subscribe"

    sent = {**form.fields, "email": "reader@example.com"}
    answer = (
        create_app(runtime)
        .test_client()
        .post("/subscribe", data=sent, headers={"Origin": "https://paper.example"})
    )

    assert answer.status_code == 200
    with database.reading() as session:
        asked = session.scalars(select(SignUp)).one()
        assert (asked.email, asked.site) == ("reader@example.com", "paper.example")
        assert session.scalars(select(SignUpChoice)).one() is not None
        detail = session.scalars(select(ConsentDetail)).one()
        assert detail.form == "article foot"
        assert session.scalars(select(Consent)).one().wording_id is not None


def test_the_table_of_the_form_names_its_fields() -> None:
    page = (DOCS / "howto" / "form.md").read_text()
    listed = dict(re.findall(r"^\| `(\w+)` \| (yes|no) \|", page, re.MULTILINE))
    needed = {name for name, is_needed in listed.items() if is_needed == "yes"}
    assert needed <= set(PastedForm(page).fields) <= set(listed)


class PastedForm(html.parser.HTMLParser):
    """The first form of a page, as a browser would send it with all boxes ticked."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}
        block = re.search(r"```html\n(.*?)```", page, re.DOTALL)
        assert block
        self.feed(block[1])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self.action = given["action"] or ""
        if tag == "input":
            assert "checked" not in given
            self.fields[given["name"] or ""] = given.get("value") or ""


# The backup


def test_the_backup_of_sqlite_is_one_that_digest_takes(tmp_path: Path) -> None:
    environment = {**os.environ, "DATABASE_URL": "", "PYTHONPATH": str(REPOSITORY)}
    (command,) = [c for c in console_commands(DOCS / "howto" / "backup.md") if "db backup" in c]
    script = (
        f"digest db upgrade; mkdir kept; cp digest-data/keys kept; {command}; rm -r digest-data"
    )
    script += "; mv kept digest-data; mv backup.sqlite3 digest-data/digest.sqlite3"
    script += "; digest newsletter list"
    done = subprocess.run(
        ["bash", "-ec", script],
        cwd=tmp_path,
        env=environment | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "There are no newsletters yet" in done.stdout


# The tutorial

FEED = """<?xml version="1.0" encoding="utf-8"?>
<rss version="2.0"><channel><title>The Paper</title><link>https://paper.example</link>{items}
</channel></rss>"""
ITEM = """<item><title>The story of the {name}</title><link>https://paper.example/{name}</link>
<guid>https://paper.example/{name}</guid><description>A fact, then a turn.</description>
<pubDate>{date}</pubDate></item>"""


class Shell:
    """A shell, in which the reader of the tutorial types, and further terminals beside it.

    It begins in `clone`. `opening` is what the tutorial has typed in every terminal.
    """

    def __init__(
        self, folder: Path, clone: Path, opening: Sequence[str], replacements: dict[str, str]
    ) -> None:
        self.folder = folder
        self.clone = clone
        self.opening = opening
        self.replacements = replacements
        self.environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(REPOSITORY),
            "PYTHONUNBUFFERED": "1",
            "HOME": str(folder),
            "PWD": str(clone),
            "DIGEST_FETCH_PRIVATE": "true",
            "DIGEST_TICK_SECONDS": "2",
        }
        self.fresh = self.environment
        self.beside: list[subprocess.Popen[bytes]] = []

    @property
    def here(self) -> Path:
        return Path(self.environment["PWD"])

    def type(self, command: str, *, may_fail: bool = False) -> str:
        """Run a command to its end, and keep what it exported."""
        done = subprocess.run(
            [
                *("bash", "-c"),
                f"{self._here(command)}\ncode=$?; env -0 > {self.folder}/environment; exit $code",
            ],
            cwd=self.here,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert may_fail or done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        pairs = (self.folder / "environment").read_text().split("\0")
        self.environment = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
        return done.stdout

    def start(self, command: str) -> None:
        """Run a command in another terminal, which knows only what is typed in every one."""
        typed = "\n".join([*self.opening, f"exec {command}"])
        with (self.folder / "beside.log").open("ab") as log:
            self.beside.append(
                subprocess.Popen(
                    ["bash", "-c", self._here(typed)],
                    cwd=self.clone,
                    env=self.fresh,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
            )

    def stop(self) -> None:
        for process in reversed(self.beside):
            process.send_signal(signal.SIGINT)
        for process in self.beside:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _here(self, command: str) -> str:
        for written, here in self.replacements.items():
            command = command.replace(written, here)
        return command


@pytest.fixture
def shell(tmp_path: Path, http_server: WebServer) -> Iterator[Shell]:
    pages, relay = free_port(), free_port()
    today = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime(time.time() - 3600))
    items = "".join(ITEM.format(name=name, date=today) for name in ("port", "cold", "roofs"))
    feed = http_server.route("/feed.xml", FEED.format(items=items).encode())
    clone = tmp_path / "clone"
    clone.mkdir()
    shell = Shell(
        tmp_path,
        clone,
        # The tests' own environment is active.
        [line for line in block_of_every_terminal() if not line.startswith("source ")],
        {
            "https://paper.example/feed.xml": feed,
            "127.0.0.1:8026": f"127.0.0.1:{relay}",
            "digest run": f"digest run --port {pages}",
        },
    )
    shell.environment["DIGEST_PUBLIC_URL"] = f"http://127.0.0.1:{pages}"
    yield shell
    shell.stop()


def block_of_every_terminal() -> list[str]:
    first = CONSOLE.findall((DOCS / "tutorial" / "first-digest.md").read_text())[0]
    return [line.removeprefix("$ ") for line in first.splitlines()]


def test_the_tutorial_leads_from_nothing_to_an_issue_in_the_mailbox(shell: Shell) -> None:
    told: dict[str, str] = {}
    for command in console_commands(DOCS / "tutorial" / "first-digest.md"):
        if command.startswith("source "):
            continue  # the tests' own environment is active
        if command.startswith("python3 -m aiosmtpd"):
            shell.start(command)
        elif command == "digest run":
            shell.start(command)
            wait_until(lambda: answers(shell), "the pages answer", 60)
        elif "email.policy" in command:
            sign_up(shell)
            told["confirmation"] = shell.type(command)
            confirm(told["confirmation"])
        elif command.startswith("digest issue report"):
            # The confirmation, the test mail, the issue.
            wait_until(lambda: len(mails(shell)) == 3, "the issue arrives", 90)
            wait_until(lambda: is_sent(shell), "the report says sent", 90)
            told["report"] = shell.type(command)
        else:
            told[command] = shell.type(command, may_fail=command == "digest doctor")

    assert list(shell.clone.iterdir()) == []
    assert "! public address" in told["digest doctor"]
    assert "✗" not in told["digest doctor"]
    assert "reader@example.com" in told["digest subscriber list"]
    assert re.search(r"Accepted\W+1\b", told["report"])
    issues = [mail for mail in mails(shell) if "List-Unsubscribe" in mail]
    assert {mail["To"] for mail in issues} == {"robin@paper.example", "reader@example.com"}
    assert {path.suffix for path in (shell.here / "preview").iterdir()} == {
        *(".html", ".txt", ".eml")
    }


def is_sent(shell: Shell) -> bool:
    return " is sent" in shell.type("digest issue report editors-digest", may_fail=True)


def answers(shell: Shell) -> bool:
    try:
        return httpx.get(shell.environment["DIGEST_PUBLIC_URL"]).status_code == 200
    except httpx.TransportError:
        return False


def mails(shell: Shell) -> list[EmailMessage]:
    kept = (shell.here / "mail" / "new").glob("*")
    return [message_from_bytes(path.read_bytes(), policy=policy.default) for path in kept]


def sign_up(shell: Shell) -> None:
    fields = {
        "email": "reader@example.com",
        "newsletter": "editors-digest",
        "consent": "yes",
        "wording": "1",
    }
    url = f"{shell.environment['DIGEST_PUBLIC_URL']}/subscribe"
    assert httpx.post(url, data=fields).status_code == 200
    wait_until(lambda: len(mails(shell)) == 1, "the confirmation arrives", 60)


def confirm(mail: str) -> None:
    link = re.search(r"http://\S+/c/\S+", mail)
    assert link, mail
    assert httpx.get(link[0]).status_code == 200
    assert httpx.post(link[0]).status_code == 200

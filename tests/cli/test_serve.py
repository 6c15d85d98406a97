"""`digest run`: everything in one process, started and stopped as a person does it."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import click
import httpx
import pytest
from sqlalchemy import select

from digest.cli import digest
from digest.database.transactions import Database
from digest.models import Heartbeat, Notice, NoticeState
from digest.web.server import bind
from tests.cli.conftest import CommandLine
from tests.journeys.formation import wait_until
from tests.servers.smtp import SmtpSink

MAIN = "from digest.cli import main; main()"

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@contextmanager
def running(
    environment: Mapping[str, str], *arguments: str
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    process = subprocess.Popen(
        [sys.executable, "-u", "-W", "error", "-X", "dev", "-c", MAIN, "run", *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        first = read_line(process)
        found = re.search(r"http://\S+:\d+\S*(?=/ )", first)
        assert found, first + process.communicate(timeout=30)[1]
        yield found[0], process
    finally:
        process.kill()
        process.communicate()


def read_line(process: subprocess.Popen[str]) -> str:
    """Read a line and no octet more: what a file object read ahead, `communicate` never sees."""
    assert process.stdout is not None
    line = b""
    while not line.endswith(b"\n") and (octet := os.read(process.stdout.fileno(), 1)):
        line += octet
    return line.decode()


@pytest.fixture
def paper_with_terms(paper: CommandLine, tmp_path: Path) -> CommandLine:
    terms = tmp_path / "terms.md"
    terms.write_text("# Terms\n\nWe send what you asked for.\n")
    assert paper("terms", "publish", str(terms)).exit_code == 0
    return paper


def sign_up(url: str) -> None:
    fields = {
        "email": "robin@example.org",
        "newsletter": "editors-digest",
        "consent": "yes",
        "wording": "1",
    }
    assert httpx.post(f"{url}/subscribe", data=fields, timeout=30).status_code == 200


def notice_state(database: Database) -> NoticeState | None:
    with database.reading() as session:
        return session.scalar(select(Notice.state))


def test_it_answers_sends_ticks_and_stops(
    paper_with_terms: CommandLine, database: Database, smtp_sink: SmtpSink
) -> None:
    environment = {**paper_with_terms.environment, "SMTP_URL": smtp_sink.url}
    with running(environment, "--port", "0") as (url, process):
        sign_up(url)
        [mail] = smtp_sink.wait_for(1, 30)
        assert mail.recipients == ("robin@example.org",)

        def has_ticked() -> bool:
            with database.reading() as session:
                return session.get(Heartbeat, "tick") is not None

        wait_until(has_ticked, "it ticks")
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert out.endswith("Stopped.\n")
    assert "Traceback" not in err
    # Celery's workers say so, each of them.
    assert "memory://" not in out + err
    assert notice_state(database) is NoticeState.ACCEPTED


@pytest.mark.parametrize("path", ["", "/newsletters"])
def test_it_makes_its_database_and_says_what_is_missing(tmp_path: Path, path: str) -> None:
    environment = {
        "DIGEST_DATA_DIR": str(tmp_path / "new"),
        "DATABASE_URL": "",
        "DIGEST_PUBLIC_URL": f"http://127.0.0.1:8000{path}",
    }
    with running(environment, "--port", "0") as (url, process):
        assert urlsplit(url).path == path
        assert httpx.get(f"{url}/", timeout=30).status_code == 200
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "There is no newsletter yet. Make one: digest newsletter create --help" in out
    assert "digest terms publish" in out
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
        "digest.sqlite3",
        "digest.sqlite3.home",
        "keys",
    ]


@on_sqlite
def test_a_second_interrupt_does_not_wait(paper_with_terms: CommandLine) -> None:
    """The relay takes the connection and says nothing: what is being sent does not get through."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(30)
        relay = f"smtp://127.0.0.1:{silent.getsockname()[1]}"
        environment = {**paper_with_terms.environment, "SMTP_URL": relay}
        with running(environment, "--port", "0") as (url, process):
            sign_up(url)
            connection, _ = silent.accept()
            with connection:
                process.send_signal(signal.SIGINT)
                said = ""
                while "Ctrl-C again" not in said:
                    said = read_line(process)
                    assert said
                assert process.poll() is None
                process.send_signal(signal.SIGINT)
                process.communicate(timeout=20)
            assert process.returncode == 1


@on_sqlite
def test_what_is_being_sent_at_the_first_interrupt_gets_through(
    paper_with_terms: CommandLine, database: Database
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as relay:
        relay.settimeout(30)
        url = f"smtp://127.0.0.1:{relay.getsockname()[1]}"
        with running({**paper_with_terms.environment, "SMTP_URL": url}, "--port", "0") as (
            site,
            process,
        ):
            sign_up(site)
            connection, _ = relay.accept()
            talking = threading.Thread(target=talk_after, args=(connection, process))
            talking.start()
            _, err = process.communicate(timeout=60)
            talking.join()
        assert process.returncode == 0, err
    assert notice_state(database) is NoticeState.ACCEPTED


def talk_after(connection: socket.socket, process: subprocess.Popen[str]) -> None:
    """Ask the process to stop while its mail is on the wire, and take the mail only then."""
    with connection, connection.makefile("rb") as lines:
        connection.sendall(b"220 slow\r\n")
        for line in lines:
            command = line[:4].upper()
            if command == b"DATA":
                process.send_signal(signal.SIGTERM)
                time.sleep(1)
                connection.sendall(b"354 go on\r\n")
                while lines.readline() not in {b".\r\n", b""}:
                    pass
            connection.sendall(b"221 bye\r\n" if command == b"QUIT" else b"250 fine\r\n")


@on_sqlite
@pytest.mark.parametrize("command", ["run", "demo"])
def test_a_port_that_is_taken_is_said_in_a_sentence_with_the_commands_own_options(
    command_line: CommandLine, command: str
) -> None:
    with bind("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        said = command_line.process(command, "--port", str(port))
    assert said.exit_code == 1
    assert said.err.startswith(f"digest: Cannot listen on 127.0.0.1, port {port}: ")
    assert "Traceback" not in said.err
    named = set(re.findall(r"--[a-z]+", said.err))
    found = digest.get_command(click.Context(digest), command)
    assert found is not None
    options = {name for option in found.params for name in option.opts}
    assert named == options & {"--port", "--host"}


@on_sqlite
def test_it_refuses_to_be_the_only_process_beside_a_broker(command_line: CommandLine) -> None:
    said = CommandLine(
        {
            **command_line.environment,
            "REDIS_URL": "redis://:secret@127.0.0.1:1/0",
            "DIGEST_KEYS": "k1:" + "A" * 43 + "=",
            "DIGEST_SUPPRESSION_KEY": "A" * 43 + "=",
        }
    )("run")
    assert said.exit_code == 1
    assert "Procfile" in said.err
    assert "secret" not in said.err


@on_sqlite
@pytest.mark.parametrize("command", ["run", "demo"])
def test_a_port_that_there_is_not_is_used_wrongly(command_line: CommandLine, command: str) -> None:
    said = command_line(command, "--port", "70000")
    assert said.exit_code == 2
    assert "--port" in said.err

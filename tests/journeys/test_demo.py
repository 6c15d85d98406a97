"""`digest demo`: what `--once` says is proven, for each step that is broken is noticed."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

from digest.cli.demo import INBOUND_DOMAIN, start_paper
from digest.cli.demo_serving import demo_stage, tell
from digest.cli.halyard import LAST_WEEK
from digest.delivery.ledger.echoes import proved_domain
from digest.web.server import Wsgi
from tests.journeys.formation import wait_until
from tests.journeys.stage import Faults, stage_with

NEXT_LEAD = LAST_WEEK[0].title.encode()
ALONE = "from digest.cli import main; main()"


def answering(
    status: str, when: Callable[[dict[str, Any]], bool], headers: Iterable[tuple[str, str]] = ()
) -> Callable[[Wsgi], Wsgi]:
    """A site that answers some requests by itself, and does nothing about them."""

    def wrap(app: Wsgi) -> Wsgi:
        def site(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
            if not when(environ):
                return app(environ, start)
            start(status, [("Content-Type", "text/html"), ("Content-Length", "13"), *headers])
            return [b"<h1>Fine</h1>"]

        return site

    return wrap


def post_to(path: str) -> Callable[[dict[str, Any]], bool]:
    return lambda environ: (
        environ["REQUEST_METHOD"] == "POST" and environ["PATH_INFO"].startswith(path)
    )


def replacing(old: bytes, new: bytes) -> Callable[[bytes], list[bytes]]:
    return lambda content: [content.replace(old, new)]


FAULTS = {
    "the sign-up is ignored": (
        Faults(site=answering("200 OK", post_to("/subscribe"))),
        "Now check your email",
    ),
    "the site is broken": (
        Faults(site=answering("500 Oh", lambda environ: environ["PATH_INFO"] == "/")),
        "a sign-up form on the front page",
    ),
    "the feed is away": (Faults(feed=False), "The site did not take the connection."),
    "the worker is dead": (Faults(workers=False), "10 articles from The Halyard’s feed"),
    "the relay is away": (Faults(relay=False), "a confirmation mail to robin@example.org"),
    "mail is lost": (Faults(deliver=lambda _: []), "a confirmation mail to robin"),
    "the link is altered in transit": (
        Faults(deliver=replacing(b"/c/", b"/d/")),
        "one confirmation link",
    ),
    "the link leads elsewhere": (
        Faults(deliver=replacing(b"http://127.0.0.1:", b"http://192.0.2.1:")),
        "a link to http://127.0.0.1:",
    ),
    "the confirmation is ignored": (
        Faults(site=answering("200 OK", post_to("/confirm/"))),
        "You are in",
    ),
    "the desk forgets what was done": (
        Faults(site=answering("303 See Other", post_to("/desk/issues/"))),
        "the stories as the editor left them",
    ),
    "the desk refuses": (
        Faults(site=answering("403 No", post_to("/desk/issues/"))),
        "303 to what the editor changed",
    ),
    "one word is altered in transit": (
        Faults(deliver=replacing(b"Vaccines", b"Vacations")),
        "the very bytes that were frozen",
    ),
    "a header is taken away in transit": (
        Faults(
            deliver=replacing(b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n", b""),
        ),
        "the very bytes that were frozen",
    ),
    "the unsubscribe is ignored": (
        Faults(site=answering("200 OK", post_to("/u/"))),
        "robin@example.org gone",
    ),
    "the unsubscribe is refused": (
        Faults(site=answering("403 No", post_to("/u/"))),
        "200 to the POST",
    ),
    "the next issue reaches the one who left": (
        Faults(
            also_to=lambda content: (
                ["robin@example.org"] if b"Subject: " + NEXT_LEAD in content else []
            )
        ),
        "nothing of the next issue for robin@example.org",
    ),
}


@pytest.mark.parametrize("path", ["", "/newsletters"])
def test_the_story_holds_on_the_stage_that_the_faults_are_put_into(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], path: str
) -> None:
    before = threading.active_count()
    with stage_with(Faults(), tmp_path, path) as stage:
        held = tell(stage)
    said = capsys.readouterr()
    assert held, said.err
    assert said.out.count("✓") == 11
    # What rings once more, a moment later, may still be at it.
    wait_until(lambda: threading.active_count() == before, "nothing of it runs on")


@pytest.mark.parametrize("fault", FAULTS)
def test_it_is_noticed_when(fault: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    faults, expected = FAULTS[fault]
    with stage_with(faults, tmp_path) as stage:
        held = tell(stage)
    said = capsys.readouterr().err
    assert not held
    assert expected in said, said
    assert "Found: " in said


def test_the_story_is_told_by_the_command_and_leaves_nothing_behind(tmp_path: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-W", "error", "-X", "dev", "-c", ALONE, "demo", "--once"],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    assert told.stdout.count("✓") == 11
    assert "All of it held" in told.stdout
    # On a busy machine asyncio, in this mode, says what took long.
    assert re.sub(r".* took \d+\.\d+ seconds \[asyncio\]\n", "", told.stderr) == ""
    assert list(tmp_path.iterdir()) == []


def environment(folder: Path) -> dict[str, str]:
    """An environment in which the demo would do harm if it looked at it."""
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "TMPDIR": str(folder),
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "SMTP_URL": "smtp://127.0.0.1:1",
    }


@contextmanager
def running_demo(folder: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    demo = subprocess.Popen(
        [sys.executable, "-u", "-W", "error", "-X", "dev", "-c", ALONE, "demo", "--port", "0"],
        env=environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert demo.stdout is not None
        yield url_in(demo.stdout), demo
    finally:
        demo.kill()
        demo.communicate()


def url_in(said: IO[str]) -> str:
    lines = []
    for line in said:
        lines.append(line)
        if found := re.search(r"mail +(http://127\.0\.0\.1:\d+)/inbox", line):
            return found[1]
    raise AssertionError("".join(lines))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_demo_ends_when_it_is_told_to_and_leaves_nothing_behind(
    tmp_path: Path, number: signal.Signals
) -> None:
    with running_demo(tmp_path) as (_, demo):
        assert list(tmp_path.iterdir())
        demo.send_signal(number)
        said, _ = demo.communicate(timeout=60)
        assert demo.returncode == 0, said
        assert said.endswith("The demo has ended, and left nothing behind.\n")
    assert list(tmp_path.iterdir()) == []


def test_the_demos_inbox_proves_that_one_can_leave_by_mail_and_does_not_show_how() -> None:
    with demo_stage(0) as (stage, _):
        start_paper(stage.runtime)
        with stage.runtime.database.reading() as session:
            assert proved_domain(session, INBOUND_DOMAIN) == INBOUND_DOMAIN
        assert list(stage.inbox.messages()) == []

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
from typing import IO, Any, Literal

import pytest

from digest.cli.halyard import LAST_WEEK
from digest.cli.serve import tell
from digest.web.server import Wsgi
from tests.browser import OpenPage
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
    "the worker is dead": (Faults(workers=False), "a confirmation mail to robin@example.org"),
    "the relay is away": (Faults(relay=False), "a confirmation mail to robin@example.org"),
    "mail is lost": (Faults(deliver=lambda _: []), "a confirmation mail to robin"),
    "the link is altered in transit": (
        Faults(deliver=replacing(b"/confirm/", b"/c0nfirm/")),
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
        Faults(site=answering("200 OK", post_to("/unsubscribe/"))),
        "robin@example.org gone",
    ),
    "the unsubscribe is refused": (
        Faults(site=answering("403 No", post_to("/unsubscribe/"))),
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


def test_the_story_holds_on_the_stage_that_the_faults_are_put_into(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = threading.active_count()
    with stage_with(Faults(), tmp_path) as stage:
        held = tell(stage)
    said = capsys.readouterr()
    assert held, said.err
    assert said.out.count("✓") == 10
    assert threading.active_count() == before


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
    assert told.stdout.count("✓") == 10
    assert "All of it held" in told.stdout
    assert told.stderr == ""
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


@pytest.mark.parametrize(
    ("width", "scheme", "javascript"), [(375, "dark", False), (1280, "light", True)]
)
def test_a_reader_plays_the_story_in_a_browser(
    tmp_path: Path,
    open_page: OpenPage,
    width: int,
    scheme: Literal["light", "dark"],
    javascript: bool,
) -> None:
    with running_demo(tmp_path) as (url, _):
        tab = open_page(width=width, height=900, colour_scheme=scheme, javascript=javascript)
        page, context = tab.page, tab.page.context
        page.goto(url)
        page.get_by_label("Email address").fill("kim@example.org")
        page.get_by_label("I have read and agree").check()
        page.get_by_role("button", name="Send me").click()
        assert page.locator("h1").inner_text() == "Now check your email"

        def mails_after_reload() -> int:
            page.reload()
            return page.locator(".inbox-row").count()

        def open_mail(number: int) -> None:
            page.goto(f"{url}/inbox")
            wait_until(lambda: mails_after_reload() >= number, f"mail {number} comes")
            page.locator(".inbox-row").first.click()

        open_mail(1)
        mail = page.frame_locator("iframe")
        with context.expect_page() as opened:
            mail.locator("a[href*='/confirm/']").first.click()
        beside = opened.value
        beside.get_by_role("button", name="Yes, start it").click()
        assert beside.locator("h1").inner_text() == "You are in"

        open_mail(2)
        assert page.locator("h1").inner_text() == "The port that decided to stop growing"
        with context.expect_page() as opened:
            mail.locator("a[href*='/unsubscribe/']").first.click()
        beside = opened.value
        beside.get_by_role("button", name="Unsubscribe").click()
        assert beside.locator("h1").inner_text() == "You are unsubscribed"
        # The editor sends the next one to nobody; it is in the archive, and in no inbox.
        wait_until(
            lambda: context.request.get(f"{url}/issues/editors-digest/43").ok, "No. 43 comes out"
        )
        page.goto(f"{url}/inbox")
        assert page.locator(".inbox-row").count() == 2
        width_of_page = page.evaluate("document.documentElement.scrollWidth") if javascript else 0
        assert width_of_page <= width

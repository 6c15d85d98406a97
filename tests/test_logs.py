"""No address and no token of ours reaches a log, whoever logs it and however."""

import contextlib
import io
import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from digest.database.transactions import Database
from digest.logs import scrub, set_up_logging
from digest.models import Source, Subscriber
from digest.settings.loading import Key
from digest.tokens import KeyRing, Purpose
from tests.factories import NOW

RING = KeyRing([Key("k1", b"1" * 32)])
ADDRESS = "reader.name+news@mail.example.org"
TOKENS = [RING.sign(purpose, bytes(range(16)), 7) for purpose in Purpose]
VERP = RING.sign_local_part(Purpose.BOUNCE, bytes(range(16)), 7)
SECRETS = [ADDRESS, "reader.name", VERP, *TOKENS]

Emit = Callable[[Callable[[], None]], str]


@pytest.fixture(params=["text", "json"])
def emit(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> Iterator[Emit]:
    """Return what is written to standard error while something logs, in each style in turn."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def emitted(log_something: Callable[[], None]) -> str:
        stderr = io.StringIO()
        with contextlib.redirect_stderr(stderr):
            set_up_logging(request.param)
            log_something()
        return stderr.getvalue()

    yield emitted
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def assert_clean(output: str) -> None:
    assert output
    for line in output.splitlines():
        assert not line.startswith("{") or json.loads(line)
    assert [secret for secret in SECRETS if secret.lower() in output.lower()] == []


def test_what_is_no_secret_is_logged(emit: Emit) -> None:
    output = emit(lambda: structlog.get_logger("digest.x").info("sent", issue=12, accepted=340))
    assert "sent" in output
    assert "340" in output
    assert output.count("\n") == 1


def test_json_lines_are_json(capsys: pytest.CaptureFixture[str]) -> None:
    stderr = io.StringIO()
    with contextlib.redirect_stderr(stderr):
        set_up_logging("json")
        structlog.get_logger("digest.x").warning('to "a@example.org"\n', path=f"/confirm/{VERP}")
        logging.getLogger("library").error("mail for %s", ADDRESS)
    lines = [json.loads(line) for line in stderr.getvalue().splitlines()]
    assert [line["level"] for line in lines] == ["warning", "error"]
    assert lines[1]["event"] == "mail for <address>"
    assert lines[1]["logger"] == "library"


def test_chatter_of_libraries_is_left_out(emit: Emit) -> None:
    assert emit(lambda: logging.getLogger("httpx").info("GET https://example.org")) == ""


def test_our_own_lines(emit: Emit) -> None:
    log = structlog.get_logger("digest.x")

    def write() -> None:
        line = "mail for " + ADDRESS
        log.info(line)
        log.info("mail", to=ADDRESS, envelope=f"<{VERP}@bounces.example.org>", local=VERP)
        log.info("mail", to=[ADDRESS], by={"email": ADDRESS, ADDRESS: 1}, raw=ADDRESS.encode())
        for token in TOKENS:
            log.info("opened", token=token, url=f"https://digest.example.org/x/{token}")
            line = "token_" + token
            log.info(line, also=f"%2F{token}%2F")

    assert_clean(emit(write))


def test_lines_of_libraries(emit: Emit) -> None:
    log = logging.getLogger("library")

    def write() -> None:
        log.warning("RCPT TO:<%s> refused", ADDRESS)
        log.warning("550 5.1.1 <%s>: unknown; see %r", ADDRESS, {"to": ADDRESS})
        log.warning(f"250 {ADDRESS}".encode())
        log.warning("mailto:%s?subject=%s", ADDRESS, VERP.upper())

    assert_clean(emit(write))


def test_access_logs(emit: Emit) -> None:
    log = logging.getLogger("gunicorn.access")

    def write() -> None:
        for token in TOKENS:
            log.info('192.0.2.1 - - "POST /unsubscribe/%s HTTP/1.1" 200', token)
            log.info('192.0.2.1 - - "GET /confirm/%s?utm=1 HTTP/1.1" 200', token)
            log.info('192.0.2.1 "GET /preferences/%s%%0A HTTP/1.1"', token)
            log.info('"https://digest.example.org/unsubscribe/%s" "Mozilla/5.0"', token)
        quoted = ADDRESS.replace("@", "%40").replace("+", "%2B")
        log.info('"GET /?email=%s HTTP/1.1" 200', quoted)
        log.info('"GET /?email=%s HTTP/1.1" 200', quoted.replace("%40", "%2540"))

    output = emit(write)
    assert_clean(output)
    assert "/unsubscribe/…" in output or "/unsubscribe/\\u2026" in output
    assert "mail.example.org" not in output


def test_a_shortened_or_foreign_token_in_a_path_is_left_out_too(emit: Emit) -> None:
    output = emit(lambda: logging.getLogger("x").info('"GET /unsubscribe/abc-123 HTTP/1.1"'))
    assert "abc-123" not in output


def test_tracebacks(emit: Emit) -> None:
    def fail() -> None:
        try:
            raise ValueError(f"no mail for {ADDRESS}, nor for {VERP}: {TOKENS}")
        except ValueError as error:
            raise RuntimeError(f"gave up on {ADDRESS}") from error

    def write() -> None:
        for log in (structlog.get_logger("digest.x"), logging.getLogger("library")):
            try:
                fail()
            except RuntimeError:
                log.exception("failed")

    output = emit(write)
    assert_clean(output)
    assert output.count("ValueError: no mail for <address>") == 2
    assert "Traceback" in output


def test_a_line_that_cannot_be_formatted(emit: Emit) -> None:
    class Unprintable:
        def __repr__(self) -> str:
            raise RuntimeError(ADDRESS)

    def write() -> None:
        logging.getLogger("library").warning("%d mails", ADDRESS)
        logging.getLogger("library").warning("too many %s", ADDRESS, TOKENS[0])
        structlog.get_logger("digest.x").warning("odd", value=Unprintable())

    output = emit(write)
    assert_clean(output)
    assert "library" in output


@pytest.mark.parametrize("style", ["text", "json"])
def test_what_nobody_caught(style: str) -> None:
    program = f"""
import threading
from digest.logs import set_up_logging
set_up_logging({style!r})
def fail(where):
    raise ValueError(f"in {{where}}, for {ADDRESS}")
thread = threading.Thread(target=fail, args=["the thread"])
thread.start()
thread.join()
fail("the program")
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert "ValueError: in the thread, for <address>" in ended.stderr
    assert "ValueError: in the program, for <address>" in ended.stderr
    assert_clean(ended.stderr)


def test_what_the_database_complains_of(emit: Emit, database: Database) -> None:
    def add() -> None:
        with database.transaction() as session:
            session.add(
                Subscriber(
                    subject=b"1" * 16, email_key=ADDRESS, email=ADDRESS, name="Ada Quill",
                    created_at=NOW,
                )
            )  # fmt: skip

    def add_without_a_subject() -> None:
        with database.transaction() as session:
            session.execute(
                insert(Subscriber).values(email=ADDRESS, name="Ada Quill", created_at=NOW)
            )

    def write() -> None:
        add()
        for again in (add, add_without_a_subject):
            try:
                again()
            except IntegrityError:
                structlog.get_logger("digest.x").exception("failed")

    output = emit(write)
    assert_clean(output)
    assert "IntegrityError" in output
    # A name cannot be told from other words, so values stay out of the message altogether.
    assert "Ada Quill" not in output


locals_ = st.text(
    st.characters(codec="utf-8", categories=["L", "N"], include_characters="!#$%&'*+-/=?^_`{|}~."),
    min_size=1,
    max_size=30,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(locals_, st.sampled_from(["example.org", "bücher.example", "xn--bcher-kva.example"]))
def test_no_address_is_left_in_a_line(local: str, domain: str) -> None:
    for frame in ("{}", "<{}>", "'{}'", '"{}"', "to={} code=550", "({})", "[{},{}]", "mailto:{}"):
        line = scrub(frame.format(*[f"{local}@{domain}"] * 2))
        assert domain not in line
        assert local + "@" not in line
        assert len(local) < 3 or local not in line.replace("<address>", "").replace("mailto", "")


@given(st.text(max_size=200))
def test_scrubbing_twice_is_scrubbing_once(text: str) -> None:
    assert scrub(scrub(text)) == scrub(text)


def test_ordinary_lines_stay_readable() -> None:
    for line in [
        "2026-11-24T17:37:57Z [info] sent issue=12 accepted=340 [digest.delivery]",
        "GET https://halyard.example/feed.xml 304",
        "task 7f0d2c1e-4f0a-4a51-9d2e-0b6f3f1d2c3b received",
        "a @ b, 5 @ 6",
        "postgresql+psycopg://db.example.org/digest",
    ]:
        assert scrub(line) == line


def test_a_source_is_named_by_its_url() -> None:
    assert Source(url="https://halyard.example/feed.xml").url in scrub(
        "fetching https://halyard.example/feed.xml failed"
    )


@pytest.mark.parametrize("control", ["\n", "\r", "\x1b[2K", "\x9b", "\x85", "\u2028", "\u202e"])
def test_a_control_character_neither_breaks_a_line_nor_hides_a_token(
    emit: Emit, control: str
) -> None:
    tail = "qzv7tailofatoken"
    said = f"GET /confirm/half{control}{tail} was asked for"

    def log() -> None:
        logging.getLogger("a.library").warning("%s", said)
        structlog.get_logger("ours").warning("asked", path=said)

    written = emit(log)
    assert tail not in written
    assert len(written.splitlines()) == 2
    assert control == "\n" or control not in written

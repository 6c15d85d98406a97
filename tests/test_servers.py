"""The servers and the browser that the other tests stand on."""

import os
import signal
import smtplib
import socket
import subprocess
import sys
from collections.abc import Callable
from email.message import EmailMessage
from itertools import islice
from pathlib import Path

import httpx
import psycopg
import pytest
import redis
from playwright.sync_api import Error
from sqlalchemy import create_engine, inspect, text

from digest.database.transactions import Database
from tests.browser import OpenPage
from tests.servers.postgresql import PostgresServer, PrivatePostgres, libpq_url
from tests.servers.redis_server import PrivateRedis
from tests.servers.smtp import SmtpSink
from tests.servers.web import Reply, Request, WebServer

REPOSITORY = Path(__file__).parent.parent


def value(url: str, query: str) -> object:
    with psycopg.connect(libpq_url(url)) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


# PostgreSQL


def test_postgresql_is_one_that_we_support_and_knows_letters(
    postgres_server: PostgresServer,
) -> None:
    assert int(str(value(postgres_server.url, "SHOW server_version_num"))) >= 140_000
    assert value(postgres_server.url, "SELECT lower('ÄRGER')") == "ärger"


def test_databases_do_not_see_each_other(postgres_server: PostgresServer) -> None:
    one, other = postgres_server.create_database(), postgres_server.create_database()
    try:
        with psycopg.connect(libpq_url(one)) as connection:
            connection.execute("CREATE TABLE only_here ()")
        assert value(one, "SELECT to_regclass('only_here')::text") == "only_here"
        assert value(other, "SELECT to_regclass('only_here')::text") is None
    finally:
        postgres_server.drop(one)
        postgres_server.drop(other)


def test_a_database_can_be_copied_and_dropped_while_in_use(
    postgres_server: PostgresServer,
) -> None:
    original = postgres_server.create_database()
    with psycopg.connect(libpq_url(original)) as connection:
        connection.execute("CREATE TABLE number AS SELECT 7 AS number")
    copy = postgres_server.create_database(template=original)
    with psycopg.connect(libpq_url(copy), autocommit=True) as connection:
        assert connection.execute("SELECT number FROM number").fetchone() == (7,)
        postgres_server.drop(copy)
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    postgres_server.drop(original)


def test_postgresql_can_be_reached_from_another_process(postgres_server: PostgresServer) -> None:
    program = (
        "import sys, psycopg\n"
        "with psycopg.connect(sys.argv[1]) as c: print(c.execute('SELECT 6 * 7').fetchone()[0])"
    )
    command = [sys.executable, "-c", program, libpq_url(postgres_server.url)]
    # An environment of the caller's must not lead it to another server.
    environment = os.environ | {"PGPORT": "1", "PGDATABASE": "none"}
    assert subprocess.check_output(command, text=True, env=environment).strip() == "42"


def test_a_killed_postgresql_keeps_what_was_committed(
    private_postgres: Callable[[], PrivatePostgres],
) -> None:
    server = private_postgres()
    with psycopg.connect(libpq_url(server.url)) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1")
        connection.commit()
        first = server.pid
        server.kill()
        assert not server.is_running
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    server.start()
    assert server.pid != first
    assert value(server.url, "SELECT count(*) FROM kept") == 1
    server.restart()
    assert value(server.url, "SELECT count(*) FROM kept") == 1


def test_killing_a_private_postgresql_leaves_the_shared_one(
    postgres_server: PostgresServer, private_postgres: Callable[[], PrivatePostgres]
) -> None:
    private_postgres().kill()
    assert value(postgres_server.url, "SELECT 1") == 1


# Migrated databases


def test_a_database_is_migrated_and_empty(database_url: str) -> None:
    engine = create_engine(database_url)
    try:
        names = inspect(engine).get_table_names()
        with engine.connect() as connection:
            counts = {
                name: connection.scalar(text(f'SELECT count(*) FROM "{name}"')) for name in names
            }
    finally:
        engine.dispose()
    assert counts.pop("alembic_version") == 1
    assert counts.pop("home") == 1
    assert not any(counts.values()), counts


def test_each_test_has_a_database_of_its_own(database_url: str) -> None:
    """Twice the same, each of which would trip over the other's table."""
    create_own_table(database_url)


def test_each_test_has_a_database_of_its_own_again(database_url: str) -> None:
    create_own_table(database_url)


def create_own_table(database_url: str) -> None:
    engine = create_engine(database_url)
    try:
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE my_own (id INTEGER)"))
    finally:
        engine.dispose()


def test_a_database_comes_open(database: Database) -> None:
    assert isinstance(database, Database)


# Redis


def test_redis_speaks_as_one_that_we_support(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        version = str(client.info("server")["redis_version"])
        assert int(version.split(".")[0]) >= 6


def test_redis_is_empty_for_each_test(redis_url: str) -> None:
    fill(redis_url)


def test_redis_is_empty_for_each_test_again(redis_url: str) -> None:
    fill(redis_url)


def fill(url: str) -> None:
    with redis.Redis.from_url(url) as client:
        assert client.dbsize() == 0
        client.set("left behind", 1)


def test_a_private_redis_loses_all_when_killed_and_comes_back(
    redis_url: str, private_redis: Callable[[], PrivateRedis]
) -> None:
    fill(redis_url)
    server = private_redis()
    url, first = server.url, server.pid
    fill(url)
    server.kill()
    with redis.Redis.from_url(url) as client, pytest.raises(redis.ConnectionError):
        client.ping()
    server.start()
    assert (server.url, server.pid == first) == (url, False)
    with redis.Redis.from_url(url) as client:
        client.flushall()
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 1


def test_a_server_that_was_stopped_in_its_tracks_is_cleared_away(
    private_redis: Callable[[], PrivateRedis],
) -> None:
    server = private_redis()
    os.kill(server.pid, signal.SIGSTOP)
    server.discard()
    assert not server.is_running


# HTTP


def test_the_web_server_answers_what_it_was_told(http_server: WebServer) -> None:
    url = http_server.route("/feed", b"<rss/>", headers={"ETag": '"1"'})
    with httpx.Client() as client:
        answer = client.get(f"{url}?page=2", headers={"If-None-Match": '"0"'})
        missing = client.post(f"{http_server.url}/nothing", content=b"abc")
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (200, b"<rss/>", '"1"')
    assert missing.status_code == 404
    get, post = http_server.requests
    assert (get.method, get.path, get.query, get.headers["if-none-match"]) == (
        "GET",
        "/feed",
        "page=2",
        '"0"',
    )
    assert (post.method, post.body) == ("POST", b"abc")


def test_the_web_server_answers_by_what_was_asked(http_server: WebServer) -> None:
    def answer(request: Request) -> Reply:
        return Reply(status=304 if "If-None-Match" in request.headers else 200)

    url = http_server.route_to("/feed", answer)
    assert httpx.get(url).status_code == 200
    assert httpx.get(url, headers={"If-None-Match": '"1"'}).status_code == 304


def test_a_body_drips_for_ever(http_server: WebServer) -> None:
    url = http_server.route("/slow", http_server.drip(b"<rss>", b" ", every=0.01))
    with httpx.stream("GET", url) as answer:
        pieces = list(islice(answer.iter_raw(), 5))
    assert pieces[0] == b"<rss>"
    assert len(pieces) == 5


def test_a_body_that_never_comes_times_out_and_ends_with_the_server() -> None:
    server = WebServer()
    url = server.route("/silent", server.silence)
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(url, timeout=0.1)
    quick = server.route("/quick")
    with httpx.Client() as idle:
        idle.get(quick)
        # It would wait for ever for a client that is connected and says nothing more.
        server.close()


# SMTP


def test_the_sink_keeps_a_mail_as_it_came(smtp_sink: SmtpSink) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "a@example.com", "b@example.com", "Grüße"
    mail.set_content(".a line that starts with a dot\n")
    with smtplib.SMTP("127.0.0.1", smtp_sink.port) as client:
        client.send_message(mail, "bounce@example.com", ["b@example.com", "c@example.com"])
    [kept] = smtp_sink.wait_for(1)
    assert kept.sender == "bounce@example.com"
    assert kept.recipients == ("b@example.com", "c@example.com")
    assert b"\r\n.a line that starts with a dot\r\n" in kept.content
    assert kept.message["Subject"] == "Grüße"


def test_the_sink_says_how_many_mails_it_waited_for(smtp_sink: SmtpSink) -> None:
    with pytest.raises(AssertionError, match=r"0 of 1 mails came in 0\.05 s"):
        smtp_sink.wait_for(1, timeout=0.05)


def test_the_sink_can_be_closed_while_a_client_is_connected() -> None:
    sink = SmtpSink()
    with socket.create_connection(("127.0.0.1", sink.port)) as client:
        assert client.recv(100).startswith(b"220 ")
        sink.close()
        assert client.recv(1) == b""


# The browser

PAGE = b"""<!doctype html><title>Issue</title><style>
:root { color-scheme: light dark }
@media (prefers-color-scheme: dark) { p::after { content: "dark" } }
@media (max-width: 400px) { p { max-width: 10px } }
</style><p>plain</p><script>document.querySelector("p").textContent = "scripted"</script>"""


def test_the_browser_opens_a_page_of_ours(http_server: WebServer, open_page: OpenPage) -> None:
    url = http_server.route("/", PAGE, headers={"Content-Type": "text/html"})
    tab = open_page()
    tab.page.goto(url)
    assert tab.page.title() == "Issue"
    assert tab.page.inner_text("p") == "scripted"


def test_the_browser_can_be_a_phone_in_the_dark_without_scripts(
    http_server: WebServer, open_page: OpenPage
) -> None:
    url = http_server.route("/", PAGE, headers={"Content-Type": "text/html"})
    tab = open_page(width=320, colour_scheme="dark", javascript=False, device_scale_factor=2)
    tab.page.goto(url)
    assert tab.page.inner_text("p") == "plain"
    style = "getComputedStyle(document.querySelector('p')%s).%s"
    assert tab.page.evaluate(style % (", '::after'", "content")) == '"dark"'
    assert tab.page.evaluate(style % ("", "maxWidth")) == "10px"
    picture = tab.page.screenshot()
    assert int.from_bytes(picture[16:20]) == 640, "a PNG's width, at two pixels to the point"


@pytest.mark.parametrize(
    "elsewhere", ["http://example.com/", "http://192.0.2.1/", "//[2001:db8::1]/"]
)
def test_the_browser_is_refused_what_is_not_on_this_machine(
    http_server: WebServer, open_page: OpenPage, elsewhere: str
) -> None:
    page = b'<!doctype html><link rel="icon" href="data:,"><img src="%s">' % elsewhere.encode()
    url = http_server.route("/", page, headers={"Content-Type": "text/html"})
    tab = open_page()
    tab.page.goto(url)
    [refused] = tab.refused
    tab.refused.clear()
    assert refused.endswith(elsewhere)
    assert tab.failed_requests == [refused]
    assert ["ERR_NAME_NOT_RESOLVED" in error for error in tab.console_errors] == [True]


def test_the_browser_is_refused_a_redirect_away(
    http_server: WebServer, open_page: OpenPage
) -> None:
    away = http_server.route("/away", status=302, headers={"Location": "http://example.com/"})
    tab = open_page()
    with pytest.raises(Error, match="ERR_NAME_NOT_RESOLVED"):
        tab.page.goto(away)
    assert tab.refused == ["http://example.com/"]
    tab.refused.clear()


def test_the_browser_tells_of_errors(http_server: WebServer, open_page: OpenPage) -> None:
    page = b'<!doctype html><link rel="icon" href="data:,"><script>lost()</script>'
    url = http_server.route("/", page, headers={"Content-Type": "text/html"})
    tab = open_page()
    tab.page.goto(url)
    assert ["lost is not defined" in error for error in tab.console_errors] == [True]


# The run as a whole

SKIPPING = """
import pytest

pytest_plugins = ["tests.conftest"]
{module_level}

def test_skipped():
    pytest.skip("no such server")

@pytest.mark.skipif(True, reason="not here")
def test_skipped_by_mark():
    pass

@pytest.mark.xfail(reason="known")
def test_expected_failure():
    raise ValueError
"""


def run_pytest(file: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    quiet = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rA", file],
        env=quiet | {"PYTHONPATH": str(REPOSITORY)} | environment,
        cwd=file.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def test_a_skip_is_a_skip_on_somebodys_own_machine(tmp_path: Path) -> None:
    (tmp_path / "test_skips.py").write_text(SKIPPING.format(module_level=""))
    done = run_pytest(tmp_path / "test_skips.py", CI="0")
    assert done.returncode == 0, done.stdout
    assert "2 skipped, 1 xfailed" in done.stdout


@pytest.mark.parametrize("variable", ["CI", "DIGEST_TESTS_STRICT"])
def test_a_skip_is_a_failure_where_strict(tmp_path: Path, variable: str) -> None:
    (tmp_path / "test_skips.py").write_text(SKIPPING.format(module_level=""))
    done = run_pytest(tmp_path / "test_skips.py", **{variable: "1"})
    assert done.returncode == 1, done.stdout
    assert "1 failed, 1 xfailed, 1 error" in done.stdout
    assert "no such server" in done.stdout


def test_a_skipped_file_is_a_failure_where_strict(tmp_path: Path) -> None:
    level = 'pytest.skip("no such library", allow_module_level=True)'
    (tmp_path / "test_skips.py").write_text(SKIPPING.format(module_level=level))
    done = run_pytest(tmp_path / "test_skips.py", CI="1")
    assert done.returncode != 0, done.stdout
    assert "no such library" in done.stdout

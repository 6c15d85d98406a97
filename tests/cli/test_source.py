from pathlib import Path

import pytest

from tests.cli.conftest import CommandLine
from tests.newsroom.intake.test_pictures import file_of, photograph
from tests.servers.web import Reply, Request, WebServer

FEED = "https://halyard.example/feed.xml"


def test_a_source_is_added_and_listed(command_line: CommandLine) -> None:
    assert command_line("source", "add", FEED, "--name", "The Halyard").exit_code == 0

    [listed] = command_line("source", "list", "--json").json
    assert (listed["url"], listed["name"]) == (FEED, "The Halyard")
    assert "never" in command_line("source", "list").out


def test_a_source_that_is_known_exits_2(command_line: CommandLine) -> None:
    command_line("source", "add", FEED)
    said = command_line("source", "add", FEED)

    assert said.exit_code == 2
    assert "URL: There is a source with that address already." in said.err


def test_what_is_no_address_exits_2(command_line: CommandLine) -> None:
    assert command_line("source", "add", "feed.xml").exit_code == 2


def test_no_sources_says_how_to_add_one(command_line: CommandLine) -> None:
    assert "digest source add" in command_line("source", "list").out


FEED_BODY = b"""<rss version="2.0"><channel><title>The Halyard</title>
<item><title>The port</title><link>https://halyard.example/a/port</link>
<enclosure url="/i/port.jpg" type="image/jpeg"/></item>
<item><title></title><link>https://halyard.example/a/cold</link></item></channel></rss>"""


@pytest.fixture
def open_line(command_line: CommandLine) -> CommandLine:
    """A command line that may fetch from loopback."""
    return CommandLine({**command_line.environment, "DIGEST_FETCH_PRIVATE": "true"})


def test_sources_and_pictures_are_fetched(open_line: CommandLine, http_server: WebServer) -> None:
    http_server.route("/i/port.jpg", file_of(photograph(1200, 900)))
    url = http_server.route("/feed.xml", FEED_BODY, headers={"ETag": '"1"'})
    open_line("source", "add", url, "--name", "The Halyard")
    said = open_line("source", "fetch")

    assert said.exit_code == 0, said.err
    assert "The Halyard: 1 new, 0 changed. 1 could not be used" in said.out
    assert "1 picture fetched." in said.out
    [article] = open_line("article", "list", "--json").json
    assert article["title"] == "The port"
    [listed] = open_line("source", "list", "--json").json
    assert listed["last_error"] is None
    assert listed["succeeded_at"] is not None


def test_a_source_that_has_not_changed_says_so(
    open_line: CommandLine, http_server: WebServer
) -> None:
    def answer(request: Request) -> Reply:
        known = request.headers["If-None-Match"] is not None
        return Reply(status=304) if known else Reply(FEED_BODY, headers={"ETag": '"1"'})

    open_line("source", "add", http_server.route_to("/feed.xml", answer), "--name", "H")
    open_line("source", "fetch")

    assert open_line("source", "fetch", "1").out == "H: nothing has changed.\n"
    open_line("source", "fetch")
    newest, oldest = open_line("source", "history", "1", "--json").json
    assert (newest["times"], newest["unchanged"], newest["error"]) == (2, True, None)
    assert (oldest["times"], oldest["added"]) == (1, 1)
    said = open_line("source", "history", "1").out
    assert "2 times" in said
    assert said.index("Nothing has changed.") < said.index("1 new, 0 changed."), said
    assert open_line("source", "history", "2").exit_code == 1


def test_a_source_that_fails_exits_1_and_is_listed_with_its_trouble(
    open_line: CommandLine, http_server: WebServer
) -> None:
    open_line("source", "add", http_server.route("/feed.xml", status=410), "--name", "Gone")
    open_line("source", "add", http_server.route("/ok.xml", FEED_BODY), "--name", "Here")
    said = open_line("source", "fetch")

    assert said.exit_code == 1
    assert "Gone: The site says that this feed is gone for good (410)." in said.err
    assert "Here: 1 new, 0 changed." in said.out
    assert "gone for good" in open_line("source", "list").out


def test_a_fetch_for_scripts(open_line: CommandLine, http_server: WebServer) -> None:
    open_line("source", "add", http_server.route("/feed.xml", FEED_BODY), "--name", "H")
    said = open_line("source", "fetch", "--json").json

    assert said["pictures"] == 0
    [fetched] = said["sources"]
    assert (fetched["name"], fetched["added"], fetched["error"]) == ("H", 1, None)


def test_loopback_is_fetched_from_only_where_that_is_set(
    command_line: CommandLine, http_server: WebServer
) -> None:
    command_line("source", "add", http_server.route("/feed.xml", FEED_BODY))
    command_line("source", "add", "http://localhost/feed.xml")
    said = command_line("source", "fetch")

    assert said.exit_code == 1
    assert "Only the ports 80 and 443" in said.err
    assert "not on the public internet" in said.err
    assert http_server.requests == []


def test_fetching_nothing_says_how_to_add_something(command_line: CommandLine) -> None:
    assert "digest source add" in command_line("source", "fetch").out


def test_a_source_that_does_not_exist_exits_1(command_line: CommandLine) -> None:
    said = command_line("source", "fetch", "7")

    assert said.exit_code == 1
    assert "There is no source 7." in said.err


def test_a_feed_is_checked_without_a_database(http_server: WebServer, tmp_path: Path) -> None:
    nowhere = f"sqlite:///{tmp_path / 'missing' / 'digest.sqlite3'}"
    line = CommandLine(
        {
            "DATABASE_URL": nowhere,
            "DIGEST_DATA_DIR": str(tmp_path / "data"),
            "REDIS_URL": "memory://",
            "DIGEST_FETCH_PRIVATE": "true",
        }
    )
    said = line("source", "check", http_server.route("/feed.xml", FEED_BODY))

    assert said.exit_code == 0, said.err
    assert "The Halyard" in said.out
    assert "1 entry would come in." in said.out
    assert "The port\n  https://halyard.example/a/port" in said.out
    assert "Picture     http://127.0.0.1" in said.out
    assert "Byline      none" in said.out
    assert "- One entry has no title, and is left out." in said.out
    assert not (tmp_path / "missing").exists()


def test_checking_adds_nothing(open_line: CommandLine, http_server: WebServer) -> None:
    found = open_line("source", "check", http_server.route("/feed.xml", FEED_BODY), "--json").json

    assert found["entries"] == 1
    assert found["newest"][0]["title"] == "The port"
    assert found["newest"][0]["minutes"] is None
    assert open_line("source", "list", "--json").json == []
    assert open_line("article", "list", "--json").json == []


def test_a_web_page_exits_1_and_names_the_addresses_to_try(
    open_line: CommandLine, http_server: WebServer
) -> None:
    page = b'<html><head><link rel="alternate" type="application/rss+xml" href="/f.xml"></head>'
    said = open_line("source", "check", http_server.route("/", page))

    assert said.exit_code == 1
    assert "That address shows a web page, not a feed." in said.err
    assert f"digest source check {http_server.url}/f.xml" in said.err


def test_what_a_feed_says_cannot_move_the_cursor(
    open_line: CommandLine, http_server: WebServer
) -> None:
    feed = FEED_BODY.replace(b"The port", "The\u009b2J port \u202e".encode())
    said = open_line("source", "check", http_server.route("/feed.xml", feed))

    assert said.exit_code == 0
    assert not {"\u009b", "\u202e", "\x1b"} & set(said.out)


def test_a_list_has_an_end_and_says_that_there_is_more(open_line: CommandLine) -> None:
    for name in ("a", "b", "c"):
        open_line("source", "add", f"https://halyard.example/{name}.xml", "--name", name)
    said = open_line("source", "list", "--limit", "2", "--json")
    assert [each["name"] for each in said.json] == ["a", "b"]
    assert "3 in all. More of them: --limit 3" in said.err
    assert open_line("source", "list", "--limit", "3").err == ""

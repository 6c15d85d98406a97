"""`digest source edit|pause|resume|retire`, as a person types them."""

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest

from tests.cli.conftest import CommandLine
from tests.cli.test_source import FEED, FEED_BODY, open_line
from tests.servers.web import WebServer

__all__ = ["open_line"]

only_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_a_mistyped_feed_is_put_right(open_line: CommandLine, http_server: WebServer) -> None:
    right = http_server.route("/feed.xml", FEED_BODY)
    open_line("source", "add", f"{http_server.url}/fed.xml", "--name", "H")
    assert open_line("source", "fetch").exit_code == 1
    said = open_line("source", "edit", "1", "--url", right)
    assert said.exit_code == 0, said.err
    assert "It is fetched soon." in said.out

    [listed] = open_line("source", "list", "--json").json
    assert (listed["url"], listed["failures"], listed["last_error"]) == (right, 0, None)
    assert "H: 1 new, 0 changed." in open_line("source", "fetch").out


def test_name_section_and_priority_are_edited_and_taken_away(command_line: CommandLine) -> None:
    command_line("source", "add", FEED, "--name", "H", "--section", "World")
    edited = command_line("source", "edit", "1", "--name", "Halyard", "--priority", "3", "--json")
    assert (edited.json["name"], edited.json["section"], edited.json["priority"]) == (
        "Halyard",
        "World",
        3,
    )
    edited = command_line("source", "edit", "1", "--name", "", "--section", "", "--json")
    assert (edited.json["name"], edited.json["section"]) == ("halyard.example", None)
    assert edited.json["url"] == FEED


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--url", "feed.xml"), "--url: Give the whole address"),
        (("--url", "https://other.example/feed.xml"), "--url: There is a source with that"),
        (("--priority", "15"), "--priority: Give -14 to 14 days."),
        ((), "Say what to change"),
    ],
)
def test_what_cannot_be_used_exits_2_and_changes_nothing(
    command_line: CommandLine, options: tuple[str, ...], complaint: str
) -> None:
    command_line("source", "add", FEED)
    command_line("source", "add", "https://other.example/feed.xml")
    before = command_line("source", "list", "--json").json
    said = command_line("source", "edit", "1", *options)
    assert said.exit_code == 2
    assert complaint in said.err
    assert command_line("source", "list", "--json").json == before


def test_a_paused_source_is_fetched_only_where_it_is_named(
    open_line: CommandLine, http_server: WebServer
) -> None:
    open_line("source", "add", http_server.route("/feed.xml", FEED_BODY), "--name", "H")
    assert "digest source resume 1" in open_line("source", "pause", "1").out
    assert "no sources to fetch" in open_line("source", "fetch").out
    assert "Paused on" in open_line("source", "list").out
    assert "1 new" in open_line("source", "fetch", "1").out
    assert open_line("source", "resume", "1", "--json").json["paused_at"] is None
    assert open_line("source", "fetch").exit_code == 0


def test_a_retired_sources_address_is_free_again(
    open_line: CommandLine, http_server: WebServer
) -> None:
    url = http_server.route("/feed.xml", FEED_BODY)
    open_line("source", "add", url, "--name", "H")
    open_line("source", "fetch")
    said = open_line("source", "retire", "1")
    assert said.exit_code == 0
    assert "H is retired: it is fetched no more, its articles are picked no more." in said.out
    assert open_line("source", "list", "--json").json == []
    [retired] = open_line("source", "list", "--all", "--json").json
    assert retired["retired_at"]
    assert open_line("source", "fetch", "1").exit_code == 1
    for verb in ("pause", "resume", "retire"):
        again = open_line("source", verb, "1")
        assert again.exit_code == 1
        assert f"digest source add {url}" in again.err

    assert open_line("source", "add", url, "--name", "H anew").exit_code == 0
    assert "0 new, 1 changed" in open_line("source", "fetch").out, "known, and taken over"
    assert len(open_line("article", "list", "--json").json) == 1


@only_sqlite
def test_what_issues_have_of_a_retired_source_stays_and_it_is_said(
    paper: CommandLine, http_server: WebServer
) -> None:
    line = CommandLine({**paper.environment, "DIGEST_FETCH_PRIVATE": "true"})
    dated = f"<pubDate>{format_datetime(datetime.now(UTC))}</pubDate>".encode()
    body = FEED_BODY.replace(b"</link>", b"</link>" + dated, 1)
    line("source", "add", http_server.route("/feed.xml", body), "--name", "H")
    line("source", "fetch")
    line.add_articles("cold", "roofs", "bat")
    assert line("issue", "compose", "editors-digest").exit_code == 0
    assert "What is picked stays. It is in editors-digest/" in line("source", "retire", "1").out
    assert line("issue", "compose", "editors-digest", "--again").exit_code == 0
    [issue] = line("issue", "list", "--json").json
    folder = line.environment["DIGEST_DATA_DIR"]
    said = line("issue", "preview", str(issue["id"]), "--to", folder)
    assert said.exit_code == 0
    assert "The port" not in said.out


@only_sqlite
@pytest.mark.parametrize("verb", ["edit", "pause", "resume", "retire"])
def test_one_that_does_not_exist_exits_1(command_line: CommandLine, verb: str) -> None:
    options = ("--name", "H") if verb == "edit" else ()
    said = command_line("source", verb, "7", *options)
    assert said.exit_code == 1
    assert "There is no source 7." in said.err

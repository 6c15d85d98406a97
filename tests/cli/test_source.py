from tests.cli.conftest import CommandLine

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

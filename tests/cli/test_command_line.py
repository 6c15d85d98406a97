"""Journeys through `digest` as a process: what a shell script sees."""

import pytest

from tests.cli.conftest import CommandLine


def test_from_articles_to_an_issue_on_its_way(paper: CommandLine) -> None:
    paper.add_articles("port", "cold", "roofs")
    composed = paper.process("issue", "compose", "editors-digest", "--json")
    sent = paper.process("issue", "send", "editors-digest", "--json")

    assert len(composed.json["stories"]) == 3
    assert sent.json["state"] == "scheduled"
    assert [composed.exit_code, sent.exit_code] == [0, 0]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_used_wrongly_it_exits_2_with_a_sentence(command_line: CommandLine) -> None:
    said = command_line.process("article", "add", "--title", "The port", "--url", "port")

    assert said.exit_code == 2
    assert "--url: Give the whole address, beginning with https:// or http://." in said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_failure_exits_1_with_a_sentence(command_line: CommandLine) -> None:
    said = command_line.process("issue", "send", "weekly")

    assert said.exit_code == 1
    assert "digest: There is no newsletter called weekly. There are none yet." in said.err
    assert "Traceback" not in said.err
    assert said.out == ""

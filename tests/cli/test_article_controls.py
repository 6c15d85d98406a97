"""`digest article hide|show|remove`, as a person types them."""

import pytest

from tests.cli.conftest import CommandLine


def issue_of(line: CommandLine) -> list[str]:
    [listed] = [each for each in line("issue", "list", "--json").json if each["state"] != "sent"]
    folder = line.environment["DIGEST_DATA_DIR"]
    shown = line("issue", "preview", str(listed["id"]), "--to", folder, "--json")
    assert shown.exit_code == 0, shown.err
    return [str(story["title"]) for story in shown.json["stories"]]


def ids(line: CommandLine) -> dict[str, str]:
    listed = line("article", "list", "--json").json
    return {each["title"].removeprefix("The "): str(each["id"]) for each in listed}


def test_what_is_hidden_is_not_picked_until_it_is_shown(paper: CommandLine) -> None:
    paper.add_articles("port", "cold", "roofs", "bat")
    said = paper("article", "hide", ids(paper)["bat"])
    assert said.exit_code == 0
    assert "no issue picks it any more" in said.out
    assert paper("issue", "compose", "editors-digest").exit_code == 0
    assert len(issue_of(paper)) == 3
    assert "hidden" in paper("article", "list").out
    assert "may be picked again" in paper("article", "show", ids(paper)["bat"]).out
    assert paper("issue", "compose", "editors-digest", "--again").exit_code == 0
    assert len(issue_of(paper)) == 4


def test_hiding_what_an_issue_has_says_so_and_leaves_it(composed: CommandLine) -> None:
    port = ids(composed)["port"]
    said = composed("article", "hide", port)
    assert "It stays in editors-digest/" in said.out
    assert f"digest article remove {port}" in said.out
    assert len(issue_of(composed)) == 3


def test_what_is_removed_is_replaced_by_the_next_best(composed: CommandLine) -> None:
    composed.add_articles("bat")
    said = composed("article", "remove", ids(composed)["cold"], "--by", "Imara")
    assert said.exit_code == 0, said.err
    assert "is withdrawn: The cold" in said.out
    assert "“The bat” takes its place." in said.out
    assert sorted(issue_of(composed)) == ["The bat", "The port", "The roofs"]
    [cold] = [
        each for each in composed("article", "list", "--json").json if each["title"] == "The cold"
    ]
    assert cold["withdrawn_by"] == "Imara"
    assert "withdrawn by Imara" in composed("article", "list").out


def test_with_too_few_left_the_issue_is_held_and_it_is_said(composed: CommandLine) -> None:
    said = composed("article", "remove", ids(composed)["cold"])
    assert said.exit_code == 0
    assert "nothing takes its place, and it has 2 left" in said.out
    assert "is held: “The cold” was withdrawn. Now only 2 stories are left" in said.err
    [issue] = composed("issue", "list", "--json").json
    assert issue["state"] == "held"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_of_several_that_are_removed_none_takes_the_place_of_another(
    composed: CommandLine,
) -> None:
    composed.add_articles("bat", "rain")
    known = ids(composed)
    said = composed("article", "remove", known["cold"], known["rain"], known["port"])
    assert said.out.count("“The bat” takes its place.") == 1
    assert said.out.count("nothing takes its place, and it has 2 left.") == 1
    assert "“The rain” takes" not in said.out
    assert said.err.count("is held:") == 1
    assert sorted(issue_of(composed)) == ["The bat", "The roofs"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_several_for_scripts(composed: CommandLine) -> None:
    composed.add_articles("bat", "rain")
    known = ids(composed)
    told = composed("article", "remove", known["cold"], known["port"], "--json").json
    assert [each["title"] for each in told] == ["The cold", "The port"]
    assert all(each["withdrawn_at"] for each in told)
    assert [len(each["taken_out_of"]) for each in told] == [1, 1]
    hidden = composed("article", "hide", known["bat"], "--json").json
    assert hidden[0]["hidden_at"]
    shown = composed("article", "show", known["bat"], known["cold"], "--json").json
    assert [(each["hidden_at"], each["withdrawn_at"]) for each in shown] == [(None, None)] * 2


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("verb", ["hide", "show", "remove"])
def test_one_that_does_not_exist_exits_1_and_changes_none(composed: CommandLine, verb: str) -> None:
    said = composed("article", verb, ids(composed)["port"], "4711")
    assert said.exit_code == 1
    assert "There is no article 4711." in said.err
    assert "withdrawn" not in composed("article", "list").out
    assert composed("article", verb).exit_code == 2

"""Preflight from the command line."""

import pytest

from digest.database.transactions import Database
from tests.cli.conftest import NEWSLETTER, CommandLine
from tests.servers.web import WebServer


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_blockers_end_with_one_and_warnings_are_accepted(
    command_line: CommandLine, http_server: WebServer, database: Database
) -> None:
    run = CommandLine({**command_line.environment, "DIGEST_FETCH_PRIVATE": "1"})
    run(*NEWSLETTER)
    for slug in ("port", "cold", "roofs"):
        url = http_server.route(f"/a/{slug}", b"<p>Here.")
        run("article", "add", "--title", f"The {slug} of it all", "--url", url)
    http_server.route("/a/cold", status=404)
    run("issue", "compose", "editors-digest")
    run("issue", "edit", "editors-digest", "--subject", "TODO")

    said = run("issue", "preflight", "editors-digest")
    assert said.exit_code == 1
    assert said.out.startswith("Cannot go out yet:\n✗ The subject still has “TODO”.")
    refused = run("issue", "approve", "editors-digest")
    assert (refused.exit_code, refused.err) == (
        1,
        "digest: Cannot go out yet: The subject still has “TODO”. Replace it, or take it out.",
    )
    assert run("issue", "send", "editors-digest").exit_code == 1
    run("issue", "edit", "editors-digest", "--subject", "")
    found = run("issue", "preflight", "editors-digest", "--json")
    assert (found.exit_code, found.json["blocked"]) == (0, False)
    [finding] = found.json["findings"]
    assert finding["sentence"].startswith("The link of “The cold of it all” does not work.")
    approved = run("issue", "approve", "editors-digest")
    assert "There is one thing to look at: digest issue preflight" in approved.out

    nobody = ("issue", "accept", "editors-digest", finding["code"], "--as", "joss@example.org")
    assert "joss@example.org" in run(*nobody).err, "only a user acts as one"
    accepted = run("issue", "accept", "editors-digest", finding["code"], "--by", "imara")
    assert accepted.out == f"Accepted by imara: {finding['sentence']}\n"
    said = run("issue", "preflight", "editors-digest")
    assert f"✓ {finding['sentence']} Accepted by imara." in said.out
    # An approved issue with a blocker is given no new time either.
    run("newsletter", "edit", "editors-digest", "--story-min", "4")
    moved = run("issue", "schedule", "editors-digest", "--at", "2099-01-03T07:00")
    assert (moved.exit_code, moved.err) == (
        1,
        "digest: Cannot go out yet: It has three stories, and needs at least four. Add one more.",
    )

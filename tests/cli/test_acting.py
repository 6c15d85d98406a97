"""Commands as a user of the desk: whose name stands, who may, and going past a second person."""

import pytest
from sqlalchemy import select

from digest.database.transactions import Database
from digest.models import AuditEvent
from tests.cli.conftest import CommandLine


@pytest.fixture
def staffed(composed: CommandLine) -> CommandLine:
    """A draft that needs a second person; an owner, an editor, and one who looks."""
    for name, role in (("Olive", "owner"), ("Joss", "editor"), ("Vic", "viewer")):
        email = f"{name.lower()}@example.org"
        made = composed("user", "create", email, "--name", name, "--role", role)
        assert made.exit_code == 0, made.err
    edited = composed("newsletter", "edit", "editors-digest", "--approval", "second-person")
    assert edited.exit_code == 0, edited.err
    return composed


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_second_person_is_asked_for_by_command_too(
    staffed: CommandLine, database: Database
) -> None:
    def issue(verb: str, *arguments: str) -> str:
        said = staffed("issue", verb, "editors-digest", *arguments)
        return said.out + said.err

    joss, olive = ("--as", "joss@example.org"), ("--as", "Olive@example.org")
    assert "The note is changed." in issue("edit", "--note", "Good morning.", *joss)
    [edited] = [each for each in staffed("issue", "history", "editors-digest", "--json").json
                if each["field"] == "note"]  # fmt: skip
    assert (edited["by"], edited["user"]) == ("Joss", 2)
    assert "Vic is no editor of Editor’s Digest." in issue("edit", "--note", "x", "--as",
                                                           "vic@example.org")  # fmt: skip
    assert "There is no user with the address nobody@example.org." in issue(
        "approve", "--as", "nobody@example.org"
    )
    assert "Say either --by or --as" in issue("approve", "--by", "joss", *joss)
    assert "It needs a second person" in issue("approve")
    assert "It needs a second person" in issue("send")
    assert "Joss has written in " in issue("approve", *joss)
    assert "Joss has written in " in issue("send", *joss)
    assert "leave --as out" in issue("approve", "--override", "Because.", *joss)
    assert "--override: Say why" in issue("approve", "--override", " ")
    assert "It was changed since you looked." in issue("approve", "--version", "1", *olive)
    assert "Version 2 is approved. editors-digest/" in issue("approve", "--version", "2", *olive)
    assert "What Olive approved was changed" in issue("edit", "--note", "Good evening.", *joss)
    assert "Version 3 is approved." in issue("approve", "--override", "Olive is ill.")
    told = staffed("issue", "history", "editors-digest", "--json").json[0]["words"]
    assert told == "Version 3 is approved without a second person. The reason: Olive is ill."
    with database.reading() as session:
        events = session.scalars(select(AuditEvent).order_by(AuditEvent.id)).all()
        logged = [(each.verb, each.user_id) for each in events if each.verb.startswith("issue")]
    assert logged == [
        ("issue compose", None),
        ("issue edit", 2),
        ("issue approve", 1),
        ("issue edit", 2),
        ("issue override", None),
    ]
    staffed("user", "disable", "joss@example.org")
    assert "Joss is disabled, and can do nothing." in issue("edit", "--note", "x", *joss)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_week_is_skipped_and_taken_up_by_command(composed: CommandLine) -> None:
    [made] = composed("issue", "list", "--json").json
    name = made["issue"]
    skipped = composed("issue", "skip", name, "--reason", "We are away", "--by", "imara")
    assert skipped.out == f"{name} is skipped.\n"
    [listed] = composed("issue", "list", "--json").json
    assert (listed["state"], listed["reason"]) == ("skipped", "imara skipped it: We are away.")
    again = composed("issue", "skip", name)
    assert (again.exit_code, "is skipped already" in again.err) == (1, True)
    taken = composed("issue", "take-up", name)
    assert taken.out.startswith(f"{name} is taken up again, and goes out on Sat")
    never = composed("issue", "skip", "editors-digest/2020-01-04")
    assert (never.exit_code, "is over. Choose a coming date." in never.err) == (1, True)

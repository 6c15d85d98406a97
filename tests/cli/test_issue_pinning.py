"""Pinning to a coming issue from the command line."""

from datetime import date, timedelta

from sqlalchemy import select

from digest.database.transactions import Database
from digest.models import AuditEvent
from tests.cli.conftest import CommandLine
from tests.cli.test_issue_editing import article


def test_pinning_to_the_next_to_a_later_one_and_taking_it_back(
    composed: CommandLine, database: Database
) -> None:
    composed.add_articles("bat", "tide")
    bat, tide = article(database, "bat"), article(database, "tide")
    first = composed("issue", "list", "--json").json[0]["occurrence_on"]
    coming = [(date.fromisoformat(first) + timedelta(weeks=n)).isoformat() for n in (1, 3)]
    pinned = composed("issue", "pin", "editors-digest", bat, "--by", "imara", "--json").json
    assert pinned["issue"] == f"editors-digest/{coming[0]}", "the first is composed"
    assert [each["why"] for each in pinned["stories"]] == ["Pinned by imara."]
    later = f"editors-digest/{coming[1]}"
    day = date.fromisoformat(coming[1])
    told = f"the issue of {day.day} {day:%B %Y}"
    assert composed("issue", "pin", later, tide).out == f"“The tide” is pinned to {told}.\n"
    listed = composed("issue", "pins", "--json").json
    assert [(each["issue"], each["article"], each["why"]) for each in listed] == [
        (f"editors-digest/{coming[0]}", int(bat), "Pinned by imara."),
        (later, int(tide), listed[1]["why"]),
    ]
    refused = composed("issue", "pin", f"editors-digest/{first}", bat)
    assert (refused.exit_code, "picked already: pick or drop" in refused.err) == (1, True)
    refused = composed("issue", "pin", later, tide, "--as", "nobody@example.org")
    assert (refused.exit_code, "nobody@example.org" in refused.err) == (1, True)
    assert composed("issue", "unpin", "editors-digest", tide).out == (
        f"“The tide” is not pinned to {told} any more.\n"
    )
    shown = composed("issue", "pins", "editors-digest").out
    assert ("The bat" in shown, "The tide" in shown) == (True, False)
    again = composed("issue", "unpin", "editors-digest", tide)
    assert (again.exit_code, "is pinned to no coming issue" in again.err) == (1, True)
    # The next one is skipped, and the one after that is not made yet: nothing waits but what is
    # made ahead, which a newsletter's name alone never means.
    assert composed("issue", "skip", "editors-digest").exit_code == 0
    composed("issue", "unpin", f"editors-digest/{coming[0]}", bat)
    assert "Nothing is pinned" in composed("issue", "pins").out
    assert composed("issue", "skip", f"editors-digest/{coming[0]}").exit_code == 0
    assert composed("issue", "pin", later, tide).exit_code == 0
    for verb in ("approve", "send", "cancel", "preview"):
        refused = composed("issue", verb, "editors-digest")
        assert (refused.exit_code, "waits to go out" in refused.err) == (1, True), verb
    assert composed("issue", "move", later, tide, "1").exit_code == 0
    with database.reading() as session:
        events = session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc()).limit(7)).all()
        verbs = [(each.verb, each.fields) for each in events]
    assert verbs[-3:] == [("issue unpin", ["stories"])] + [("issue pin", ["stories"])] * 2

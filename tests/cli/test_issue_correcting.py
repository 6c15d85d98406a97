"""`digest issue audience` and `correct`, as they are typed."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from digest.clock import SystemClock
from digest.database.transactions import Database
from digest.models import AuditEvent, Issue, IssueState, Subscription
from tests.cli.conftest import CommandLine
from tests.cli.test_issue_controls import sending

__all__ = ["sending"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_paused_issue_is_corrected(sending: CommandLine, database: Database) -> None:
    told = sending("issue", "audience", "editors-digest/1", "--json")
    assert json.loads(told.out) == {"issue": "editors-digest/1", "readers": 3, "left_out": {}}
    with database.transaction() as session:
        away = session.scalars(select(Subscription).limit(1)).one()
        away.paused_until = SystemClock().now() + timedelta(days=9)
    said = sending("issue", "audience", "editors-digest/1").out
    assert "editors-digest/1 would go to two readers.\nLeft out, paused: 1\n" in said
    words = ("--words", "It said seven.", "--by", "imara")
    early = sending("issue", "correct", "editors-digest", "--note", "Eight.", *words)
    assert (early.exit_code, "Pause it first" in early.err) == (1, True)
    sending("issue", "pause", "editors-digest")
    done = sending("issue", "correct", "editors-digest", "--note", "Eight.", *words)
    assert done.exit_code == 0, done.err
    assert "After the freeze, the note was corrected." in done.out
    assert "1 had it already, and 1 on the wire. 1 gets the corrected one: digest" in done.out
    again = sending("issue", "correct", "editors-digest", "--note", "Eight.", *words)
    assert "It reads so already." in again.out
    _send_on(sending, database)
    report = sending("issue", "report", "editors-digest")
    assert "Got it before it was corrected" in report.out
    told = json.loads(sending("issue", "report", "editors-digest", "--json").out)
    assert [each["words"] for each in told["editions"]] == [None, "It said seven."]
    assert [each["accepted"] for each in told["editions"]] == [1, 0]
    assert "was corrected" in sending("issue", "history", "editors-digest/1").out
    for options, wanted in (
        ((), "Say what to correct"),
        (("--headline", "x"), "Say which story"),
        (("--note", "n" * 5001), "--note"),
        (("--note", "n", "--words", " "), "--words"),
    ):
        wrong = sending("issue", "correct", "editors-digest", *words, *options)
        assert (wrong.exit_code, wanted in wrong.err) == (2, True), wrong.err


def _send_on(sending: CommandLine, database: Database) -> None:
    """Send on what was corrected, where a second person is asked for."""
    resume = ("issue", "resume", "editors-digest")
    none_asked = sending(*resume, "--override", "Joss is ill.")
    assert (none_asked.exit_code, "nothing to override" in none_asked.err) == (1, True)
    with database.transaction() as session:
        session.execute(update(Issue).values(state=IssueState.FROZEN))
    under_way = sending(*resume, "--override", "Joss is ill.")
    assert (under_way.exit_code, "nothing to override" in under_way.err) == (1, True)
    sending("issue", "pause", "editors-digest")
    sending("newsletter", "edit", "editors-digest", "--approval", "second-person")
    alone = sending(*resume, "--by", "imara")
    assert (alone.exit_code, "It was corrected, and needs a second" in alone.err) == (1, True)
    assert sending(*resume, "--override", " ").exit_code == 2
    assert "goes on" in sending(*resume, "--override", "Joss is ill.").out
    history = sending("issue", "history", "editors-digest/1").out
    assert "without a second person. The reason: Joss is ill." in history
    with database.reading() as session:
        verbs = session.scalars(select(AuditEvent.verb).order_by(AuditEvent.id)).all()
    assert verbs[-2:] == ["issue override", "issue resume"]
    sending("issue", "pause", "editors-digest")

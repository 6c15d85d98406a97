"""`digest issue correct`, as it is typed."""

import json

import pytest

from digest.database.transactions import Database
from tests.cli.conftest import CommandLine
from tests.cli.test_issue_controls import sending

__all__ = ["sending"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_paused_issue_is_corrected(sending: CommandLine, database: Database) -> None:
    words = ("--words", "It said seven.", "--by", "imara")
    early = sending("issue", "correct", "editors-digest", "--note", "Eight.", *words)
    assert (early.exit_code, "Pause it first" in early.err) == (1, True)
    sending("issue", "pause", "editors-digest")
    done = sending("issue", "correct", "editors-digest", "--note", "Eight.", *words)
    assert done.exit_code == 0, done.err
    assert "After the freeze, the note was corrected." in done.out
    assert "1 had it already. 2 get the corrected one: digest issue resume" in done.out
    again = sending("issue", "correct", "editors-digest", "--note", "Eight.", *words)
    assert "It reads so already." in again.out
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

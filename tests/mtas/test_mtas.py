"""The machinery of `make mtas`, without what it installs."""

from dataclasses import replace
from itertools import groupby

import pytest
from click.testing import CliRunner

from digest.database.transactions import Database
from tests.delivery.conftest import Press
from tests.factories import make_settings
from tests.mtas.__main__ import main
from tests.mtas.audience import FEWEST, REFUSED_IN_A_ROW, Kind, audience, instruct, kind_of
from tests.mtas.calls import Calls
from tests.mtas.playing import Play, Result
from tests.mtas.servers import SERVERS, MailServer, Ports
from tests.mtas.table import table
from tests.scripted_smtp import ScriptedRelay


@pytest.fixture(scope="module")
def calls() -> Calls:
    return Calls()


@pytest.fixture
def press(database_url: str, database: Database) -> Press:
    return Press(database, make_settings(database_url))


@pytest.mark.parametrize("readers", [FEWEST, 120, 500])
def test_an_audience_has_a_run_that_the_server_refuses_and_some_of_each_kind(readers: int) -> None:
    emails = audience(readers)
    runs = [(kind, len(list(run))) for kind, run in groupby(emails, kind_of)]

    assert len(set(emails)) == len(emails) == readers
    assert {kind for kind, _ in runs} == set(Kind)
    assert (Kind.UNKNOWN, REFUSED_IN_A_ROW) in runs
    assert runs[0][0] is Kind.KNOWN


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_play_tells_who_got_too_much_and_whose_report_is_lacking(
    press: Press, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.mtas.playing.ARRIVING_SECONDS", 0.5)
    with ScriptedRelay() as relay:
        # It refuses nobody whom the next hop of a real one would refuse.
        relay.always("RCPT", "550 5.1.1 No such mailbox", when=f"<{Kind.UNKNOWN}")
        press.relay_at(relay.port)
        result = Result("Scripted")
        Play(press, relay, calls, audience(FEWEST), result).run()

    assert not result.holds
    assert (result.delivered, result.expected) == (32, 27)
    assert (result.refused, result.in_doubt) == (28, 0)
    assert "the first issue: 5 messages too many" in result.wrong
    assert "0 reports about 3 readers: 0 read, 0 final, 0 deliveries bounced" in result.wrong
    assert [each for each in result.wrong if "lacking" in each or "is parked" in each] == []
    assert result.connections == (1, 1)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_play_tells_of_readers_who_are_refused_and_of_a_habit_that_was_not_learnt(
    press: Press, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.mtas.playing.ARRIVING_SECONDS", 0.5)
    # Who is put off keeps an issue open.
    monkeypatch.setattr("tests.mtas.playing.SENDING_SECONDS", 0.5)
    with ScriptedRelay(extensions=("PIPELINING", "ENHANCEDSTATUSCODES")) as relay:
        instruct(relay)
        press.relay_at(relay.port)
        result = Result("Scripted")
        play = Play(press, relay, calls, audience(FEWEST), result)
        play.loses_behind_dot, play.reports = True, False
        play.run()

    assert result.report == "none is sent"
    assert any("GONE failed (550 5.1.1 No such mailbox)" in each for each in result.wrong)
    assert any("behind the dot" in each for each in result.wrong)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_play_at_a_limit_holds_where_the_issue_pauses(press: Press, calls: Calls) -> None:
    press.settings = replace(press.settings, window_size=20)
    emails = [f"{Kind.KNOWN}{number}@example.org" for number in range(60)]
    with ScriptedRelay() as relay:
        relay.script("RCPT", *[None] * 20)
        relay.always("RCPT", "450 4.7.1 Error: too many recipients")
        press.relay_at(relay.port)
        result = Result("Limited")
        Play(press, relay, calls, emails, result).run_at_its_limit(20)
    assert (result.wrong, result.delivered) == ([], 20)
    assert result.habits == "paused; 0 tries counted"


def test_the_table_tells_what_was_wrong_and_what_is_missing() -> None:
    good = Result(
        "Postfix",
        version="3.7",
        offers=["size"],
        delivered=87,
        expected=87,
        connections=(2, 1),
        seconds=(1.26, 0.5),
        habits="-",
        report="multipart/report: 5.1.1, 3 of 3 final",
    )
    wrong = Result("Exim", wrong=["the first issue is parked: no"])
    missing = Result("Courier", missing="debootstrap is not on this machine.")
    lines = table([good, wrong, missing]).splitlines()

    assert lines[1].split()[:4] == ["Postfix", "3.7", "87/87", "0"]
    assert "1.3, 0.5" in lines[1]
    assert "  WRONG the first issue is parked: no" in lines
    assert lines[-1] == "Courier  not tried: debootstrap is not on this machine."
    assert [each.holds for each in (good, wrong, missing)] == [True, False, False]


def test_a_server_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    answer = CliRunner().invoke(main, ["--only", "Exchange"])

    assert answer.exit_code == 2
    assert "Exchange" in answer.output
    assert all(server.name in answer.output for server in SERVERS)


@pytest.mark.parametrize("server", SERVERS, ids=lambda server: server.name)
def test_each_server_is_told_its_port_and_its_next_hop(server: MailServer) -> None:
    told = "\n".join(server.files(Ports(20001, 20002, 20003)).values()) + server.script

    assert "20001" in told
    assert "20002" in told or "$NEXT_HOP" in told

"""How a sender takes its rows: by sessions, and in one statement on PostgreSQL."""

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text, update

from digest.database.transactions import HeldDatabase
from digest.delivery.ledger import claiming
from digest.delivery.messages import load_mailing
from digest.delivery.relay.connection import Fate, Outcome, Stage
from digest.delivery.windows import NOTHING, QuickWindows, Told, Windows, open_windows
from digest.errors import UnavailableError
from digest.models import DeliveryState, Issue, IssueState, Subscription
from tests.delivery.conftest import Press, readers
from tests.delivery.test_faults import end_leases, sweep, wait_for_recipient
from tests.factories import NOW
from tests.scripted_smtp import Hold, ScriptedRelay

ACCEPTED, EXCLUDED, FAILED = DeliveryState.ACCEPTED, DeliveryState.EXCLUDED, DeliveryState.FAILED
QUEUED, SENDING = DeliveryState.QUEUED, DeliveryState.SENDING
IN_DOUBT = DeliveryState.IN_DOUBT
POSTGRESQL = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@contextmanager
def opened(press: Press, issue_id: int, kind: type[Windows] | None = None) -> Iterator[Windows]:
    with press.database.transaction() as session:
        claiming.start_sending(session, issue_id)
        mailing = load_mailing(session, issue_id)
    with press.database.held() as held:
        make = kind or open_windows
        yield make(held, mailing, press.settings, press.clock)


def outcome(reader: int, fate: Fate = Fate.ACCEPTED) -> Outcome:
    return Outcome(reader, fate, None, Stage.FINAL_DOT)


@pytest.fixture(params=[Windows, None], ids=["sessions", "whatever is quickest"])
def kind(request: pytest.FixtureRequest) -> type[Windows] | None:
    return request.param  # type: ignore[no-any-return]


def test_a_window_is_taken_from_the_queue_and_written_down_with_the_next(
    press: Press, kind: type[Windows] | None
) -> None:
    issue_id = press.frozen_issue(*readers(5))
    with opened(press, issue_id, kind) as windows:
        first = windows.turn(NOTHING, 3)
        assert first.rows == 3
        assert Counter(press.states(issue_id)) == {SENDING: 3, QUEUED: 2}
        there = windows.read(first.token)
        assert {reader.email for reader in there} <= set(readers(5))
        assert {reader.reason for reader in there} == {None}
        told = Told(first.token, [outcome(reader.subscriber_id) for reader in there])
        second = windows.turn(told, 3)
        assert (second.rows, Counter(press.states(issue_id))) == (2, {ACCEPTED: 3, SENDING: 2})
        windows.write(
            Told(second.token, [outcome(r.subscriber_id) for r in windows.read(second.token)])
        )
        assert windows.turn(NOTHING, 3).rows == 0
    rows = press.rows(issue_id)
    assert {(row.state, row.attempts, row.code) for row in rows} == {(ACCEPTED, 1, 250)}
    assert {row.lease_until for row in rows} == {None}
    assert None not in {row.final_at for row in rows}


def test_whoever_left_is_excluded_and_whoever_leaves_later_is_told_of(
    press: Press, kind: type[Windows] | None
) -> None:
    issue_id = press.frozen_issue(*readers(3))
    gone, late, stays = (row.subscriber_id for row in press.rows(issue_id))
    leave(press, gone)
    with opened(press, issue_id, kind) as windows:
        window = windows.turn(NOTHING, 5)
        assert window.rows == 3
        leave(press, late)
        found = {reader.subscriber_id: reader.reason for reader in windows.read(window.token)}
        assert found == {late: "left", stays: None}
    first = press.rows(issue_id)[0]
    assert (first.state, first.reason) == (EXCLUDED, "left")


def leave(press: Press, reader: int) -> None:
    with press.database.transaction() as session:
        session.execute(
            update(Subscription).where(Subscription.subscriber_id == reader).values(ended_at=NOW)
        )


def test_a_window_that_did_not_go_smoothly_is_written_down_with_the_next_as_well(
    press: Press, kind: type[Windows] | None
) -> None:
    issue_id = press.frozen_issue(*readers(4))
    with opened(press, issue_id, kind) as windows:
        window = windows.turn(NOTHING, 2)
        one, other = (reader.subscriber_id for reader in windows.read(window.token))
        told = Told(window.token, [outcome(one), outcome(other, Fate.REFUSED)])
        assert windows.turn(told, 1).rows == 1
    assert Counter(press.states(issue_id)) == {ACCEPTED: 1, FAILED: 1, SENDING: 1, QUEUED: 1}


@pytest.mark.parametrize("state", [IssueState.PAUSED, IssueState.CANCELLED, IssueState.PARKED])
def test_nothing_is_taken_of_an_issue_that_does_not_send(
    press: Press, kind: type[Windows] | None, state: IssueState
) -> None:
    issue_id = press.frozen_issue(*readers(2))
    with opened(press, issue_id, kind) as windows:
        with press.database.transaction() as session:
            session.execute(update(Issue).values(state=state))
        assert windows.turn(NOTHING, 2).rows == 0
    assert press.states(issue_id) == [QUEUED] * 2


def test_rows_that_another_is_taking_are_passed_over(
    press: Press, kind: type[Windows] | None
) -> None:
    issue_id = press.frozen_issue(*readers(6))
    with opened(press, issue_id, kind) as windows, opened(press, issue_id, kind) as others:
        tokens = [windows.turn(NOTHING, 2).token, others.turn(NOTHING, 2).token]
        taken = [{r.subscriber_id for r in windows.read(token)} for token in tokens]
    assert [len(each) for each in taken] == [2, 2]
    assert not taken[0] & taken[1]


def test_a_window_of_a_claim_that_opened_unheard_is_found(
    press: Press, kind: type[Windows] | None
) -> None:
    issue_id = press.frozen_issue(*readers(3))
    with opened(press, issue_id, kind) as windows:
        claim = windows.claim_some(3)
        assert claim is not None
        # Committed, and the answer was lost.
        with press.database.transaction() as session:
            claiming.open_window(session, issue_id, claim, size=3, lease_seconds=60, now=NOW)
        window = windows.turn(NOTHING, 3)
        there = windows.read(window.token)
        assert (window.rows, len(there)) == (3, 3), "nobody else knows of them"
        told = Told(window.token, [outcome(reader.subscriber_id) for reader in there])
        assert windows.turn(told, 3).rows == 0
    assert press.states(issue_id) == [ACCEPTED] * 3


def lose_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the next statement done, and its answer lost."""
    run = HeldDatabase.run
    lost = [True]

    def run_and_be_cut_off(
        held: HeldDatabase, statement: str, values: Mapping[str, object]
    ) -> list[tuple[Any, ...]]:
        rows = run(held, statement, values)
        if lost.pop() if lost else False:
            raise UnavailableError("The answer was lost.")
        return rows

    monkeypatch.setattr(HeldDatabase, "run", run_and_be_cut_off)


@POSTGRESQL
def test_a_window_that_opened_unheard_is_found_and_no_second_one_opened(
    press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    issue_id = press.frozen_issue(*readers(4))
    with opened(press, issue_id) as windows:
        assert isinstance(windows, QuickWindows)
        lose_an_answer(monkeypatch)
        with pytest.raises(UnavailableError):
            windows.turn(NOTHING, 2)
        assert press.states(issue_id).count(SENDING) == 2
        window = windows.turn(NOTHING, 2)
        assert window.rows == 2
        assert len(windows.read(window.token)) == 2
    assert press.states(issue_id).count(SENDING) == 2, "and not four, two of which nobody holds"


@POSTGRESQL
def test_a_window_that_opened_unheard_and_was_given_up_goes_back_to_the_queue(
    press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    issue_id = press.frozen_issue(*readers(4))
    with opened(press, issue_id) as windows:
        lose_an_answer(monkeypatch)
        with pytest.raises(UnavailableError):
            windows.turn(NOTHING, 2)
        end_leases(press.database)
        sweep(press)
        assert press.states(issue_id).count(IN_DOUBT) == 2
        assert windows.turn(NOTHING, 4).rows == 4


@POSTGRESQL
def test_a_connection_that_was_cut_is_made_anew_with_the_same_manners(press: Press) -> None:
    manners = "SHOW plan_cache_mode"
    with press.database.held() as held:
        [(pid,)] = held.run("SELECT pg_backend_pid()", {})
        assert held.run(manners, {}) == [("force_generic_plan",)]
        with press.database.transaction() as session:
            session.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
        with pytest.raises(UnavailableError):
            held.run("SELECT 1", {})
        assert held.run("SELECT 1", {}) == [(1,)]
        assert held.run(manners, {}) == [("force_generic_plan",)]
        with held.transaction() as session:
            assert session.scalar(text("SELECT 2")) == 2
        with held.reading() as session:
            assert session.scalar(text("SELECT 3")) == 3
        assert held.run("SELECT 4", {}) == [(4,)]
    with press.database.transaction() as session:
        assert session.scalar(text(manners)) == "auto", "the next to have it knows nothing of it"


@POSTGRESQL
def test_what_is_run_alone_is_committed_and_a_mistake_in_it_is_no_outage(press: Press) -> None:
    press.frozen_issue(*readers(1))
    with press.database.held() as held:
        assert len(held.run("UPDATE issue SET reason = 'x' RETURNING id", {})) == 1
        with pytest.raises(Exception, match="no_such_table"):
            held.run("SELECT 1 FROM no_such_table", {})
        assert held.run("SELECT reason FROM issue", {}) == [("x",)]


@POSTGRESQL
def test_connections_of_one_task_share_its_window_and_send_each_message_once(press: Press) -> None:
    press.settings = replace(press.settings, connections=2, window_size=6)
    go_on = threading.Event()
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue(*readers(40))
        worker = threading.Thread(target=press.deliver, args=(issue_id,))
        relay.script("dot", *[None] * 6, Hold(go_on), Hold(go_on))
        worker.start()
        wait_for_recipient(relay)
        relay.wait_for(6)
        on_the_wire = max(press.states(issue_id).count(SENDING) for _ in range(20))
        go_on.set()
        worker.join(20)
        sent = Counter(message.recipients[0] for message in relay.messages)
    assert relay.connections == 2
    assert on_the_wire <= 6
    assert sent == Counter(readers(40))
    assert press.states(issue_id) == [ACCEPTED] * 40
    assert press.issue(issue_id).state is IssueState.SENT


@POSTGRESQL
def test_a_small_issue_needs_one_connection(press: Press) -> None:
    press.settings = replace(press.settings, connections=4, window_size=40)
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue(*readers(9))
        press.deliver(issue_id)
        assert (relay.connections, len(relay.messages)) == (1, 9)
    assert press.issue(issue_id).state is IssueState.SENT


def test_a_window_that_was_given_up_before_any_of_it_was_sent_goes_back_to_the_queue(
    press: Press, kind: type[Windows] | None
) -> None:
    issue_id = press.frozen_issue(*readers(3))
    with opened(press, issue_id, kind) as windows:
        window = windows.turn(NOTHING, 2)
        end_leases(press.database)
        sweep(press)
        assert Counter(press.states(issue_id)) == {IN_DOUBT: 2, QUEUED: 1}
        assert windows.read(window.token) == []
        windows.take_back(window.token)
    assert press.states(issue_id) == [QUEUED] * 3


def test_what_is_in_doubt_of_an_earlier_window_of_the_same_claim_stays_so(
    press: Press, kind: type[Windows] | None
) -> None:
    issue_id = press.frozen_issue(*readers(2))
    with opened(press, issue_id, kind) as windows:
        windows.claim_some(2)
        first = windows.turn(NOTHING, 1)
        [reader] = windows.read(first.token)
        told = Told(first.token, [outcome(reader.subscriber_id, Fate.IN_DOUBT)])
        second = windows.turn(told, 1)
        windows.take_back(second.token)
    assert Counter(press.states(issue_id)) == {IN_DOUBT: 1, SENDING: 1}

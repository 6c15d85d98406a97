"""Pausing, resuming and cancelling, in mid-send and before."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import delete, text, update
from sqlalchemy.orm import Session

from digest.database.tables import database_now
from digest.database.transactions import Database
from digest.delivery.controls import pausing
from digest.delivery.ledger import claiming, sweeping
from digest.delivery.relay.connection import Fate, Outcome, Stage
from digest.errors import RefusedError
from digest.models import (
    Article,
    Delivery,
    DeliveryState,
    InDoubtPolicy,
    Issue,
    IssueState,
)
from digest.newsroom.issues.composing import compose, create_issue
from tests.delivery.conftest import Press, readers
from tests.delivery.test_faults import (
    account,
    by_address,
    claim_and_open,
    end_leases,
    make_due,
    sweep,
    wait_for_recipient,
)
from tests.factories import NOW, make_issue, make_newsletter
from tests.scripted_smtp import Answer, Drop, Hold, ScriptedRelay

ACCEPTED, CANCELLED, QUEUED = (
    DeliveryState.ACCEPTED,
    DeliveryState.CANCELLED,
    DeliveryState.QUEUED,
)
IN_DOUBT, CLAIMED, SENDING = (
    DeliveryState.IN_DOUBT,
    DeliveryState.CLAIMED,
    DeliveryState.SENDING,
)


def pause(press: Press, issue_id: int) -> bool:
    with press.database.transaction() as session:
        return pausing.pause(session, issue_id, "imara", "a wrong headline")


def resume(press: Press, issue_id: int) -> bool:
    with press.database.transaction() as session:
        return pausing.resume(session, issue_id, press.clock.now())


def cancel(press: Press, issue_id: int) -> bool:
    with press.database.transaction() as session:
        changed = pausing.cancel(session, issue_id, "imara", "the press stood under water")
    pausing.withdraw_rows(press.database, issue_id)
    return changed


def set_state(press: Press, state: IssueState, **values: object) -> None:
    with press.database.transaction() as session:
        session.execute(update(Issue).values(state=state, **values))


@contextmanager
def in_mid_send(press: Press, relay: ScriptedRelay, issue_id: int) -> Iterator[None]:
    """Have a worker wait for the relay's answer to its first message, until the end of this."""
    go_on = threading.Event()
    relay.script("dot", Hold(go_on))
    worker = threading.Thread(target=press.deliver, args=(issue_id,))
    worker.start()
    try:
        wait_for_recipient(relay)
        yield
    finally:
        go_on.set()
        worker.join(20)
    assert not worker.is_alive()


# Pause and resume


def test_pausing_lets_the_open_window_finish_and_opens_no_other(press: Press) -> None:
    press.settings = replace(press.settings, window_size=5)
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue(*readers(40))
        with in_mid_send(press, relay, issue_id):
            assert pause(press, issue_id)
        assert len(relay.messages) == 5
        assert press.deliver(issue_id) is False
        assert len(relay.messages) == 5
        issue = press.issue(issue_id)
        assert (issue.state, issue.reason) == (
            IssueState.PAUSED,
            "imara paused it: a wrong headline",
        )
        assert press.states(issue_id).count(QUEUED) == 35, "what was claimed went back"
        assert resume(press, issue_id)
        press.deliver(issue_id)
        assert sorted(m.recipients[0] for m in relay.messages) == sorted(readers(40))
    issue = press.issue(issue_id)
    assert (issue.state, issue.reason) == (IssueState.SENT, None)


def test_the_leases_of_a_paused_issue_run_out_safely(press: Press) -> None:
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue(*readers(6), in_doubt_policy=InDoubtPolicy.RESEND)
        claim_and_open(press, issue_id, size=2)
        with press.database.transaction() as session:
            claiming.claim(session, issue_id, size=2, lease_seconds=60)
        pause(press, issue_id)
        end_leases(press.database)
        sweep(press, wait=0)
        states = press.states(issue_id)
        assert (states.count(IN_DOUBT), states.count(QUEUED)) == (2, 4)
        press.deliver(issue_id)
        assert relay.messages == []
        resume(press, issue_id)
        sweep(press, wait=0)
        press.deliver(issue_id)
        assert len(relay.messages) == 6, "what was in doubt is sent again once it goes on"


@pytest.mark.parametrize("state", [IssueState.FROZEN, IssueState.PARKED])
def test_a_frozen_and_a_parked_issue_can_be_paused(press: Press, state: IssueState) -> None:
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue(*readers(3))
        set_state(press, state, reason="451 later", parked_until=database_now(-1))
        pause(press, issue_id)
        assert press.issue(issue_id).parked_until is None
        with press.database.transaction() as session:
            sweeping.resume_parked(session)
            assert sweeping.issues_with_work(session) == []
        press.deliver(issue_id)
        assert relay.messages == []
        resume(press, issue_id)
        press.deliver(issue_id)
        assert len(relay.messages) == 3


def test_a_parked_issue_can_be_resumed_at_once(press: Press) -> None:
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue(*readers(3))
        relay.script("connect", "554 5.7.1 listed")
        press.deliver(issue_id)
        assert press.issue(issue_id).state is IssueState.PARKED
        assert resume(press, issue_id)
        issue = press.issue(issue_id)
        assert (issue.state, issue.reason, issue.parked_until) == (IssueState.SENDING, None, None)
        press.deliver(issue_id)
        assert len(relay.messages) == 3


def test_what_was_done_already_is_not_done_again(press: Press) -> None:
    issue_id = press.frozen_issue("robin@example.org")
    assert not resume(press, issue_id), "it is on its way"
    assert pause(press, issue_id)
    with press.database.transaction() as session:
        assert not pausing.pause(session, issue_id, "joss")
    assert press.issue(issue_id).reason == "imara paused it: a wrong headline"
    assert cancel(press, issue_id)
    with press.database.transaction() as session:
        assert not pausing.cancel(session, issue_id, "joss")
    assert press.issue(issue_id).reason == "imara cancelled it: the press stood under water"


WAITING = (IssueState.DRAFT, IssueState.SCHEDULED, IssueState.HELD)
OVER = (IssueState.SENT, IssueState.SKIPPED)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("act", "states"),
    [
        (pause, (*WAITING, *OVER, IssueState.CANCELLED)),
        (resume, (*WAITING, *OVER, IssueState.CANCELLED)),
        (cancel, OVER),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(
    press: Press, act: Callable[[Press, int], bool], states: tuple[IssueState, ...]
) -> None:
    issue_id = press.frozen_issue("robin@example.org")
    for state in states:
        set_state(press, state, reason="For a reason.")
        with pytest.raises(RefusedError):
            act(press, issue_id)
        issue = press.issue(issue_id)
        assert (issue.state, issue.reason) == (state, "For a reason.")
        assert press.states(issue_id) == [QUEUED]


def test_who_and_why_fit_the_column_and_one_line(press: Press) -> None:
    issue_id = press.frozen_issue("robin@example.org")
    with press.database.transaction() as session:
        pausing.pause(session, issue_id, "imara", "one\ntwo " + "x" * 600)
    reason = press.issue(issue_id).reason
    assert reason is not None
    assert reason.startswith("imara paused it: one two xxx")
    assert len(reason) == 500


# Cancel


def test_cancelling_in_mid_send_lets_the_open_window_finish(press: Press) -> None:
    press.settings = replace(press.settings, window_size=5)
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue(*readers(40))
        with in_mid_send(press, relay, issue_id):
            cancel(press, issue_id)
            found = press.states(issue_id)
            assert (found.count(SENDING), found.count(CANCELLED)) == (5, 35)
        assert len(relay.messages) == 5
        end_leases(press.database)
        sweep(press)
        press.deliver(issue_id)
        assert len(relay.messages) == 5
    issue = press.issue(issue_id)
    assert (issue.state, issue.unaccounted) == (IssueState.CANCELLED, 0)
    assert issue.reason == "imara cancelled it: the press stood under water"
    found = press.states(issue_id)
    assert (found.count(ACCEPTED), found.count(CANCELLED)) == (5, 35)
    assert all(row.final_at and row.claim is None for row in press.rows(issue_id) if not row.code)
    assert account(press, issue_id).missed == 35


@pytest.mark.parametrize(
    ("step", "answer", "becomes"),
    [
        ("RCPT", "451 4.7.1 later", CANCELLED),
        ("dot", "452 4.2.2 full", CANCELLED),
        ("DATA", Drop(), CANCELLED),
        ("RCPT", "550 5.1.1 unknown", DeliveryState.FAILED),
        ("dot", Drop(), IN_DOUBT),
    ],
)
def test_what_was_on_the_wire_when_it_was_cancelled_is_not_queued_again(
    press: Press, step: str, answer: Answer, becomes: DeliveryState
) -> None:
    press.settings = replace(press.settings, window_size=1)
    go_on = threading.Event()
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue("robin@example.org")
        relay.script("MAIL", Hold(go_on))
        relay.script(step, answer)
        worker = threading.Thread(target=press.deliver, args=(issue_id,))
        worker.start()
        wait_for_recipient_or_sender(relay)
        cancel(press, issue_id)
        assert press.states(issue_id) == [SENDING]
        go_on.set()
        worker.join(20)
        end_leases(press.database)
        for _ in range(2):
            sweep(press, wait=0)
            make_due(press, issue_id)
            press.deliver(issue_id)
        assert relay.connections == 1
    [row] = press.rows(issue_id)
    assert row.state is becomes
    assert (row.final_at is None) is (becomes is IN_DOUBT)
    account(press, issue_id)


def wait_for_recipient_or_sender(relay: ScriptedRelay) -> None:
    for _ in range(1000):
        if any(command.startswith("MAIL") for _, command in list(relay.commands)):
            return
        threading.Event().wait(0.01)
    raise AssertionError("no message came")


def test_a_cancelled_issue_is_withdrawn_by_its_workers_where_the_command_could_not(
    press: Press,
) -> None:
    issue_id = press.frozen_issue(*readers(5))
    with press.database.transaction() as session:
        claiming.start_sending(session, issue_id)
        claiming.claim(session, issue_id, size=2, lease_seconds=60)
        pausing.cancel(session, issue_id, "imara")
    with press.database.reading() as session:
        assert sweeping.issues_with_work(session) == [issue_id]
    assert press.deliver(issue_id) is False
    assert press.states(issue_id) == [CANCELLED] * 5
    with press.database.reading() as session:
        assert sweeping.issues_with_work(session) == []


def test_withdrawing_stops_when_it_is_told_to_and_goes_on_later(
    press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pausing, "SLICE", 2)
    issue_id = press.frozen_issue(*readers(5))
    with press.database.transaction() as session:
        pausing.cancel(session, issue_id, "imara")
    assert pausing.withdraw_rows(press.database, issue_id, go_on=lambda: False)
    assert press.states(issue_id).count(CANCELLED) == 2
    press.stopping.set()
    assert press.deliver(issue_id), "told to stop, it rings again"
    assert press.states(issue_id).count(CANCELLED) == 4
    assert not pausing.withdraw_rows(press.database, issue_id)
    assert press.states(issue_id) == [CANCELLED] * 5


def test_no_other_issue_is_withdrawn(press: Press) -> None:
    issue_id = press.frozen_issue(*readers(2))
    for state in IssueState:
        if state is not IssueState.CANCELLED:
            set_state(press, state)
            with press.database.transaction() as session:
                assert sweeping.withdraw(session, issue_id, at_most=10) == 0
            assert not pausing.withdraw_rows(press.database, issue_id)
    assert press.states(issue_id) == [QUEUED] * 2


def test_a_row_that_was_queued_as_the_issue_was_cancelled_is_found_by_the_tick(
    press: Press,
) -> None:
    issue_id = press.frozen_issue(*readers(2))
    cancel(press, issue_id)
    # Deferred by a statement that began before the cancelling was committed.
    with press.database.transaction() as session:
        session.execute(update(Delivery).values(state=QUEUED, final_at=None))
    with press.database.reading() as session:
        assert sweeping.issues_with_work(session) == [issue_id]
    press.deliver(issue_id)
    assert press.states(issue_id) == [CANCELLED] * 2


@pytest.mark.parametrize("fate", [Fate.UNSENT, Fate.DEFERRED])
def test_a_late_word_on_a_doubt_of_a_cancelled_issue_queues_nothing(
    press: Press, fate: Fate
) -> None:
    issue_id = press.frozen_issue("robin@example.org")
    token = claim_and_open(press, issue_id)
    end_leases(press.database)
    sweep(press)
    cancel(press, issue_id)
    assert press.states(issue_id) == [IN_DOUBT], "what is in doubt stays so"
    [row] = press.rows(issue_id)
    with press.database.transaction() as session:
        outcome = Outcome(row.subscriber_id, fate, None, Stage.FINAL_DOT)
        claiming.record(session, issue_id, token, [outcome])
    assert press.states(issue_id) == [CANCELLED]


def test_what_is_given_back_to_a_cancelled_issue_is_cancelled(press: Press) -> None:
    issue_id = press.frozen_issue("robin@example.org")
    with press.database.transaction() as session:
        claiming.start_sending(session, issue_id)
        token = claiming.claim(session, issue_id, size=1, lease_seconds=60)
        assert token is not None
        pausing.cancel(session, issue_id, "imara")
        claiming.release(session, issue_id, token)
    [row] = press.rows(issue_id)
    assert (row.state, row.claim) == (CANCELLED, None)
    assert row.final_at is not None


@pytest.mark.parametrize("state", WAITING)
def test_what_was_cancelled_before_its_freeze_is_never_frozen(
    database: Database, press: Press, state: IssueState
) -> None:
    with database.transaction() as session:
        issue_id = make_issue(session, make_newsletter(session), [], state).id
    assert cancel(press, issue_id)
    assert not press.freeze(issue_id)
    issue = press.issue(issue_id)
    assert (issue.state, issue.number, issue.unaccounted) == (IssueState.CANCELLED, None, None)


@pytest.mark.parametrize("accepted", [True, False])
def test_cancelling_gives_the_articles_back_unless_somebody_got_them(
    press: Press, accepted: bool
) -> None:
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue(*readers(2))
        if accepted:
            relay.script("RCPT", "451 4.7.1 later", when="reader1")
            press.deliver(issue_id)
        cancel(press, issue_id)
    with press.database.transaction() as session:
        session.execute(update(Article).values(first_seen_at=NOW))
        newsletter = session.get_one(Issue, issue_id).newsletter
        after = create_issue(session, newsletter, (NOW + timedelta(days=7)).date(), NOW)
        compose(session, after, NOW)
        assert len(after.stories) == (0 if accepted else 3)


def test_an_issue_that_was_closed_first_is_not_cancelled(press: Press) -> None:
    issue_id = press.frozen_issue()
    press.deliver(issue_id)
    with pytest.raises(RefusedError, match="It has gone out"):
        cancel(press, issue_id)
    assert press.issue(issue_id).state is IssueState.SENT


# Two at once, which SQLite does one after the other


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    ("begins", "other", "wins"),
    [
        (
            IssueState.SENDING,
            lambda s, i: sweeping.close_if_done(s, i, NOW),
            IssueState.SENT,
        ),
        (
            IssueState.SENDING,
            lambda s, i: sweeping.park(s, i, "451 later", seconds=60),
            IssueState.CANCELLED,
        ),
        (IssueState.PARKED, lambda s, _: sweeping.resume_parked(s), IssueState.CANCELLED),
        (IssueState.SENDING, lambda s, i: pausing.pause(s, i, "joss"), IssueState.CANCELLED),
    ],
    ids=["close", "park", "resume", "pause"],
)
@pytest.mark.parametrize("first", ["cancel", "other"])
def test_a_cancel_that_crosses_another_move_corrupts_nothing(
    press: Press,
    begins: IssueState,
    other: Callable[[Session, int], object],
    wins: IssueState,
    first: str,
) -> None:
    issue_id = press.frozen_issue()
    set_state(press, begins, parked_until=database_now(-1))
    errors: list[RefusedError] = []

    def cancel_it(session: Session, _: int) -> None:
        pausing.cancel(session, issue_id, "imara")

    def second_in_line() -> None:
        try:
            with press.database.transaction() as session:
                (other if first == "cancel" else cancel_it)(session, issue_id)
        except RefusedError as error:
            errors.append(error)

    with press.database.transaction() as session:
        (cancel_it if first == "cancel" else other)(session, issue_id)
        behind = threading.Thread(target=second_in_line)
        behind.start()
        wait_until_blocked(press.database)
    behind.join(20)
    expected = wins if first == "other" else IssueState.CANCELLED
    issue = press.issue(issue_id)
    assert issue.state is expected
    if expected is IssueState.CANCELLED:
        assert issue.reason == "imara cancelled it."


def wait_until_blocked(database: Database) -> None:
    """Return when a session waits for a lock, or when half a second has shown that none does."""
    for _ in range(50):
        with database.reading() as session:
            found = session.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted"))
        if found:
            return
        threading.Event().wait(0.01)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_cancel_during_the_freeze_waits_and_then_withdraws_the_whole_audience(
    press: Press,
) -> None:
    issue_id = press.frozen_issue(*readers(3))
    with press.database.transaction() as session:
        session.execute(delete(Delivery))
        session.execute(update(Issue).values(state=IssueState.SCHEDULED))
    with press.database.transaction() as freezing:
        freezing.execute(update(Issue).values(state=IssueState.FROZEN))
        cancelling = threading.Thread(target=cancel, args=(press, issue_id))
        cancelling.start()
        wait_until_blocked(press.database)
        for number in range(3):
            freezing.add(
                Delivery(
                    issue_id=issue_id, subscriber_id=number, rendering_id=1,
                    released_at=NOW, next_attempt_at=NOW,
                )
            )  # fmt: skip
        freezing.flush()
    cancelling.join(20)
    assert press.issue(issue_id).state is IssueState.CANCELLED
    assert press.states(issue_id) == [CANCELLED] * 3


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_cancelling_waits_for_no_row_that_a_worker_is_writing(press: Press) -> None:
    issue_id = press.frozen_issue(*readers(4))
    with press.database.transaction() as session:
        claiming.start_sending(session, issue_id)
        token = claiming.claim(session, issue_id, size=2, lease_seconds=60)
    assert token is not None
    with press.database.transaction() as opening:
        claiming.open_window(opening, issue_id, token, size=2, lease_seconds=60, now=NOW)
        cancel(press, issue_id)
    assert sorted(press.states(issue_id)) == [CANCELLED, CANCELLED, SENDING, SENDING]
    end_leases(press.database)
    sweep(press)
    assert sorted(press.states(issue_id)) == [CANCELLED, CANCELLED, IN_DOUBT, IN_DOUBT]
    assert len(by_address(press, issue_id)) == 4

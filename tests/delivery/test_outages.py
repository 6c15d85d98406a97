"""The database goes away, or bytes cannot be made, while an issue is being sent."""

import threading
from dataclasses import replace

import pytest
from sqlalchemy import select, text, update

from digest.database.tables import database_now
from digest.database.transactions import Database
from digest.delivery.ledger import claiming, sweeping
from digest.delivery.ledger.claiming import Recipient
from digest.delivery.sending import deliver_issue
from digest.delivery.windows import QuickWindows, Windows
from digest.models import (
    Delivery,
    DeliveryState,
    InDoubtPolicy,
    Issue,
    IssueState,
    Newsletter,
    Rendering,
    Subscriber,
)
from tests.delivery.conftest import Press, readers
from tests.delivery.test_faults import by_address, end_leases, sweep, wait_for_recipient
from tests.factories import NOW, make_settings
from tests.scripted_smtp import Hold, ScriptedRelay
from tests.servers.postgresql import PrivatePostgres

ACCEPTED, QUEUED = DeliveryState.ACCEPTED, DeliveryState.QUEUED


def test_what_the_relay_took_is_written_down_when_the_database_is_back(
    stoppable: tuple[PrivatePostgres, Database],
) -> None:
    server, database = stoppable
    press = Press(database, make_settings(database.url))
    go_on = threading.Event()
    failed: list[Exception] = []

    def work() -> None:
        try:
            press.deliver(issue_id)
        except Exception as error:  # noqa: BLE001 - shown by the assertion below
            failed.append(error)

    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue(*readers(5))
        relay.script("dot", Hold(go_on))
        worker = threading.Thread(target=work)
        worker.start()
        wait_for_recipient(relay)
        server.stop()
        go_on.set()
        relay.wait_for(5)
        server.start()
        worker.join(60)
    assert not failed
    assert press.states(issue_id) == [ACCEPTED] * 5, "nothing is in doubt"
    assert [row.attempts for row in press.rows(issue_id)] == [1] * 5
    assert press.issue(issue_id).state is IssueState.SENT


def test_messages_that_cannot_be_written_leave_nobody_in_doubt(press: Press) -> None:
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue(*readers(3))
        # An address that no URL slot takes, such as a setting with a space in it.
        links = replace(press.links, public_url="https://no such host")
        more = deliver_issue(
            press.database,
            issue_id,
            settings=press.settings,
            links=links,
            clock=press.clock,
            stopping=press.stopping,
        )
        assert not more
        assert relay.received == []
        issue = press.issue(issue_id)
        assert issue.state is IssueState.PARKED
        assert "could not be written" in (issue.reason or "")
        assert press.states(issue_id) == [QUEUED] * 3
        resume(press)
        press.deliver(issue_id)
        assert len(relay.messages) == 3


def resume(press: Press) -> None:
    with press.database.transaction() as session:
        session.execute(update(Issue).values(parked_until=database_now(-1)))
        sweeping.resume_parked(session)


@pytest.mark.parametrize("broken", ["stencil", "from_address"])
def test_an_issue_whose_bytes_cannot_be_read_is_parked_with_the_reason(
    press: Press, broken: str
) -> None:
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue(*readers(2))
        with press.database.transaction() as session:
            if broken == "stencil":
                session.execute(update(Rendering).values(stencil=b"from another version"))
            else:
                session.execute(update(Newsletter).values(from_address="digest@no domain"))
        assert not press.deliver(issue_id)
        assert relay.received == []
    issue = press.issue(issue_id)
    assert issue.state is IssueState.PARKED
    assert issue.reason
    assert press.states(issue_id) == [QUEUED] * 2


def test_an_issue_with_nobody_left_to_send_to_is_closed_without_a_relay(press: Press) -> None:
    issue_id = press.frozen_issue()
    press.deliver(issue_id)
    assert press.issue(issue_id).state is IssueState.SENT, "there was nothing to connect for"


def test_a_duplicate_task_without_work_calls_no_relay(press: Press) -> None:
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue(*readers(2))
        relay.script("RCPT", "451 4.7.1 later", when="reader1")
        press.deliver(issue_id)
        calls = relay.connections
        for _ in range(3):
            press.deliver(issue_id)
        assert relay.connections == calls


def test_rows_are_given_back_when_the_relay_is_away(press: Press) -> None:
    issue_id = press.frozen_issue(*readers(3))
    press.deliver(issue_id)
    rows = press.rows(issue_id)
    assert [(row.state, row.claim, row.attempts) for row in rows] == [(QUEUED, None, 0)] * 3


def test_a_reply_of_an_earlier_try_does_not_stay_on_an_accepted_row(press: Press) -> None:
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue("robin@example.org")
        relay.script("RCPT", "451 4.7.1 greylisted")
        press.deliver(issue_id)
        with press.database.transaction() as session:
            session.execute(update(Delivery).values(next_attempt_at=database_now(-1)))
        press.deliver(issue_id)
    [row] = press.rows(issue_id)
    assert (row.state, row.code, row.enhanced, row.reply) == (ACCEPTED, 250, None, None)


def test_who_leaves_after_a_first_try_is_excluded_without_its_code(press: Press) -> None:
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue("robin@example.org")
        relay.script("RCPT", "451 4.7.1 greylisted")
        press.deliver(issue_id)
        with press.database.transaction() as session:
            session.execute(update(Delivery).values(next_attempt_at=database_now(-1)))
            session.execute(update(Subscriber).values(erased_at=database_now()))
        press.deliver(issue_id)
    [row] = press.rows(issue_id)
    assert (row.state, row.reason, row.code) == (DeliveryState.EXCLUDED, "erased", None)


def test_what_is_claimed_goes_back_at_once_when_the_issue_is_paused(press: Press) -> None:
    press.settings = replace(press.settings, window_size=2)
    go_on = threading.Event()
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue(*readers(10))
        relay.script("dot", Hold(go_on))
        worker = threading.Thread(target=press.deliver, args=(issue_id,))
        worker.start()
        wait_for_recipient(relay)
        with press.database.transaction() as session:
            session.execute(update(Issue).values(state=IssueState.PAUSED))
        go_on.set()
        worker.join(10)
    assert press.states(issue_id).count(QUEUED) == 8
    assert press.states(issue_id).count(ACCEPTED) == 2


def test_a_relay_that_hangs_up_between_two_windows_does_not_park_the_issue(press: Press) -> None:
    press.settings = replace(press.settings, window_size=5)
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue(*readers(20))
        relay.script("MAIL", *[None] * 5, "421 4.3.2 so many messages are enough")
        press.deliver(issue_id)
        assert len(relay.messages) == 20
        assert relay.connections == 2
    assert press.issue(issue_id).state is IssueState.SENT


def test_an_old_doubt_is_not_resent_when_the_policy_changes(press: Press) -> None:
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue("robin@example.org")
        with press.database.transaction() as session:
            session.execute(
                update(Delivery).values(
                    state=DeliveryState.IN_DOUBT,
                    claim=b"c" * 16,
                    lease_until=database_now(-49 * 3600),
                    released_at=database_now(-49 * 3600),
                )
            )
            session.execute(update(Issue).values(state=IssueState.SENT))
            session.execute(update(Newsletter).values(in_doubt_policy=InDoubtPolicy.RESEND))
        sweep(press, wait=0)
        assert press.states(issue_id) == [DeliveryState.IN_DOUBT]


def test_an_issue_that_was_closed_over_a_queued_row_is_opened_again(press: Press) -> None:
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue(*readers(2))
        # Closed in the moment in which a row went from in doubt back to the queue.
        with press.database.transaction() as session:
            session.execute(update(Issue).values(state=IssueState.SENT, sent_at=database_now()))
        sweep(press)
        assert press.issue(issue_id).state is IssueState.SENDING
        press.deliver(issue_id)
        assert len(relay.messages) == 2


def test_a_slow_answer_after_the_lease_puts_no_unsent_message_in_doubt(press: Press) -> None:
    go_on = threading.Event()
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        press.settings = replace(press.settings, lease_seconds=2, reply_timeout=30.0)
        issue_id = press.frozen_issue(*readers(6))
        relay.script("dot", Hold(go_on))
        worker = threading.Thread(target=press.deliver, args=(issue_id,))
        worker.start()
        wait_for_recipient(relay)
        end_leases(press.database)
        sweep(press)
        assert press.states(issue_id) == [DeliveryState.IN_DOUBT] * 6
        threading.Event().wait(2)
        go_on.set()
        worker.join(20)
        sweep(press)
        press.deliver(issue_id)
        assert sorted(m.recipients[0] for m in relay.messages) == sorted(readers(6))
    assert press.states(issue_id) == [ACCEPTED] * 6
    assert by_address(press, issue_id)["reader0@example.org"].attempts == 1
    assert press.issue(issue_id).state is IssueState.SENT
    with press.database.reading() as session:
        assert session.scalar(select(Delivery.subscriber_id).where(Delivery.attempts > 1)) is None


def test_a_worker_that_slept_before_it_sent_anything_leaves_nobody_in_doubt(
    press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped between the commit of its window and the look at who is in it."""
    issue_id = press.frozen_issue(*readers(6))
    reads = {kind: kind.read for kind in (Windows, QuickWindows)}
    states: list[DeliveryState] = []

    def sleep_first(windows: Windows, token: bytes) -> list[Recipient]:
        if not states:
            end_leases(press.database)
            sweep(press)
            states.extend(press.states(issue_id))
        return reads[type(windows)](windows, token)

    for kind in reads:
        monkeypatch.setattr(kind, "read", sleep_first)
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        press.deliver(issue_id)
        sweep(press)
        press.deliver(issue_id)
        assert sorted(m.recipients[0] for m in relay.messages) == sorted(readers(6))
    assert states == [DeliveryState.IN_DOUBT] * 6
    assert press.states(issue_id) == [ACCEPTED] * 6
    assert press.issue(issue_id).state is IssueState.SENT


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_who_pauses_an_issue_waits_for_no_worker(press: Press) -> None:
    issue_id = press.frozen_issue(*readers(3))
    with press.database.transaction() as session:
        claiming.start_sending(session, issue_id)
    with press.database.transaction() as opening:
        token = claiming.claim(opening, issue_id, size=2, lease_seconds=60)
        assert token is not None
        with press.database.transaction() as session:
            session.execute(text("SET LOCAL lock_timeout = '5s'"))
            session.execute(update(Issue).values(state=IssueState.PAUSED))
    with press.database.transaction() as session:
        opened = claiming.open_window(session, issue_id, token, size=2, lease_seconds=60, now=NOW)
    assert opened == 0

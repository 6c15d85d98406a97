"""What relays, readers and workers do in mid-send, and what the ledger makes of it."""

import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from digest.database.tables import database_now
from digest.database.transactions import Database
from digest.delivery.ledger import claiming, sweeping
from digest.delivery.ledger.reporting import Report, report
from digest.delivery.relay.connection import Fate, Outcome, Stage
from digest.models import (
    Attempt,
    Delivery,
    DeliveryState,
    EndedReason,
    InDoubtPolicy,
    Issue,
    IssueState,
    Subscriber,
    Subscription,
    Suppression,
    SuppressionReason,
)
from digest.settings.loading import RelayAddress
from tests.delivery.conftest import Press, readers
from tests.factories import NOW, make_reader
from tests.scripted_smtp import Answer, Drop, Hold, ScriptedRelay

ACCEPTED, FAILED, QUEUED = DeliveryState.ACCEPTED, DeliveryState.FAILED, DeliveryState.QUEUED
EXCLUDED, IN_DOUBT = DeliveryState.EXCLUDED, DeliveryState.IN_DOUBT


def account(press: Press, issue_id: int) -> Report:
    """Return the report, having checked that it adds up."""
    with press.database.reading() as session:
        found = report(session, session.get_one(Issue, issue_id))
    assert found.adds_up, found
    return found


def by_address(press: Press, issue_id: int) -> dict[str | None, Delivery]:
    with press.database.reading() as session:
        rows = session.execute(
            select(Subscriber.email, Delivery)
            .join(Delivery, Delivery.subscriber_id == Subscriber.id)
            .where(Delivery.issue_id == issue_id)
        )
        return {row[0]: row[1] for row in rows}


def make_due(press: Press, issue_id: int) -> None:
    """Let the waiting time of every queued row be over."""
    with press.database.transaction() as session:
        session.execute(
            update(Delivery)
            .where(Delivery.issue_id == issue_id, Delivery.state == QUEUED)
            .values(next_attempt_at=database_now(-1))
        )


def end_leases(database: Database) -> None:
    with database.transaction() as session:
        session.execute(
            update(Delivery)
            .where(Delivery.lease_until.is_not(None))
            .values(lease_until=database_now(-1))
        )


def sweep(press: Press, *, wait: float = 600) -> None:
    with press.database.transaction() as session:
        sweeping.sweep_leases(session, final_dot_wait=wait)


def leave(press: Press, email: str) -> None:
    with press.database.transaction() as session:
        subscriber = session.execute(
            select(Subscriber.id).where(Subscriber.email == email)
        ).scalar_one()
        session.execute(
            update(Subscription)
            .where(Subscription.subscriber_id == subscriber, Subscription.ended_at.is_(None))
            .values(ended_at=NOW, ended_reason=EndedReason.LEFT)
        )


@pytest.mark.parametrize("step", ["RCPT", "dot"])
def test_a_4xx_waits_and_is_tried_again_with_the_same_bytes(press: Press, step: str) -> None:
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue(*readers(3))
        relay.script(step, "451 4.7.1 reader1@example.org is greylisted", when="reader1")
        press.deliver(issue_id)
        row = by_address(press, issue_id)["reader1@example.org"]
        assert (row.state, row.attempts, row.code, row.enhanced) == (QUEUED, 1, 451, "4.7.1")
        assert row.reply is not None
        assert "reader1@" not in row.reply
        assert press.issue(issue_id).state is IssueState.SENDING
        assert press.deliver(issue_id) is False, "it is not due yet"
        assert len(relay.messages) == 2
        make_due(press, issue_id)
        press.deliver(issue_id)
        assert press.states(issue_id) == [ACCEPTED] * 3
        copies = [m for m in relay.received if "reader1@example.org" in m.recipients]
        assert len({copy.content for copy in copies}) == 1
    assert press.issue(issue_id).state is IssueState.SENT
    with press.database.reading() as session:
        [attempt] = session.execute(select(Attempt)).scalars()
    assert (attempt.outcome, attempt.code) == ("deferred", 451)


def test_it_gives_up_after_48_hours(press: Press) -> None:
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue("robin@example.org")
        relay.always("RCPT", "450 4.2.0 full")
        with press.database.transaction() as session:
            session.execute(
                update(Delivery).values(released_at=database_now(-48 * 3600), attempts=3)
            )
        press.deliver(issue_id)
    [row] = press.rows(issue_id)
    assert (row.state, row.reason) == (FAILED, "gave_up")
    assert row.final_at is not None


def test_after_48_hours_of_waiting_it_still_gets_four_tries(press: Press) -> None:
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue("robin@example.org")
        relay.script("RCPT", *["450 4.7.1 greylisted"] * 3)
        with press.database.transaction() as session:
            session.execute(update(Delivery).values(released_at=database_now(-72 * 3600)))
        for _ in range(4):
            press.deliver(issue_id)
            make_due(press, issue_id)
        assert len(relay.messages) == 1
    assert press.states(issue_id) == [ACCEPTED]


@pytest.mark.parametrize("step", ["RCPT", "dot"])
def test_a_5xx_to_one_reader_harms_no_other(press: Press, step: str) -> None:
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue(*readers(5))
        relay.always(step, "550 5.1.1 <reader2@example.org> unknown", when="reader2")
        press.deliver(issue_id)
        rows = by_address(press, issue_id)
        make_due(press, issue_id)
        press.deliver(issue_id)
        tries = [c for _, c in relay.commands if c.startswith("RCPT") and "reader2" in c]
        assert len(tries) == 1, "a reader's 5xx is never tried again"
    bad = rows.pop("reader2@example.org")
    assert (bad.state, bad.reason, bad.code, bad.enhanced) == (FAILED, "refused", 550, "5.1.1")
    assert {row.state for row in rows.values()} == {ACCEPTED}
    found = account(press, issue_id)
    assert (found.accepted, found.missed, found.reasons) == (4, 1, (("refused (550)", 1),))


@pytest.mark.parametrize("step", ["connect", "EHLO", "MAIL", "DATA"])
@pytest.mark.parametrize("code", ["554 5.7.1 your address is listed", "451 4.3.2 come back later"])
def test_what_is_not_the_readers_parks_the_issue(press: Press, step: str, code: str) -> None:
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue(*readers(3))
        relay.always(step, code)
        press.deliver(issue_id)
        issue = press.issue(issue_id)
        assert issue.state is IssueState.PARKED
        assert issue.reason is not None
        assert code[4:] in issue.reason
        assert press.states(issue_id) == [QUEUED] * 3
        relay.forget()
        with press.database.transaction() as session:
            sweeping.resume_parked(session)
        assert press.issue(issue_id).state is IssueState.PARKED, "its wait is not over"
        with press.database.transaction() as session:
            session.execute(update(Issue).values(parked_until=database_now(-1)))
            sweeping.resume_parked(session)
        press.deliver(issue_id)
        assert len(relay.messages) == 3
    issue = press.issue(issue_id)
    assert (issue.state, issue.reason) == (IssueState.SENT, None)


def test_a_relay_that_is_away_parks_the_issue(press: Press) -> None:
    issue_id = press.frozen_issue(*readers(2))
    press.deliver(issue_id)
    issue = press.issue(issue_id)
    assert issue.state is IssueState.PARKED
    assert issue.reason is not None
    assert issue.reason.startswith("No connection with the relay 127.0.0.1:1")
    assert press.states(issue_id) == [QUEUED] * 2


def test_a_wrong_password_parks_the_issue(press: Press) -> None:
    with ScriptedRelay(credentials=("digest", "right")) as relay:
        press.settings = replace(
            press.settings,
            relay=RelayAddress("127.0.0.1", relay.port, "none", "digest", "wrong"),
        )
        issue_id = press.frozen_issue("robin@example.org")
        press.deliver(issue_id)
    issue = press.issue(issue_id)
    assert issue.state is IssueState.PARKED
    assert "535" in (issue.reason or "")
    assert "wrong" not in (issue.reason or "")


def test_the_same_refusal_of_every_message_is_the_issues_fault(press: Press) -> None:
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue(*readers(30))
        relay.always("dot", "554 5.7.1 this looks like spam")
        press.deliver(issue_id)
    issue = press.issue(issue_id)
    assert issue.state is IssueState.PARKED
    assert "this looks like spam" in (issue.reason or "")
    assert press.states(issue_id) == [QUEUED] * 30, "no reader pays for it"


@pytest.mark.parametrize("hang_up", ["421 4.3.2 enough for one connection", Drop()])
def test_a_relay_that_hangs_up_now_and_then_is_called_again(press: Press, hang_up: Answer) -> None:
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue(*readers(120))
        for reader in ("reader20@", "reader70@", "reader110@"):
            relay.script("RCPT", hang_up, when=reader)
        press.deliver(issue_id)
        # A 421 to RCPT is a 4xx to that reader as well.
        make_due(press, issue_id)
        press.deliver(issue_id)
        assert relay.connections >= 4
        assert len(relay.messages) == 120
    assert set(press.states(issue_id)) == {ACCEPTED}


def test_a_drop_after_the_final_dot_is_in_doubt_and_never_resent_by_itself(press: Press) -> None:
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue(*readers(4))
        relay.script("dot", Drop(), when="reader1")
        press.deliver(issue_id)
        rows = by_address(press, issue_id)
        assert rows["reader1@example.org"].state is IN_DOUBT
        end_leases(press.database)
        sweep(press, wait=0)
        make_due(press, issue_id)
        press.deliver(issue_id)
        sent = [m.recipients[0] for m in relay.received]
    assert sorted(sent) == sorted(readers(4)), "each exactly once, the one in doubt included"
    assert press.issue(issue_id).state is IssueState.SENT, "doubt does not keep an issue open"
    found = account(press, issue_id)
    assert (found.accepted, found.in_doubt, found.to_go) == (3, 1, 0)


def test_in_doubt_is_resent_with_the_same_message_id_where_the_newsletter_says_so(
    press: Press,
) -> None:
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue(*readers(2), in_doubt_policy=InDoubtPolicy.RESEND)
        relay.script("dot", Drop(), when="reader1")
        press.deliver(issue_id)
        end_leases(press.database)
        sweep(press, wait=600)
        assert by_address(press, issue_id)["reader1@example.org"].state is IN_DOUBT
        sweep(press, wait=0)
        press.deliver(issue_id)
        copies = [m for m in relay.received if "reader1@example.org" in m.recipients]
    assert len(copies) == 2
    assert copies[0].content == copies[1].content
    assert press.states(issue_id) == [ACCEPTED] * 2
    assert press.issue(issue_id).state is IssueState.SENT


def test_who_leaves_while_others_are_on_the_wire_gets_nothing(press: Press) -> None:
    press.settings = replace(press.settings, window_size=2)
    go_on = threading.Event()
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue(*readers(6))
        relay.script("dot", Hold(go_on))
        worker = threading.Thread(target=press.deliver, args=(issue_id,))
        worker.start()
        wait_for_recipient(relay)
        on_the_wire = {c.split("<")[1].split("@")[0] for _, c in relay.commands if "RCPT" in c}
        leaver = next(e for e in reversed(readers(6)) if e.split("@")[0] not in on_the_wire)
        leave(press, leaver)
        go_on.set()
        worker.join(10)
        assert not worker.is_alive()
        got = [m.recipients[0] for m in relay.messages]
    assert leaver not in got
    assert len(got) == 5
    row = by_address(press, issue_id)[leaver]
    assert (row.state, row.reason) == (EXCLUDED, "left")
    account(press, issue_id)


def wait_for_recipient(relay: ScriptedRelay) -> None:
    """Return when the first message of a worker is on the wire."""
    until = time.monotonic() + 10
    while not any(command.startswith("RCPT") for _, command in list(relay.commands)):
        assert time.monotonic() < until, "no message came"
        time.sleep(0.01)


def claim_and_open(press: Press, issue_id: int, size: int = 50) -> bytes:
    with press.database.transaction() as session:
        claiming.start_sending(session, issue_id)
        token = claiming.claim(session, issue_id, size=size, lease_seconds=60)
    assert token is not None
    with press.database.transaction() as session:
        claiming.open_window(session, issue_id, token, size=size, lease_seconds=60, now=NOW)
    return token


def test_who_leaves_after_the_window_looked_but_before_it_was_read_gets_nothing(
    press: Press,
) -> None:
    issue_id = press.frozen_issue(*readers(2))
    token = claim_and_open(press, issue_id)
    leave(press, "reader0@example.org")
    with press.database.reading() as session:
        newsletter_id = session.get_one(Issue, issue_id).newsletter_id
        window = claiming.read_window(session, issue_id, token, newsletter_id, NOW)
    assert {r.email: r.reason for r in window} == {
        "reader0@example.org": "left",
        "reader1@example.org": None,
    }
    with press.database.transaction() as session:
        claiming.exclude(session, issue_id, token, [r for r in window if r.reason])
    assert by_address(press, issue_id)["reader0@example.org"].state is EXCLUDED


def test_paused_suppressed_and_erased_readers_are_excluded_with_the_reason(press: Press) -> None:
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue(*readers(4))
        with press.database.transaction() as session:
            people = session.execute(select(Subscriber).order_by(Subscriber.id)).scalars().all()
            session.execute(
                update(Subscription)
                .where(Subscription.subscriber_id == people[0].id)
                .values(paused_until=NOW + timedelta(weeks=4))
            )
            assert people[1].suppression_mac is not None
            for reason in (SuppressionReason.COMPLAINED, SuppressionReason.MANUAL):
                session.add(
                    Suppression(mac=people[1].suppression_mac, reason=reason, created_at=NOW)
                )
            people[2].email = people[2].email_key = people[2].suppression_mac = None
            people[2].erased_at = NOW
        press.deliver(issue_id)
        assert [m.recipients[0] for m in relay.messages] == ["reader3@example.org"]
    reasons = [(row.state, row.reason) for row in press.rows(issue_id)]
    assert reasons == [
        (EXCLUDED, "paused"),
        (EXCLUDED, "suppressed"),
        (EXCLUDED, "erased"),
        (ACCEPTED, None),
    ]
    found = account(press, issue_id)
    assert (found.accepted, found.missed) == (1, 3)


def test_an_erased_suppression_does_not_block_a_confirmed_reader(press: Press) -> None:
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue("robin@example.org")
        with press.database.transaction() as session:
            mac = session.execute(select(Subscriber.suppression_mac)).scalar_one()
            assert mac is not None
            session.add(Suppression(mac=mac, reason=SuppressionReason.ERASED, created_at=NOW))
        press.deliver(issue_id)
        assert len(relay.messages) == 1


def test_who_left_and_came_back_gets_it_with_the_new_periods_links(press: Press) -> None:
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue("robin@example.org")
        leave(press, "robin@example.org")
        with press.database.transaction() as session:
            old = session.execute(select(Subscription)).scalar_one()
            new = Subscription(
                token_id=b"n" * 16,
                subscriber_id=old.subscriber_id,
                newsletter_id=old.newsletter_id,
                site="halyard.example",
                started_at=NOW,
            )
            session.add(new)
        press.deliver(issue_id)
        [mail] = relay.messages
    assert press.links.unsubscribe(b"n" * 16) in mail.message["List-Unsubscribe"]


def test_a_reader_who_confirms_after_the_freeze_waits_for_the_next_issue(press: Press) -> None:
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue("robin@example.org")
        with press.database.transaction() as session:
            newsletter = session.get_one(Issue, issue_id).newsletter
            make_reader(session, newsletter, "late@example.org")
        press.deliver(issue_id)
        assert [m.recipients[0] for m in relay.messages] == ["robin@example.org"]


def test_rows_of_a_worker_that_died_before_its_window_go_back(press: Press) -> None:
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue(*readers(3))
        with press.database.transaction() as session:
            claiming.start_sending(session, issue_id)
            claiming.claim(session, issue_id, size=3, lease_seconds=60)
        sweep(press)
        assert press.states(issue_id) == [DeliveryState.CLAIMED] * 3, "its lease is not over"
        end_leases(press.database)
        sweep(press)
        press.deliver(issue_id)
        assert len(relay.messages) == 3


def test_rows_of_a_worker_that_died_in_its_window_are_in_doubt(press: Press) -> None:
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue(*readers(5))
        claim_and_open(press, issue_id, size=2)
        end_leases(press.database)
        sweep(press)
        press.deliver(issue_id)
        assert len(relay.messages) == 3
    found = account(press, issue_id)
    assert (found.accepted, found.in_doubt) == (3, 2)


def test_a_worker_that_wakes_after_its_lease_may_still_say_what_it_was_told(press: Press) -> None:
    issue_id = press.frozen_issue(*readers(4))
    token = claim_and_open(press, issue_id)
    end_leases(press.database)
    sweep(press)
    ids = [row.subscriber_id for row in press.rows(issue_id)]
    told = [
        Outcome(ids[0], Fate.ACCEPTED, None, Stage.FINAL_DOT),
        Outcome(ids[1], Fate.REFUSED, None, Stage.FINAL_DOT),
        Outcome(ids[2], Fate.UNSENT, None, Stage.DEADLINE),
        Outcome(ids[3], Fate.IN_DOUBT, None, Stage.FINAL_DOT),
    ]
    for _ in range(2):
        with press.database.transaction() as session:
            claiming.record(session, issue_id, token, told)
    assert press.states(issue_id) == [ACCEPTED, FAILED, QUEUED, IN_DOUBT]
    assert [row.attempts for row in press.rows(issue_id)] == [1, 1, 0, 0]


def test_what_was_queued_again_after_the_lease_is_the_old_workers_no_longer(press: Press) -> None:
    issue_id = press.frozen_issue("robin@example.org", in_doubt_policy=InDoubtPolicy.RESEND)
    token = claim_and_open(press, issue_id)
    end_leases(press.database)
    sweep(press, wait=0)
    [row] = press.rows(issue_id)
    assert row.state is QUEUED
    for fate in Fate:
        with press.database.transaction() as session:
            outcome = Outcome(row.subscriber_id, fate, None, Stage.FINAL_DOT)
            claiming.record(session, issue_id, token, [outcome])
    assert press.states(issue_id) == [QUEUED]


def test_a_stranger_to_the_claim_can_write_nothing(press: Press) -> None:
    issue_id = press.frozen_issue("robin@example.org")
    claim_and_open(press, issue_id)
    [row] = press.rows(issue_id)
    with press.database.transaction() as session:
        for fate in Fate:
            claiming.record(
                session,
                issue_id,
                b"x" * 16,
                [Outcome(row.subscriber_id, fate, None, Stage.FINAL_DOT)],
            )
    assert press.states(issue_id) == [DeliveryState.SENDING]


def test_a_window_is_not_opened_once_the_lease_is_over(press: Press) -> None:
    issue_id = press.frozen_issue("robin@example.org")
    with press.database.transaction() as session:
        claiming.start_sending(session, issue_id)
        token = claiming.claim(session, issue_id, size=1, lease_seconds=60)
    assert token is not None
    end_leases(press.database)
    with press.database.transaction() as session:
        opened = claiming.open_window(session, issue_id, token, size=1, lease_seconds=60, now=NOW)
    assert opened == 0


@pytest.mark.parametrize("state", [IssueState.PAUSED, IssueState.CANCELLED, IssueState.HELD])
def test_stopping_an_issue_takes_effect_within_a_window(press: Press, state: IssueState) -> None:
    press.settings = replace(press.settings, window_size=5)
    go_on = threading.Event()
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue(*readers(40))
        relay.script("dot", Hold(go_on))
        worker = threading.Thread(target=press.deliver, args=(issue_id,))
        worker.start()
        wait_for_recipient(relay)
        with press.database.transaction() as session:
            session.execute(update(Issue).values(state=state))
        go_on.set()
        worker.join(10)
        assert len(relay.messages) == 5
    assert press.issue(issue_id).state is state
    end_leases(press.database)
    sweep(press)
    states = press.states(issue_id)
    assert states.count(QUEUED) + states.count(DeliveryState.CANCELLED) == 35


def test_a_worker_told_to_stop_finishes_its_window_and_leaves_nothing_in_doubt(
    press: Press,
) -> None:
    press.settings = replace(press.settings, window_size=5)
    go_on = threading.Event()
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue(*readers(40))
        relay.script("dot", Hold(go_on))
        worker = threading.Thread(target=press.deliver, args=(issue_id,))
        worker.start()
        wait_for_recipient(relay)
        press.stopping.set()
        go_on.set()
        worker.join(10)
        assert press.states(issue_id).count(ACCEPTED) == 5
        assert press.states(issue_id).count(QUEUED) == 35
        press.stopping.clear()
        press.deliver(issue_id)
        assert sorted(m.recipients[0] for m in relay.messages) == sorted(readers(40))


def test_workers_side_by_side_send_to_each_reader_once(press: Press) -> None:
    press.settings = replace(press.settings, window_size=10)
    # A machine under load must not end the workers before the issue.
    press.settings = replace(press.settings, slice_seconds=60.0)
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue(*readers(300))
        workers = [threading.Thread(target=press.deliver, args=(issue_id,)) for _ in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(60)
        got = [m.recipients[0] for m in relay.messages]
    assert sorted(got) == sorted(readers(300))
    assert press.issue(issue_id).state is IssueState.SENT


def test_an_address_that_no_mail_can_carry_fails_alone(press: Press) -> None:
    with ScriptedRelay(extensions=("PIPELINING",)) as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue("jörg@example.org", "robin@bücher.example")
        press.deliver(issue_id)
        assert [m.recipients for m in relay.messages] == [("robin@xn--bcher-kva.example",)]
    rows = by_address(press, issue_id)
    assert (rows["jörg@example.org"].state, rows["jörg@example.org"].reason) == (FAILED, "refused")
    assert "not ASCII" in (rows["jörg@example.org"].reply or "")


@pytest.mark.parametrize(
    "extensions", [("PIPELINING", "8BITMIME", "SMTPUTF8"), ("8BITMIME", "SMTPUTF8")]
)
def test_an_address_beyond_ascii_goes_by_smtputf8(press: Press, extensions: Sequence[str]) -> None:
    with ScriptedRelay(extensions=extensions) as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue(
            "mina@example.org", "jörg@bücher.example", "robin@example.org"
        )
        press.deliver(issue_id)
        got = {message.recipients[0]: message for message in relay.messages}
    assert set(got) == {"mina@example.org", "jörg@xn--bcher-kva.example", "robin@example.org"}
    mail = got["jörg@xn--bcher-kva.example"]
    assert mail.mail.endswith(" BODY=8BITMIME SMTPUTF8")
    assert "\r\nTo: Robin <jörg@xn--bcher-kva.example>\r\n".encode() in mail.content
    assert not mail.content.isascii()
    for other in ("mina@example.org", "robin@example.org"):
        assert "SMTPUTF8" not in got[other].mail
        assert got[other].content.isascii()
    assert press.states(issue_id) == [ACCEPTED] * 3


def test_a_server_further_on_that_takes_no_such_address_refuses_the_reader_alone(
    press: Press,
) -> None:
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        refused = "550 5.6.7 <jörg@example.org>: Non-ASCII addresses not permitted"
        relay.always("RCPT", refused, when="ö")
        emails = [f"{'ö' * n}@example.org" for n in range(1, 14)]
        issue_id = press.frozen_issue(*emails, "robin@example.org")
        press.deliver(issue_id)
    rows = by_address(press, issue_id)
    assert {rows[email].state for email in emails} == {FAILED}
    assert rows["robin@example.org"].state is ACCEPTED
    assert "ö" not in (rows["ö@example.org"].reply or "")

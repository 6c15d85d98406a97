"""What is in doubt is settled by a person, and never sent again too early."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from digest.database.tables import database_now
from digest.delivery.controls import pausing
from digest.delivery.controls.resolving import Resolved, Verdict, resolve
from digest.delivery.ledger import claiming
from digest.delivery.ledger.lateness import pause_late
from digest.delivery.relay.connection import Fate, Outcome, Stage
from digest.errors import RefusedError
from digest.models import (
    Approval,
    Correction,
    Delivery,
    DeliveryState,
    InDoubtPolicy,
    Issue,
    IssueState,
    Newsletter,
)
from tests.delivery.conftest import Press, readers
from tests.delivery.test_faults import (
    account,
    by_address,
    claim_and_open,
    end_leases,
    make_due,
    sweep,
)
from tests.factories import NOW
from tests.scripted_smtp import Drop, ScriptedRelay

ACCEPTED, QUEUED, IN_DOUBT = DeliveryState.ACCEPTED, DeliveryState.QUEUED, DeliveryState.IN_DOUBT
WAIT = 600.0


def settle(press: Press, issue_id: int, verdict: Verdict, *emails: str) -> Resolved:
    named = [by_address(press, issue_id)[email].subscriber_id for email in emails]
    with press.database.transaction() as session:
        return resolve(
            session,
            issue_id,
            verdict,
            by="imara",
            now=press.clock.now(),
            readers=named or None,
            final_dot_wait=WAIT,
        )


def leave_in_doubt(press: Press, relay: ScriptedRelay, count: int = 4, *doubted: str) -> int:
    """Send an issue whose relay takes the messages of `doubted` and hangs up without a word."""
    press.relay_at(relay.port)
    issue_id = press.frozen_issue(*readers(count))
    for reader in doubted:
        relay.script("dot", Drop(), when=reader)
    press.deliver(issue_id)
    return issue_id


def wait_out(press: Press, seconds: float = WAIT + 1) -> None:
    with press.database.transaction() as session:
        session.execute(
            update(Delivery)
            .where(Delivery.state == IN_DOUBT)
            .values(lease_until=database_now(-seconds))
        )


def test_what_arrived_counts_as_accepted_and_not_by_the_relays_word(press: Press) -> None:
    with ScriptedRelay() as relay:
        issue_id = leave_in_doubt(press, relay, 4, "reader1@")
        assert press.issue(issue_id).state is IssueState.SENT
        resolved = settle(press, issue_id, Verdict.ACCEPTED)
        assert (resolved.settled, resolved.too_early) == (1, 0)
    row = by_address(press, issue_id)["reader1@example.org"]
    assert (row.state, row.reason, row.code, row.reply) == (ACCEPTED, "resolved", None, None)
    assert row.final_at is not None
    assert press.issue(issue_id).state is IssueState.SENT, "there is nothing to send"
    assert account(press, issue_id).accepted == 4
    assert settle(press, issue_id, Verdict.ACCEPTED).settled == 0


def test_what_did_not_arrive_is_sent_again_by_the_same_bytes(press: Press) -> None:
    with ScriptedRelay() as relay:
        issue_id = leave_in_doubt(press, relay, 4, "reader1@")
        wait_out(press)
        assert settle(press, issue_id, Verdict.QUEUED).settled == 1
        issue = press.issue(issue_id)
        assert (issue.state, issue.sent_at) == (IssueState.SENDING, None)
        press.deliver(issue_id)
        copies = [m for m in relay.received if "reader1@example.org" in m.recipients]
        assert len(copies) == 2
        assert copies[0].content == copies[1].content
        assert copies[0].message["Message-ID"]
    assert press.issue(issue_id).state is IssueState.SENT
    assert press.states(issue_id) == [ACCEPTED] * 4


@pytest.mark.parametrize("over_for", [-60, 0, WAIT - 5])
def test_nothing_is_sent_again_before_the_final_dots_time_is_over(
    press: Press, over_for: float
) -> None:
    with ScriptedRelay() as relay:
        issue_id = leave_in_doubt(press, relay, 2, "reader1@")
        wait_out(press, over_for)
        with pytest.raises(RefusedError, match="Try again in 10 minutes"):
            settle(press, issue_id, Verdict.QUEUED)
        assert press.states(issue_id).count(IN_DOUBT) == 1
        assert press.issue(issue_id).state is IssueState.SENT
        sweep(press)
        press.deliver(issue_id)
        assert len(relay.received) == 2


def test_those_that_are_too_early_are_left_and_counted(press: Press) -> None:
    with ScriptedRelay() as relay:
        issue_id = leave_in_doubt(press, relay, 4, "reader1@", "reader2@")
        late = by_address(press, issue_id)["reader2@example.org"].subscriber_id
        wait_out(press)
        with press.database.transaction() as session:
            session.execute(
                update(Delivery)
                .where(Delivery.subscriber_id == late)
                .values(lease_until=database_now(30))
            )
        resolved = settle(press, issue_id, Verdict.QUEUED)
    assert (resolved.settled, resolved.too_early) == (1, 1)
    rows = by_address(press, issue_id)
    assert rows["reader1@example.org"].state is QUEUED
    assert rows["reader2@example.org"].state is IN_DOUBT


def test_one_reader_is_settled_alone(press: Press) -> None:
    with ScriptedRelay() as relay:
        issue_id = leave_in_doubt(press, relay, 4, "reader1@", "reader2@")
        assert settle(press, issue_id, Verdict.ACCEPTED, "reader2@example.org").settled == 1
        rows = by_address(press, issue_id)
        assert rows["reader1@example.org"].state is IN_DOUBT
        assert rows["reader2@example.org"].state is ACCEPTED
        with pytest.raises(RefusedError, match="Not all of these readers are in doubt"):
            settle(press, issue_id, Verdict.ACCEPTED, "reader1@example.org", "reader2@example.org")
        assert by_address(press, issue_id)["reader1@example.org"].state is IN_DOUBT


def test_nothing_of_a_cancelled_issue_is_sent_again(press: Press) -> None:
    with ScriptedRelay() as relay:
        relay.script("RCPT", "451 4.7.1 later", when="reader0@")
        issue_id = leave_in_doubt(press, relay, 4, "reader1@")
        with press.database.transaction() as session:
            pausing.cancel(session, issue_id, "imara")
        wait_out(press)
        with pytest.raises(RefusedError, match="imara cancelled it"):
            settle(press, issue_id, Verdict.QUEUED)
        assert settle(press, issue_id, Verdict.ACCEPTED).settled == 1
    assert press.issue(issue_id).state is IssueState.CANCELLED


def test_in_a_paused_issue_it_waits_until_that_goes_on(press: Press) -> None:
    with ScriptedRelay() as relay:
        relay.script("RCPT", "451 4.7.1 later", when="reader0@")
        issue_id = leave_in_doubt(press, relay, 2, "reader1@")
        with press.database.transaction() as session:
            pausing.pause(session, issue_id, "imara")
        wait_out(press)
        assert settle(press, issue_id, Verdict.QUEUED).settled == 1
        press.deliver(issue_id)
        assert len(relay.received) == 1
        with press.database.transaction() as session:
            pausing.resume(session, issue_id, press.clock.now())
        press.deliver(issue_id)
        assert len(relay.received) == 2


def test_an_old_doubt_begins_its_tries_anew(press: Press) -> None:
    with ScriptedRelay() as relay:
        issue_id = leave_in_doubt(press, relay, 2, "reader1@")
        with press.database.transaction() as session:
            session.execute(
                update(Delivery).values(released_at=database_now(-9 * 24 * 3600), attempts=7)
            )
        wait_out(press)
        settle(press, issue_id, Verdict.QUEUED)
        relay.script("RCPT", *["451 4.7.1 later"] * 6)
        for _ in range(6):
            press.deliver(issue_id)
            make_due(press, issue_id)
    row = by_address(press, issue_id)["reader1@example.org"]
    assert (row.state, row.attempts) == (QUEUED, 6)


def test_a_worker_that_comes_back_cannot_undo_what_was_settled(press: Press) -> None:
    issue_id = press.frozen_issue("robin@example.org")
    token = claim_and_open(press, issue_id)
    end_leases(press.database)
    sweep(press)
    settle(press, issue_id, Verdict.ACCEPTED)
    [row] = press.rows(issue_id)
    for fate in Fate:
        with press.database.transaction() as session:
            told = Outcome(row.subscriber_id, fate, None, Stage.FINAL_DOT)
            claiming.record(session, issue_id, token, [told])
    [after] = press.rows(issue_id)
    assert (after.state, after.reason) == (ACCEPTED, "resolved")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_issue_in_which_nothing_is_in_doubt_is_left_as_it_is(press: Press) -> None:
    issue_id = press.frozen_issue(*readers(2))
    with press.database.transaction() as session:
        session.execute(update(Issue).values(state=IssueState.SENT))
    for verdict in Verdict:
        resolved = settle(press, issue_id, verdict)
        assert (resolved.settled, resolved.too_early) == (0, 0)
    assert press.issue(issue_id).state is IssueState.SENT


def test_it_is_not_too_late_for_what_a_person_has_queued_again(press: Press) -> None:
    with ScriptedRelay() as relay:
        issue_id = leave_in_doubt(press, relay, 1, "reader0@")
    wait_out(press)
    press.clock.advance(timedelta(days=2))
    assert settle(press, issue_id, Verdict.QUEUED).settled == 1
    with press.database.transaction() as session:
        assert pause_late(session, press.clock.now(), timedelta(hours=12)) == []
    assert press.issue(issue_id).state is not IssueState.PAUSED


def test_what_was_corrected_is_not_sent_again_by_itself_where_a_second_person_is_asked_for(
    press: Press,
) -> None:
    with ScriptedRelay() as relay:
        issue_id = leave_in_doubt(press, relay, 4, "reader1@example.org")
    with press.database.transaction() as session:
        asked = {"in_doubt_policy": InDoubtPolicy.RESEND, "approval": Approval.SECOND_PERSON}
        session.execute(update(Newsletter).values(asked))
        corrected = {"by": "Imara", "words": "It said seven.", "edition": 2}
        session.add(Correction(issue_id=issue_id, at=NOW, **corrected))
    wait_out(press)

    sweep(press)

    assert press.issue(issue_id).state is IssueState.SENT
    assert press.states(issue_id).count(IN_DOUBT) == 1, "it waits for a person"
    with press.database.transaction() as session:
        session.execute(update(Newsletter).values(approval=Approval.REQUIRED))
    sweep(press)
    assert press.issue(issue_id).state is IssueState.SENDING
    assert press.states(issue_id).count(QUEUED) == 1

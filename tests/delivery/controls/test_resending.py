"""Sending again, to exactly those who missed it and may be mailed now."""

from collections.abc import Collection
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from digest.database.tables import database_now
from digest.delivery.controls import pausing
from digest.delivery.controls.resending import Resent, resend
from digest.errors import RefusedError
from digest.models import (
    Delivery,
    DeliveryState,
    Issue,
    IssueState,
    Subscriber,
    Subscription,
    Suppression,
    SuppressionReason,
    WaitingCorrection,
)
from tests.delivery.conftest import Press, readers
from tests.delivery.test_faults import account, by_address, leave, make_due
from tests.factories import NOW, make_issue
from tests.scripted_smtp import ScriptedRelay

ACCEPTED, EXCLUDED, FAILED, QUEUED = (
    DeliveryState.ACCEPTED,
    DeliveryState.EXCLUDED,
    DeliveryState.FAILED,
    DeliveryState.QUEUED,
)


def again(
    press: Press, issue_id: int, reasons: Collection[str] = (), *, dry_run: bool = False
) -> Resent:
    with press.database.transaction() as session:
        return resend(session, issue_id, now=press.clock.now(), reasons=reasons, dry_run=dry_run)


def set_row(press: Press, issue_id: int, email: str, **values: object) -> None:
    reader = by_address(press, issue_id)[email].subscriber_id
    with press.database.transaction() as session:
        session.execute(
            update(Delivery)
            .where(Delivery.issue_id == issue_id, Delivery.subscriber_id == reader)
            .values(final_at=database_now(), **values)
        )


def sent_issue(press: Press, relay: ScriptedRelay) -> int:
    """Send an issue to seven readers, of whom two got it: the others each for another reason."""
    press.relay_at(relay.port)
    issue_id = press.frozen_issue(*readers(7))
    relay.script("RCPT", "550 5.1.1 unknown", when="reader2@")
    with press.database.transaction() as session:
        people = session.scalars(select(Subscriber).order_by(Subscriber.id)).all()
        paused, suppressed = people[4].id, people[5].suppression_mac
        session.execute(
            update(Subscription)
            .where(Subscription.subscriber_id == paused)
            .values(paused_until=NOW + timedelta(weeks=4))
        )
        for reason in (SuppressionReason.COMPLAINED, SuppressionReason.MANUAL):
            session.add(Suppression(mac=suppressed, reason=reason, created_at=NOW))
    leave(press, "reader6@example.org")
    press.deliver(issue_id)
    gave_up = {"state": FAILED, "reason": "gave_up", "attempts": 9, "code": 451, "reply": "later"}
    set_row(press, issue_id, "reader3@example.org", **gave_up)
    return issue_id


def test_only_those_are_mailed_whom_it_missed_and_who_may_be_mailed_now(press: Press) -> None:
    with ScriptedRelay() as relay:
        issue_id = sent_issue(press, relay)
        first = [m.recipients[0] for m in relay.messages]
        assert press.issue(issue_id).state is IssueState.SENT
        # One who was paused is back; one who was put off too long has left since.
        press.clock.advance(timedelta(weeks=5))
        resent = again(press, issue_id)
        assert resent.queued == 2
        assert resent.not_mailable == {"left": 1, "suppressed": 1}
        assert resent.not_chosen == {"refused": 1}
        issue = press.issue(issue_id)
        assert (issue.state, issue.sent_at) == (IssueState.SENDING, None)
        press.deliver(issue_id)
        got = [m.recipients[0] for m in relay.messages][len(first) :]
    assert sorted(got) == ["reader3@example.org", "reader4@example.org"]
    assert press.issue(issue_id).state is IssueState.SENT
    found = account(press, issue_id)
    assert (found.accepted, found.missed) == (4, 3)
    row = by_address(press, issue_id)["reader3@example.org"]
    assert (row.state, row.reason, row.attempts, row.reply) == (ACCEPTED, None, 1, None)


def test_nothing_is_sent_again_while_a_correction_waits_for_a_second_person(
    press: Press,
) -> None:
    with ScriptedRelay() as relay:
        issue_id = sent_issue(press, relay)
        with press.database.transaction() as session:
            session.add(
                WaitingCorrection(
                    issue_id=issue_id,
                    at=NOW,
                    by="Joss",
                    version=1,
                    words="A name.",
                    texts={},
                    stories={},
                )
            )
        press.clock.advance(timedelta(weeks=5))
        with pytest.raises(RefusedError, match="Joss has corrected it, and that waits"):
            again(press, issue_id)
        with press.database.transaction() as session:
            session.delete(session.get_one(WaitingCorrection, issue_id))
        assert again(press, issue_id).queued == 2


def test_who_was_refused_is_tried_again_when_a_person_says_so(press: Press) -> None:
    with ScriptedRelay() as relay:
        issue_id = sent_issue(press, relay)
        resent = again(press, issue_id, ["refused"])
        assert (resent.queued, resent.not_chosen) == (1, {"gave_up": 1})
        press.deliver(issue_id)
        assert relay.messages[-1].recipients == ("reader2@example.org",)
    assert by_address(press, issue_id)["reader3@example.org"].state is FAILED


def test_it_is_not_too_late_for_what_a_person_sends_again(press: Press) -> None:
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue(*readers(3))
        relay.always("RCPT", "550 5.1.1 unknown")
        press.deliver(issue_id)
    press.clock.advance(timedelta(days=2))
    assert again(press, issue_id, ["refused"]).queued == 3
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        press.deliver(issue_id)
        assert len(relay.messages) == 3
    assert press.issue(issue_id).state is IssueState.SENT


def test_a_row_that_is_sent_again_begins_its_tries_anew(press: Press) -> None:
    with ScriptedRelay() as relay:
        issue_id = sent_issue(press, relay)
        set_row(press, issue_id, "reader3@example.org", released_at=database_now(-9 * 24 * 3600))
        again(press, issue_id, ["gave_up"])
        row = by_address(press, issue_id)["reader3@example.org"]
        assert (row.state, row.attempts, row.reason, row.final_at) == (QUEUED, 0, None, None)
        relay.script("RCPT", *["451 4.7.1 later"] * 6)
        for _ in range(6):
            press.deliver(issue_id)
            make_due(press, issue_id)
    row = by_address(press, issue_id)["reader3@example.org"]
    assert (row.state, row.attempts) == (QUEUED, 6)
    assert press.issue(issue_id).state is IssueState.SENDING


def test_a_dry_run_says_the_same_and_does_nothing(press: Press) -> None:
    with ScriptedRelay() as relay:
        issue_id = sent_issue(press, relay)
        before = press.states(issue_id)
        dry = again(press, issue_id, dry_run=True)
        assert press.states(issue_id) == before
        assert press.issue(issue_id).state is IssueState.SENT
        assert again(press, issue_id).queued == dry.queued == 1


def test_a_second_resend_finds_nobody(press: Press) -> None:
    with ScriptedRelay() as relay:
        issue_id = sent_issue(press, relay)
        assert again(press, issue_id).queued == 1
        assert again(press, issue_id).queued == 0
        press.deliver(issue_id)
        assert again(press, issue_id).queued == 0
        assert press.issue(issue_id).state is IssueState.SENT


def test_another_issues_rows_are_neither_counted_nor_sent(press: Press) -> None:
    with ScriptedRelay() as relay:
        issue_id = sent_issue(press, relay)
        refused = by_address(press, issue_id)["reader2@example.org"].subscriber_id
        with press.database.transaction() as session:
            newsletter = session.get_one(Issue, issue_id).newsletter
            other = make_issue(session, newsletter, [], IssueState.SENT, occurrence_on=None)
            session.add(
                Delivery(
                    issue_id=other.id, subscriber_id=refused, rendering_id=1, state=FAILED,
                    reason="gave_up", released_at=NOW, next_attempt_at=NOW,
                )
            )  # fmt: skip
        resent = again(press, issue_id)
        assert (resent.queued, resent.not_chosen) == (1, {"refused": 1})
        assert by_address(press, issue_id)["reader2@example.org"].state is FAILED
        assert press.states(other.id) == [FAILED]


def test_who_leaves_after_the_resend_gets_nothing(press: Press) -> None:
    with ScriptedRelay() as relay:
        issue_id = sent_issue(press, relay)
        again(press, issue_id)
        leave(press, "reader3@example.org")
        count = len(relay.messages)
        press.deliver(issue_id)
        assert len(relay.messages) == count
    row = by_address(press, issue_id)["reader3@example.org"]
    assert (row.state, row.reason) == (EXCLUDED, "left")


def test_what_is_in_doubt_cancelled_or_accepted_is_not_sent_again(press: Press) -> None:
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue(*readers(5))
        states = ("accepted", "bounced", "complained", "cancelled", "in_doubt")
        for number, state in enumerate(states):
            set_row(press, issue_id, f"reader{number}@example.org", state=DeliveryState(state))
        with press.database.transaction() as session:
            session.execute(update(Issue).values(state=IssueState.SENT))
        resent = again(press, issue_id)
        assert (resent.queued, resent.not_mailable, resent.not_chosen) == (0, {}, {})
    assert press.issue(issue_id).state is IssueState.SENT


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "state",
    [IssueState.DRAFT, IssueState.SCHEDULED, IssueState.HELD, IssueState.SKIPPED,
     IssueState.CANCELLED],
)  # fmt: skip
def test_an_issue_that_did_not_go_out_is_not_sent_again(press: Press, state: IssueState) -> None:
    issue_id = press.frozen_issue("robin@example.org")
    set_row(press, issue_id, "robin@example.org", state=EXCLUDED, reason="left")
    with press.database.transaction() as session:
        session.execute(update(Issue).values(state=state, reason="For a reason."))
    with pytest.raises(RefusedError, match=state):
        again(press, issue_id)
    assert press.states(issue_id) == [EXCLUDED]


def test_in_a_paused_issue_the_resent_wait_until_it_goes_on(press: Press) -> None:
    with ScriptedRelay() as relay:
        issue_id = sent_issue(press, relay)
        again(press, issue_id)
        with press.database.transaction() as session:
            pausing.pause(session, issue_id, "imara")
        again(press, issue_id, ["refused"])
        assert press.issue(issue_id).state is IssueState.PAUSED
        count = len(relay.messages)
        press.deliver(issue_id)
        assert len(relay.messages) == count

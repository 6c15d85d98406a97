from typing import Any

import pytest
from sqlalchemy import select, update

from digest.clock import SystemClock
from digest.database.tables import database_now
from digest.database.transactions import Database
from digest.delivery.ledger.freezing import freeze
from digest.models import Delivery, DeliveryState, Issue, IssueState, Newsletter
from tests.cli.conftest import CommandLine
from tests.factories import make_issue, make_reader

only_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def sending(composed: CommandLine, database: Database) -> CommandLine:
    """A command line whose issue is on its way to three readers: one has it, one is on the wire."""
    with database.transaction() as session:
        newsletter = session.scalars(select(Newsletter)).one()
        for name in ("ann", "bea", "cid"):
            make_reader(session, newsletter, f"{name}@example.org")
    assert composed("issue", "send", "editors-digest").exit_code == 0
    issue_id = only_issue(database).id
    now, url = SystemClock().now(), "http://127.0.0.1:8000"
    assert freeze(database, issue_id, now=now, public_url=url, inbound_domain=None)
    with database.transaction() as session:
        session.execute(update(Issue).values(state=IssueState.SENDING))
        rows = session.scalars(select(Delivery).order_by(Delivery.subscriber_id)).all()
        rows[0].state = DeliveryState.ACCEPTED
        rows[1].state, rows[1].claim = DeliveryState.SENDING, b"c" * 16
        session.flush()
        session.execute(
            update(Delivery)
            .where(Delivery.state == DeliveryState.SENDING)
            .values(lease_until=database_now(60))
        )
    return composed


def only_issue(database: Database) -> Issue:
    with database.reading() as session:
        return session.scalars(select(Issue)).one()


def states(database: Database) -> list[DeliveryState]:
    with database.reading() as session:
        return list(session.scalars(select(Delivery.state).order_by(Delivery.subscriber_id)))


def set_state(database: Database, state: IssueState, **values: Any) -> None:
    with database.transaction() as session:
        session.execute(update(Issue).values(state=state, **values))


def test_pausing_and_resuming(sending: CommandLine, database: Database) -> None:
    said = sending("issue", "pause", "editors-digest", "--by", "imara", "--reason", "a typo")

    assert said.exit_code == 0, said.err
    assert "editors-digest/1 is paused. 1 of 3 are accepted." in said.out
    assert "digest issue resume editors-digest/1" in said.out
    issue = only_issue(database)
    assert (issue.state, issue.reason) == (IssueState.PAUSED, "imara paused it: a typo")
    assert "imara paused it: a typo" in sending("issue", "list").out

    again = sending("issue", "pause", str(issue.id), "--by", "joss")
    assert again.exit_code == 0
    assert "editors-digest/1 is paused already: imara paused it: a typo" in again.out

    resumed = sending("issue", "resume", "editors-digest")
    assert resumed.exit_code == 0
    assert "editors-digest/1 goes on: 2 of 3 are still to go." in resumed.out
    assert only_issue(database).state is IssueState.SENDING
    assert "is being sent already" in sending("issue", "resume", "editors-digest/1").out


def test_controls_as_json(sending: CommandLine, database: Database) -> None:
    issue_id = str(only_issue(database).id)
    paused = sending("issue", "pause", issue_id, "--by", "imara", "--json").json
    assert (paused["issue"], paused["state"], paused["changed"]) == (
        *("editors-digest/1", "paused"),
        True,
    )
    assert paused["reason"] == "imara paused it."
    assert sending("issue", "pause", issue_id, "--json").json["changed"] is False
    resumed = sending("issue", "resume", issue_id, "--json").json
    assert (resumed["state"], resumed["reason"], resumed["to_go"]) == ("sending", None, 2)
    cancelled = sending("issue", "cancel", issue_id, "--json").json
    assert (cancelled["state"], cancelled["accepted"]) == ("cancelled", 1)
    assert cancelled["states"]["cancelled"] == 1
    assert cancelled["states"]["sending"] == 1


def test_cancelling_in_mid_send_says_who_will_not_get_it(
    sending: CommandLine, database: Database
) -> None:
    said = sending("issue", "cancel", "editors-digest", "--by", "imara")

    assert said.exit_code == 0, said.err
    assert "editors-digest/1 is cancelled." in said.out
    assert "Accepted: 1 of 3. Not sent: 1. On the wire, and finishing: 1." in said.out
    assert states(database) == [
        DeliveryState.ACCEPTED,
        DeliveryState.SENDING,
        DeliveryState.CANCELLED,
    ]
    assert only_issue(database).reason == "imara cancelled it."
    told = sending("issue", "report", "editors-digest", "--json").json
    assert (told["state"], told["adds_up"]) == ("cancelled", True)

    again = sending("issue", "cancel", "editors-digest/1")
    assert again.exit_code == 0
    assert "is cancelled already" in again.out


def test_cancelling_before_it_goes_out_and_composing_it_after_all(
    composed: CommandLine, database: Database
) -> None:
    name = f"editors-digest/{only_issue(database).occurrence_on}"
    assert composed("issue", "approve", name).exit_code == 0
    said = composed("issue", "cancel", "editors-digest", "--by", "imara", "--reason", "a holiday")

    assert said.exit_code == 0, said.err
    assert "Its articles are free for another issue." in said.out
    issue = only_issue(database)
    assert (issue.state, issue.reason) == (
        IssueState.CANCELLED,
        "imara cancelled it: a holiday",
    )
    refused = composed("issue", "send", name)
    assert refused.exit_code == 1
    assert "it is cancelled: imara cancelled it: a holiday" in refused.err

    assert f"digest issue compose {name}" in said.out
    again = composed("issue", "compose", name)
    assert again.exit_code == 0, again.err
    issue = only_issue(database)
    assert (issue.state, issue.reason, issue.approved_at) == (IssueState.DRAFT, None, None)


@only_sqlite
@pytest.mark.parametrize(
    ("command", "state", "sentence"),
    [
        ("pause", IssueState.DRAFT, "cancel it (digest issue cancel)"),
        ("pause", IssueState.SENT, "There is nothing to pause. It is sent."),
        ("resume", IssueState.HELD, "Only a paused or a parked issue can be resumed."),
        ("cancel", IssueState.SENT, "It has gone out."),
        ("cancel", IssueState.SKIPPED, "There is nothing to cancel."),
    ],
)
def test_what_makes_no_sense_exits_1_with_a_sentence(
    composed: CommandLine, database: Database, command: str, state: IssueState, sentence: str
) -> None:
    set_state(database, state)
    said = composed("issue", command, str(only_issue(database).id))

    assert said.exit_code == 1
    assert sentence in said.err
    assert only_issue(database).state is state


@only_sqlite
def test_a_slug_means_the_one_on_its_way_and_is_refused_where_two_could_be_meant(
    sending: CommandLine, database: Database
) -> None:
    with database.transaction() as session:
        newsletter = session.scalars(select(Newsletter)).one()
        waiting = make_issue(session, newsletter, [], IssueState.DRAFT, occurrence_on=None)
        waiting_id = waiting.id
    assert sending("issue", "pause", "editors-digest").exit_code == 0
    refused = sending("issue", "cancel", "editors-digest")
    assert refused.exit_code == 1
    assert "Which issue of Editor’s Digest? Name one of: " in refused.err
    assert "editors-digest/1 (paused)" in refused.err
    assert f"{waiting_id} (draft)" in refused.err
    assert sending("issue", "cancel", "editors-digest/1").exit_code == 0
    gone = sending("issue", "pause", "editors-digest")
    assert gone.exit_code == 1
    assert "No issue of Editor’s Digest is on its way." in gone.err
    assert sending("issue", "cancel", "editors-digest").exit_code == 0
    nothing = sending("issue", "cancel", "editors-digest")
    assert "No issue of Editor’s Digest is on its way or waits to go out." in nothing.err


@only_sqlite
def test_an_issue_that_is_not_there_cannot_be_stopped(paper: CommandLine) -> None:
    for command in ("pause", "resume", "cancel"):
        said = paper("issue", command, "7")
        assert said.exit_code == 1
        assert "There is no issue 7." in said.err
        assert paper("issue", command, "a/b/c").exit_code == 2

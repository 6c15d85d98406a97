import csv
import stat
from io import StringIO
from pathlib import Path

import pytest
from sqlalchemy import select, update

from digest.clock import SystemClock
from digest.database.tables import database_now
from digest.database.transactions import Database
from digest.delivery.ledger import sweeping
from digest.delivery.ledger.freezing import freeze
from digest.models import (
    Approval,
    AuditEvent,
    Delivery,
    DeliveryState,
    Issue,
    IssueState,
    Newsletter,
    Subscriber,
)
from tests.cli.conftest import CommandLine
from tests.factories import make_editor, make_reader

only_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
READERS = {
    "ann@example.org": (DeliveryState.ACCEPTED, None),
    "bea@example.org": (DeliveryState.FAILED, "gave_up"),
    "cid@example.org": (DeliveryState.FAILED, "refused"),
    "dan@example.org": (DeliveryState.IN_DOUBT, None),
    "eva@example.org": (DeliveryState.IN_DOUBT, None),
}


@pytest.fixture
def sent(paper: CommandLine, database: Database) -> CommandLine:
    """A command line whose issue has gone: to one reader; two failed, two are in doubt."""
    paper.add_articles("port", "cold", "roofs")
    assert paper("issue", "compose", "editors-digest").exit_code == 0
    with database.transaction() as session:
        newsletter = session.scalars(select(Newsletter)).one()
        for address in READERS:
            make_reader(session, newsletter, address)
    assert paper("issue", "send", "editors-digest").exit_code == 0
    with database.reading() as session:
        issue_id = session.scalars(select(Issue.id)).one()
    now, url = SystemClock().now(), "http://127.0.0.1:8000"
    assert freeze(database, issue_id, now=now, public_url=url, inbound_domain=None)
    with database.transaction() as session:
        session.execute(update(Issue).values(state=IssueState.SENT, sent_at=now))
        rows = session.scalars(select(Delivery).order_by(Delivery.subscriber_id))
        for row, (state, reason) in zip(rows, READERS.values(), strict=True):
            row.state, row.reason, row.attempts = state, reason, 1
        session.flush()
        session.execute(
            update(Delivery)
            .where(Delivery.state == DeliveryState.IN_DOUBT)
            .values(lease_until=database_now(-1000), claim=b"c" * 16)
        )
    return paper


def states(database: Database) -> dict[str | None, DeliveryState]:
    with database.reading() as session:
        rows = session.execute(
            select(Subscriber.email, Delivery.state).join(
                Delivery, Delivery.subscriber_id == Subscriber.id
            )
        )
        return {row[0]: row[1] for row in rows}


def log(database: Database) -> list[tuple[str, int | None, list[str]]]:
    """What the audit log holds of deliveries."""
    with database.reading() as session:
        found = select(AuditEvent).where(AuditEvent.of_table == Delivery.__tablename__)
        return [(each.verb, each.newsletter_id, each.fields) for each in session.scalars(found)]


def issue_state(database: Database) -> IssueState:
    with database.reading() as session:
        return session.scalars(select(Issue.state)).one()


# resolve


def test_a_report_names_what_to_do_about_doubt_and_the_missed(sent: CommandLine) -> None:
    said = sent("issue", "report", "editors-digest")

    assert "digest delivery resolve --issue editors-digest/1 --as accepted" in said.out
    assert "digest delivery export --issue editors-digest/1" in said.out
    told = sent("issue", "report", "editors-digest", "--json").json
    assert (told["in_doubt"], told["adds_up"], told["unaccounted"]) == (2, True, 0)


def test_what_is_in_doubt_is_settled_as_accepted(sent: CommandLine, database: Database) -> None:
    said = sent("delivery", "resolve", "--issue", "editors-digest", "--as", "accepted")

    assert said.exit_code == 0, said.err
    assert "Settled as accepted in editors-digest/1: 2." in said.out
    found = list(states(database).values())
    assert found.count(DeliveryState.ACCEPTED) == 3
    assert issue_state(database) is IssueState.SENT
    again = sent("delivery", "resolve", "--issue", "editors-digest/1", "--as", "accepted")
    assert (again.exit_code, again.out) == (0, "None is in doubt in editors-digest/1.\n")
    assert log(database) == [("delivery resolve", 1, ["state"])]


def test_one_reader_is_settled_by_their_address(sent: CommandLine, database: Database) -> None:
    said = sent(
        *("delivery", "resolve", "--issue", "editors-digest/1", "--as", "queued"),
        *("--reader", "Dan@Example.org", "--json"),
    )

    assert said.exit_code == 0, said.err
    assert (said.json["settled"], said.json["state"]) == (1, "sending")
    assert states(database)["dan@example.org"] is DeliveryState.QUEUED
    assert states(database)["eva@example.org"] is DeliveryState.IN_DOUBT
    assert issue_state(database) is IssueState.SENDING
    assert "dan@" not in said.err.casefold()


@only_sqlite
@pytest.mark.parametrize("reader", ["nobody@example.org", "ann@example.org"])
def test_a_reader_who_is_not_in_doubt_exits_1(
    sent: CommandLine, database: Database, reader: str
) -> None:
    said = sent(
        *("delivery", "resolve", "--issue", "editors-digest/1", "--as", "accepted"),
        *("--reader", "dan@example.org", "--reader", reader),
    )
    assert said.exit_code == 1
    assert said.err
    assert states(database)["dan@example.org"] is DeliveryState.IN_DOUBT


def test_what_may_still_arrive_is_not_sent_again(sent: CommandLine, database: Database) -> None:
    with database.transaction() as session:
        session.execute(update(Delivery).values(lease_until=database_now(-500)))
    said = sent("delivery", "resolve", "--issue", "editors-digest/1", "--as", "queued")

    assert said.exit_code == 1
    assert "It is too early" in said.err
    assert "10 minutes" in said.err
    assert states(database)["dan@example.org"] is DeliveryState.IN_DOUBT


@only_sqlite
def test_resolving_without_a_verdict_or_an_issue_exits_2(sent: CommandLine) -> None:
    assert sent("delivery", "resolve", "--issue", "editors-digest").exit_code == 2
    assert sent("delivery", "resolve", "--as", "accepted").exit_code == 2
    wrong = sent("delivery", "resolve", "--issue", "editors-digest", "--as", "failed")
    assert wrong.exit_code == 2
    assert sent("delivery", "resolve", "--issue", "a/b/c", "--as", "queued").exit_code == 2


# export


def test_a_list_of_those_who_did_not_get_it(sent: CommandLine) -> None:
    said = sent("delivery", "export", "--issue", "editors-digest")

    assert (said.exit_code, said.err) == (0, "")
    rows = {row["email"]: row for row in csv.DictReader(StringIO(said.out, newline=""))}
    assert set(rows) == set(READERS) - {"ann@example.org"}
    assert rows["bea@example.org"]["reason"] == "It was tried for 48 hours, and put off each time."
    assert sent("delivery", "export", "--issue", "editors-digest", "--out", "-").out == said.out


def test_the_list_is_written_whole_and_for_its_owner_alone(
    sent: CommandLine, tmp_path: Path
) -> None:
    file = tmp_path / "missed.csv"
    file.write_text("an older list")
    said = sent("delivery", "export", "--issue", "editors-digest", "--out", str(file))

    assert said.exit_code == 0, said.err
    assert said.out == ""
    assert "4 did not get it" in said.err
    assert len(file.read_text().splitlines()) == 5
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir() if "missed" in path.name] == ["missed.csv"]


@only_sqlite
def test_where_the_list_cannot_be_written_it_exits_1_and_leaves_nothing(
    sent: CommandLine, tmp_path: Path
) -> None:
    missing = tmp_path / "no such folder" / "missed.csv"
    said = sent("delivery", "export", "--issue", "editors-digest", "--out", str(missing))

    assert said.exit_code == 1
    assert "Cannot write" in said.err
    assert list(tmp_path.glob("**/*missed*")) == []
    folder = sent("delivery", "export", "--issue", "editors-digest", "--out", str(tmp_path))
    assert folder.exit_code == 2


@only_sqlite
def test_before_an_issue_went_out_there_is_no_list(paper: CommandLine) -> None:
    said = paper("delivery", "export", "--issue", "editors-digest")

    assert said.exit_code == 1
    assert "No issue of Editor’s Digest has gone out yet." in said.err


# resend


def test_a_dry_run_says_who_it_would_be_and_why_not_the_others(
    sent: CommandLine, database: Database
) -> None:
    assert sent("subscriber", "erase", "cid@example.org", "--yes").exit_code == 0
    said = sent("delivery", "resend", "--issue", "editors-digest", "--dry-run")

    assert said.exit_code == 0, said.err
    assert "editors-digest/1 would be sent again to one reader." in said.out
    assert "may not be mailed: erased" in said.out
    assert issue_state(database) is IssueState.SENT
    assert states(database)["bea@example.org"] is DeliveryState.FAILED
    assert log(database) == []


def test_resending(sent: CommandLine, database: Database) -> None:
    said = sent("delivery", "resend", "--issue", "editors-digest/1")

    assert said.exit_code == 0, said.err
    assert "editors-digest/1 is sent again to one reader." in said.out
    assert "not asked for: refused (--reason refused)" in said.out
    assert states(database)["bea@example.org"] is DeliveryState.QUEUED
    assert states(database)["cid@example.org"] is DeliveryState.FAILED
    assert states(database)["dan@example.org"] is DeliveryState.IN_DOUBT
    assert issue_state(database) is IssueState.SENDING

    named = ("--reason", "refused", "--reason", "gave_up", "--json")
    told = sent("delivery", "resend", "--issue", "editors-digest/1", *named).json
    assert (told["queued"], told["not_chosen"], told["not_mailable"]) == (1, {}, {})
    assert states(database)["cid@example.org"] is DeliveryState.QUEUED
    assert log(database) == [("delivery resend", 1, ["state"])] * 2


@only_sqlite
def test_a_paused_issue_says_that_they_wait(sent: CommandLine, database: Database) -> None:
    with database.transaction() as session:
        session.execute(update(Issue).values(state=IssueState.PAUSED))
    said = sent("delivery", "resend", "--issue", "editors-digest/1")

    assert "It is paused, so they wait: digest issue resume editors-digest/1" in said.out
    assert issue_state(database) is IssueState.PAUSED


@only_sqlite
def test_a_cancelled_issue_is_not_sent_again(sent: CommandLine, database: Database) -> None:
    with database.transaction() as session:
        session.execute(update(Issue).values(state=IssueState.CANCELLED, reason="For a reason."))
    for command in (("resend",), ("resolve", "--as", "queued")):
        said = sent("delivery", command[0], "--issue", "editors-digest/1", *command[1:])
        assert said.exit_code == 1
        assert "It is cancelled: For a reason." in said.err


@only_sqlite
def test_a_reason_that_does_not_exist_exits_2(sent: CommandLine) -> None:
    said = sent("delivery", "resend", "--issue", "editors-digest", "--reason", "tired")

    assert said.exit_code == 2
    assert "gave_up" in said.err


# The sum


def test_numbers_that_do_not_add_up_are_said_loudly(
    sent: CommandLine, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    with database.transaction() as session:
        session.execute(
            update(Issue).values(state=IssueState.SENDING, audience=len(READERS) + 1200)
        )
        issue_id = session.scalars(select(Issue.id)).one()
        assert sweeping.close_if_done(session, issue_id, SystemClock().now())
    logged = " ".join(record.getMessage() for record in caplog.records)
    assert "issue does not add up" in logged
    sentence = "Its numbers do not add up: its audience is 1,205, and the ledger has 5."
    assert sentence in logged
    assert sentence in sent("issue", "report", "editors-digest").out
    told = sent("issue", "report", "editors-digest", "--json").json
    assert (told["adds_up"], told["unaccounted"], told["reason"]) == (False, 1200, sentence)
    doctor = {each["found"]: each for each in sent("doctor", "--json").json["checks"]}
    found = doctor[f"Editor’s Digest, No. 1: {sentence}"]
    assert (found["level"], found["check"]) == ("failure", "sums")


def test_an_issue_that_adds_up_is_closed_without_a_word(
    sent: CommandLine, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    with database.transaction() as session:
        session.execute(update(Issue).values(state=IssueState.SENDING, reason="parked before"))
        issue_id = session.scalars(select(Issue.id)).one()
        assert sweeping.close_if_done(session, issue_id, SystemClock().now())
    assert caplog.records == []
    with database.reading() as session:
        issue = session.get_one(Issue, issue_id)
    assert (issue.state, issue.reason, issue.unaccounted) == (IssueState.SENT, None, 0)


@pytest.mark.parametrize(
    "arguments", [("resolve", "--as", "accepted"), ("resend",), ("export",)], ids=lambda a: a[0]
)
def test_of_an_issue_that_is_folded_nobody_is_named(
    sent: CommandLine, database: Database, arguments: tuple[str, ...]
) -> None:
    with database.transaction() as session:
        session.execute(update(Issue).values(folded_at=database_now()))
    said = sent("delivery", *arguments, "--issue", "editors-digest")
    assert said.exit_code == 1
    assert "only its totals are kept" in said.err
    assert "digest issue report" in said.err


# --as


@only_sqlite
def test_a_user_of_the_desk_sends_again_what_somebody_else_corrected(
    sent: CommandLine, database: Database
) -> None:
    with database.transaction() as session:
        session.execute(update(Newsletter).values(approval=Approval.SECOND_PERSON))
        users = {name: make_editor(session, f"{name}@example.org").id for name in ("imara", "joss")}
    issue = ("--issue", "editors-digest/1")
    imara, joss = (("--as", f"{name}@example.org") for name in users)
    correction = ("--note", "At eight.", "--words", "It said seven.")
    with database.transaction() as session:
        session.execute(update(Issue).values(state=IssueState.PAUSED))
    assert sent("issue", "correct", "editors-digest/1", *correction, *joss).exit_code == 0
    with database.transaction() as session:
        session.execute(update(Issue).values(state=IssueState.SENT))
    refused = sent("delivery", "resend", *issue)
    assert (refused.exit_code, "needs a second person" in refused.err) == (1, True)
    refused = sent("delivery", "resend", *issue, *joss)
    assert (refused.exit_code, "joss has corrected No. 1" in refused.err) == (1, True)
    for wrong in (("--by", "Imara"), ("--override", "In a hurry.")):
        assert sent("delivery", "resend", *issue, *imara, *wrong).exit_code == 2
    assert sent("delivery", "resend", *issue, *imara).exit_code == 0
    doubtful = ("delivery", "resolve", *issue, "--as", "queued")
    assert sent(*doubtful, "--as-user", "nobody@example.org").exit_code == 1
    assert sent(*doubtful, "--as-user", "imara@example.org").exit_code == 0
    with database.reading() as session:
        query = select(AuditEvent.verb, AuditEvent.user_id).order_by(AuditEvent.id.desc()).limit(2)
        events = [tuple(row) for row in session.execute(query)]
    by = users["imara"]
    assert events == [("delivery resolve", by), ("delivery resend", by)]


@only_sqlite
def test_a_correction_of_what_has_gone_out_is_confirmed_by_somebody_else(
    sent: CommandLine, database: Database
) -> None:
    with database.transaction() as session:
        session.execute(update(Newsletter).values(approval=Approval.SECOND_PERSON))
        for name in ("imara", "joss"):
            make_editor(session, f"{name}@example.org")
    imara, joss = (("--as", f"{name}@example.org") for name in ("imara", "joss"))
    correction = ("--note", "At eight.", "--words", "It said seven.")
    said = sent("issue", "correct", "editors-digest/1", *correction, *joss)
    assert "It waits for a second person" in said.out
    again = (("resend", *imara), ("resolve", "--as", "queued", "--as-user", "imara@example.org"))
    before = states(database)
    for verb, *options in (*again, (*again[0], "--dry-run")):
        refused = sent("delivery", verb, "--issue", "editors-digest/1", *options)
        assert (refused.exit_code, refused.out) == (1, "")
        assert "joss has corrected it, and that waits for a second person" in refused.err
        assert "digest issue confirm" in " ".join(refused.err.split())
    assert states(database) == before
    confirm = ("issue", "confirm", "editors-digest/1")
    refused = sent(*confirm, *joss)
    assert (refused.exit_code, "joss has made the correction" in refused.err) == (1, True)
    for wrong in (("--drop", "--override", "In a hurry."), (*imara, "--override", "In a hurry.")):
        assert sent(*confirm, *wrong).exit_code == 2
    assert "It is dropped" in sent(*confirm, "--drop").out
    assert sent(*confirm, *imara).exit_code == 1, "none waits"
    assert sent("issue", "correct", "editors-digest/1", *correction, *joss).exit_code == 0
    assert "the note was corrected" in sent(*confirm, "--override", "Imara is ill.").out
    with database.reading() as session:
        assert session.scalars(select(Issue.note)).one() == "At eight."
        verbs = session.scalars(select(AuditEvent.verb).order_by(AuditEvent.id.desc()).limit(2))
        assert list(verbs) == ["issue override", "issue correct"]
    for verb, *options in again:
        assert sent("delivery", verb, "--issue", "editors-digest/1", *options).exit_code == 0

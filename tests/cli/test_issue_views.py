import email
from email import policy
from pathlib import Path

import pytest
from sqlalchemy import select, update

from digest.clock import SystemClock
from digest.database.tables import database_now
from digest.database.transactions import Database
from digest.delivery.ledger.freezing import freeze
from digest.delivery.ledger.totals import count_issues
from digest.models import (
    AuditEvent,
    Delivery,
    DeliveryState,
    Issue,
    IssueState,
    Newsletter,
    Story,
    StoryClicks,
    Wait,
)
from digest.readers.data.day_counts import count_days
from tests.cli.conftest import CommandLine
from tests.factories import make_reader
from tests.servers.smtp import SmtpSink


@pytest.fixture
def sent(composed: CommandLine, database: Database) -> CommandLine:
    """A command line whose issue has gone: one reader accepted, one failed, one is in doubt."""
    with database.transaction() as session:
        newsletter = session.scalars(select(Newsletter)).one()
        for name in ("ann", "bea", "cid"):
            make_reader(session, newsletter, f"{name}@example.org")
    assert composed("issue", "send", "editors-digest").exit_code == 0
    with database.reading() as session:
        issue_id = session.scalars(select(Issue.id)).one()
    now, url = SystemClock().now(), "http://127.0.0.1:8000"
    assert freeze(database, issue_id, now=now, public_url=url, inbound_domain=None)
    states = (DeliveryState.ACCEPTED, DeliveryState.FAILED, DeliveryState.IN_DOUBT)
    with database.transaction() as session:
        session.execute(update(Issue).values(state=IssueState.SENT))
        deliveries = session.scalars(select(Delivery).order_by(Delivery.subscriber_id))
        for delivery, state in zip(deliveries, states, strict=True):
            delivery.state = state
            delivery.code = 550 if state is DeliveryState.FAILED else None
    return composed


def test_a_preview_writes_html_text_and_the_whole_mail(
    composed: CommandLine, tmp_path: Path
) -> None:
    said = composed("issue", "preview", "editors-digest", "--to", str(tmp_path / "look"))

    assert said.exit_code == 0
    assert "Subject: The roofs" in said.out
    assert "Undated, first seen within the hour" in said.out
    written = {file.suffix: file for file in (tmp_path / "look").iterdir()}
    assert set(written) == {".html", ".txt", ".eml"}
    assert "The port" in written[".html"].read_text()
    assert "THE PORT" in written[".txt"].read_text().upper()
    message = email.message_from_bytes(written[".eml"].read_bytes(), policy=policy.strict)
    assert message.defects == []
    assert message["Subject"] == "The roofs"
    assert message["To"] == "imara@halyard.example"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_a_preview_changes_nothing(
    composed: CommandLine, database: Database, tmp_path: Path
) -> None:
    composed("issue", "preview", "editors-digest", "--to", str(tmp_path))

    with database.reading() as session:
        issue = session.scalars(select(Issue)).one()
        assert (issue.state, issue.number) == (IssueState.DRAFT, None)
        assert [story.title for story in issue.stories] == [None, None, None]


def test_a_preview_of_what_was_sent_shows_what_was_sent(sent: CommandLine, tmp_path: Path) -> None:
    changed = ("--title", "Another title", "--url", "https://halyard.example/a/roofs")
    assert sent("article", "add", *changed).exit_code == 0
    shown = sent("issue", "preview", "editors-digest/1", "--to", str(tmp_path), "--json").json

    assert shown["subject"] == "The roofs"
    assert len(shown["files"]) == 3


def test_an_issue_without_stories_has_no_preview(paper: CommandLine, tmp_path: Path) -> None:
    paper.add_articles("port", "cold", "roofs")
    said = paper("issue", "preview", "editors-digest", "--to", str(tmp_path))

    assert said.exit_code == 1
    assert list(tmp_path.glob("*.eml")) == []


def test_a_folder_that_cannot_be_written_exits_1(composed: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said = composed("issue", "preview", "editors-digest", "--to", str(tmp_path / "file" / "x"))

    assert said.exit_code == 1
    assert "Cannot write to" in said.err


def test_a_test_goes_to_one_address_and_to_nobody_else(
    composed: CommandLine, database: Database, smtp_sink: SmtpSink
) -> None:
    with database.transaction() as session:
        make_reader(session, session.scalars(select(Newsletter)).one(), "ann@example.org")
    with_relay = CommandLine({**composed.environment, "SMTP_URL": smtp_sink.url})
    said = with_relay("issue", "test", "editors-digest", "--to", "joss@halyard.example")

    assert said.exit_code == 0, said.err
    assert "The relay accepted it: 250" in said.out
    [mail] = smtp_sink.messages
    assert mail.recipients == ("joss@halyard.example",)
    assert mail.message["Subject"] == "[Test] The roofs"
    with database.reading() as session:
        assert session.scalars(select(Delivery)).all() == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("address", ["joss", "joss@halyard.example\nBcc: all@example.org", ""])
def test_a_test_to_what_is_no_address_exits_2(composed: CommandLine, address: str) -> None:
    said = composed("issue", "test", "editors-digest", "--to", address)

    assert said.exit_code == 2
    assert "--to: " in said.err


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_test_without_a_relay_exits_1(composed: CommandLine) -> None:
    without = CommandLine({**composed.environment, "SMTP_URL": "smtp://127.0.0.1:1"})
    said = without("issue", "test", "editors-digest", "--to", "joss@halyard.example")

    assert said.exit_code == 1
    assert said.err.startswith("digest: ")


def test_a_report_adds_up(sent: CommandLine) -> None:
    told = sent("issue", "report", "editors-digest", "--json").json

    assert (told["issue"], told["state"], told["audience"]) == ("editors-digest/1", "sent", 3)
    assert (told["accepted"], told["missed"], told["in_doubt"], told["to_go"]) == (1, 1, 1, 0)
    assert told["audience"] == sum(told["states"].values())
    assert told["reasons"] == [{"reason": "failed (550)", "readers": 1}]


def test_a_report_for_a_person(sent: CommandLine) -> None:
    said = sent("issue", "report", "editors-digest/1")

    assert said.exit_code == 0
    assert "editors-digest/1 is sent." in said.out
    assert "Did not get it" in said.out


def test_a_report_says_what_the_issue_waited_for(sent: CommandLine, database: Database) -> None:
    with database.transaction() as session:
        issue_id = session.scalars(select(Issue.id)).one()
        for began, ended in [(-1000, -280), (-60, None)]:
            session.add(
                Wait(
                    issue_id=issue_id,
                    reason="No connection with the relay mail.example:25.",
                    began_at=database_now(began),
                    ended_at=None if ended is None else database_now(ended),
                )
            )
    said = sent("issue", "report", "editors-digest/1")
    told = sent("issue", "report", "editors-digest/1", "--json").json["waits"]

    words = "It has waited thirteen minutes in all, two times: No connection with the relay"
    assert words in said.out
    assert [(each["times"], each["still"]) for each in told] == [(2, True)]
    assert 780 <= told[0]["seconds"] < 900


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_reports_are_printed_as_figures_csv_and_json(sent: CommandLine, database: Database) -> None:
    said = sent("issue", "report", "editors-digest", "--csv", "clicks")
    assert said.exit_code == 1
    assert "digest newsletter edit SLUG --count-clicks" in said.err
    edited = sent("newsletter", "edit", "editors-digest", "--count-clicks")
    assert "your privacy notice has to say so" in edited.out
    now = SystemClock().now()
    count_days(database, now)
    count_issues(database, now)
    with database.transaction() as session:
        story = session.scalars(select(Story.id).order_by(Story.position).limit(1)).one()
        session.add(StoryClicks(story_id=story, clicks=1200, by_machines=0))

    lines = sent("issue", "report", "editors-digest", "--csv", "clicks").out.splitlines()
    assert lines == [
        "Story,Clicks",
        "The roofs,1200",
        "The cold,fewer than five",
        "The port,fewer than five",
    ]
    lines = sent("issue", "report", "editors-digest", "--csv", "summary").out.splitlines()
    assert lines == [
        "What,Readers",
        "in the audience,3",
        "accepted by the relay,1",
        "did not get it,1",
        "in doubt,1",
    ]
    assert "“The roofs” was followed most often." in sent("issue", "report", "editors-digest").out
    told = sent("issue", "report", "editors-digest", "--json").json["clicks"]
    assert [row["number"] for row in told] == [1200, None, None]

    whole = sent("newsletter", "report", "editors-digest")
    assert whole.out.startswith("The Editor’s Digest has three readers.")
    assert "Nobody has left since" in whole.out
    numbers = sent("newsletter", "report", "editors-digest", "--json").json["numbers"]
    assert [each["readers"] for each in numbers][1:] == [3, 0, 3]
    lines = sent("newsletter", "report", "editors-digest", "--csv", "audience").out.splitlines()
    assert (lines[0], lines[-1].rpartition(",")[2]) == ("Before,Readers", "3")


def test_a_report_before_the_first_issue_exits_1(composed: CommandLine) -> None:
    said = composed("issue", "report", "editors-digest")

    assert said.exit_code == 1
    assert "No issue of Editor’s Digest has gone out yet." in said.err


def test_an_issue_as_a_reader_gets_it_is_logged(
    composed: CommandLine, database: Database, tmp_path: Path
) -> None:
    with database.transaction() as session:
        newsletter = session.scalars(select(Newsletter)).one()
        reader = make_reader(session, newsletter, "ann@example.org", "Ann").subscriber_id
    command = ("issue", "preview", "editors-digest", "--to", str(tmp_path), "--as-reader")
    for typed in ("ann@example.org", str(reader)):
        shown = composed(*command, typed, "--json").json
        [eml] = [file for file in shown["files"] if file.endswith(f"-reader-{reader}.eml")]
        mail = email.message_from_bytes(Path(eml).read_bytes(), policy=policy.default)
        assert (str(mail["To"]), shown["remark"]) == ("Ann <ann@example.org>", "")
    refused = composed(*command, "bea@example.org")
    assert (refused.exit_code, "no subscriber with that address" in refused.err) == (1, True)
    with database.reading() as session:
        rows = session.scalars(select(AuditEvent.row_id).where(AuditEvent.verb == "reader look"))
        assert rows.all() == [reader] * 2

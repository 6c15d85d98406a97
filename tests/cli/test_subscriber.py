import csv
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from digest.database.transactions import Database
from digest.desk.audit import list_events
from digest.models import (
    ConsentDetail,
    Newsletter,
    Notice,
    NoticeKind,
    NoticeState,
    SignUp,
    Subscriber,
    Subscription,
    Terms,
    Wording,
)
from tests.cli.conftest import CommandLine
from tests.factories import NOW, make_newsletter, make_reader

ROBIN = "robin@example.org"


@pytest.fixture
def read(command_line: CommandLine, database: Database) -> CommandLine:
    """A command line whose database has two readers of two newsletters."""
    with database.transaction() as session:
        digest = make_newsletter(session)
        make_newsletter(session, "another")
        make_reader(session, digest, ROBIN, name="Robin")
        make_reader(session, digest, "sam@example.org", name="=cmd()")
    return command_line


def test_readers_are_listed(read: CommandLine) -> None:
    assert ROBIN in read("subscriber", "list").out
    listed = read("subscriber", "list", "editors-digest", "--json").json
    assert [row["email"] for row in listed] == [ROBIN, "sam@example.org"]
    assert read("subscriber", "list", "another", "--json").json == []


def test_a_long_list_is_cut_and_says_so(read: CommandLine) -> None:
    said = read("subscriber", "list", "--limit", "1")

    assert ROBIN in said.out
    assert "2 in all." in said.err


def test_what_is_held_about_a_reader_is_shown(read: CommandLine) -> None:
    shown = read("subscriber", "show", "ROBIN@Example.org", "--json").json

    assert shown["email"] == ROBIN
    assert [period["newsletter"] for period in shown["periods"]] == ["editors-digest"]
    assert "Robin" in read("subscriber", "show", ROBIN).out


def test_readers_are_exported_to_a_file_that_only_its_owner_reads(
    read: CommandLine, tmp_path: Path
) -> None:
    file = tmp_path / "readers.csv"
    said = read("subscriber", "export", "editors-digest", "--to", str(file))

    assert said.exit_code == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with file.open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert [row["email"] for row in rows] == [ROBIN, "sam@example.org"]
    assert rows[1]["name"] == "'=cmd()"
    assert list(tmp_path.glob(".readers*")) == []


def test_an_export_goes_to_standard_output(read: CommandLine) -> None:
    said = read("subscriber", "export")

    assert [line.split(",")[0] for line in said.out.splitlines()] == [
        "email",
        ROBIN,
        "sam@example.org",
    ]


def test_an_export_that_cannot_be_written_exits_1(read: CommandLine, tmp_path: Path) -> None:
    said = read("subscriber", "export", "--to", str(tmp_path / "no" / "such" / "folder.csv"))

    assert said.exit_code == 1
    assert "Cannot write" in said.err


def test_a_reader_is_erased(read: CommandLine, database: Database) -> None:
    said = read("subscriber", "erase", ROBIN, "--yes")

    assert said.exit_code == 0
    with database.reading() as session:
        emails = session.scalars(select(Subscriber.email).order_by(Subscriber.id)).all()
    assert emails == [None, "sam@example.org"]
    assert read("subscriber", "show", ROBIN).exit_code == 1


def test_nobody_is_erased_without_a_yes(read: CommandLine, database: Database) -> None:
    assert read("subscriber", "erase", ROBIN).exit_code == 1

    with database.reading() as session:
        assert session.scalar(select(Subscriber.email).where(Subscriber.email == ROBIN)) == ROBIN


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("command", ["show", "erase"])
@pytest.mark.parametrize("address", ["nobody@example.org", "nobody"])
def test_a_reader_that_is_not_there_exits_1(read: CommandLine, command: str, address: str) -> None:
    said = read("subscriber", command, address)

    assert said.exit_code == 1
    assert said.err.startswith("digest: ")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_newsletter_that_is_not_there_exits_1(read: CommandLine, database: Database) -> None:
    assert read("subscriber", "list", "weekly").exit_code == 1
    assert read("subscriber", "export", "weekly").exit_code == 1
    with database.reading() as session:
        assert len(session.scalars(select(Newsletter)).all()) == 2


def test_a_sign_up_that_waits_is_shown_with_what_became_of_its_mail(
    read: CommandLine, database: Database
) -> None:
    said = "The address is not ASCII before the @, and the relay does not offer SMTPUTF8."
    with database.transaction() as session:
        newsletter = session.scalars(select(Newsletter)).first()
        assert newsletter is not None
        terms = Terms(version=1, body="Be kind.", published_at=NOW)
        wording = Wording(number=1, label="I [agree]", terms=terms, created_at=NOW)
        asked = SignUp(
            token_id=bytes(16),
            subject=bytes(16),
            email="jörg@example.org",
            email_key="jörg@example.org",
            site="halyard.example",
            wording=wording,
            requested_at=NOW,
            expires_at=NOW,
        )
        session.add(asked)
        session.flush()
        session.add(
            Notice(
                token_id=bytes(16),
                kind=NoticeKind.CONFIRMATION,
                newsletter_id=newsletter.id,
                sign_up_id=asked.id,
                state=NoticeState.FAILED,
                reply=said,
                created_at=NOW,
            )
        )
    assert "no reader yet" in read("subscriber", "show", "JÖRG@example.org").out
    shown = read("subscriber", "show", "jörg@example.org", "--json").json
    assert shown["notices"][0]["reply"] == said
    assert read("subscriber", "show", "nobody@example.org").exit_code == 1


def test_what_a_reader_asked_for_by_letter_is_done(read: CommandLine, database: Database) -> None:
    asked = (ROBIN, "editors-digest")
    assert "is paused" in read("subscriber", "pause", *asked).out
    until = (datetime.now(UTC) + timedelta(days=40)).date().isoformat()
    assert read("subscriber", "pause", *asked, "--until", until).exit_code == 0
    with database.reading() as session:
        paused = session.scalars(
            select(Subscription.paused_until).order_by(Subscription.id)
        ).first()
    assert paused is not None
    assert paused.astimezone(ZoneInfo("Europe/London")).date().isoformat() == until
    past = read("subscriber", "pause", *asked, "--until", "2020-01-01")
    assert (past.exit_code, "--until: Choose a day" in past.err) == (2, True)
    assert "comes to this reader again" in read("subscriber", "resume", *asked).out
    assert "no more" in read("subscriber", "unsubscribe", *asked).out
    again = read("subscriber", "unsubscribe", *asked)
    assert (again.exit_code, "does not get" in again.err) == (1, True)
    with database.reading() as session:
        assert session.scalars(select(ConsentDetail.form).distinct()).all() == ["command"]
        verbs = [each.verb for each in list_events(session, at_most=9)]
    assert verbs == [f"reader {verb}" for verb in ("unsubscribe", "resume", "pause", "pause")]

"""`digest audit`, as a person types it."""

import hashlib
import json
import stat
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from digest.clock import SystemClock
from digest.database.transactions import Database
from digest.desk.audit import OPERATOR, Actor, record
from digest.desk.audit_chain import seal_events
from tests.chain.tampering import disarm
from tests.cli.conftest import CommandLine
from tests.desk.sealed import make_user


@pytest.fixture
def digest(command_line: CommandLine, database: Database) -> CommandLine:
    """A command line whose database has four events in it; the clock is the real one."""
    now = SystemClock().now()
    with database.transaction() as session:
        imara = Actor(make_user(session), "203.0.113.7")
        record(
            session, imara, "issue edit", "issue", 7, now=now - timedelta(minutes=9),
            fields=("subject",), values={"before": "Ferry", "after": "Ferries"},
        )  # fmt: skip
        record(
            session, imara, "issue approve", "issue", 7, now=now, fields=("state", "approved_at")
        )
        record(session, OPERATOR, "user create", "desk_user", 2, now=now)
        record(session, Actor(make_user(session, "Robin")), "source add", "source", 3, now=now)
    return command_line


def seal(database: Database) -> None:
    seal_events(database, SystemClock().now())


def tamper(database: Database, statement: str) -> None:
    with database.transaction() as session:
        disarm(session)
        session.execute(text(statement))


def test_what_was_done_is_listed_with_who_did_it_and_where(digest: CommandLine) -> None:
    said = digest("audit", "list")

    assert said.exit_code == 0
    rows = [
        [cell.strip() for cell in line.split("│")[2:-1]]
        for line in said.out.splitlines()
        if line.startswith("│")
    ]
    assert rows == [
        ["Robin", "source add", "source 3", "", "", ""],
        ["the operator", "user create", "desk_user 2", "", "", ""],
        ["Imara Vance-Oduya", "issue approve", "issue 7", "", "approved_at, state", "203.0.113.7"],
        ["Imara Vance-Oduya", "issue edit", "issue 7", "", "subject", "203.0.113.7"],
    ]
    newest = digest("audit", "list", "--limit", "1")
    assert "source add" in newest.out
    assert "user create" not in newest.out
    assert "4 in all." in newest.err


def test_a_list_is_of_one_user_and_of_some_days(digest: CommandLine, database: Database) -> None:
    seal(database)
    by_imara = digest("audit", "list", "--user", "IMARA@example.org", "--json").json

    assert [event["verb"] for event in by_imara] == ["issue approve", "issue edit"]
    assert by_imara[1] | {"at": None} == {
        "id": 1, "at": None, "user": "Imara Vance-Oduya", "by_operator": False,
        "email": "imara@example.org",
        "verb": "issue edit", "table": "issue", "row": 7, "newsletter": None,
        "fields": ["subject"], "ip": "203.0.113.7",
        "values": {"before": "Ferry", "after": "Ferries"}, "link": 1,
    }  # fmt: skip
    tomorrow = f"{SystemClock().now() + timedelta(days=1):%Y-%m-%d}"
    assert len(digest("audit", "list", "--since", "2026-01-31", "--json").json) == 4
    assert digest("audit", "list", "--since", tomorrow, "--json").json == []
    assert digest("audit", "list", "--since", tomorrow).out == "Nothing was done.\n"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_was_typed_wrongly_is_said(digest: CommandLine, tmp_path: Path) -> None:
    day = digest("audit", "list", "--since", "yesterday")
    assert day.exit_code == 2
    assert "'yesterday' is not a day; give one like 2026-11-28." in day.err
    nobody = digest("audit", "list", "--user", "mina@example.org")
    assert nobody.exit_code == 1
    assert "There is no user with the address mina@example.org." in nobody.err
    (tmp_path / "head").write_text("nonsense")
    head = digest("audit", "verify", "--head", str(tmp_path / "head"))
    assert head.exit_code == 1
    assert "as `digest audit head` prints them" in head.err


def test_the_chain_is_verified_and_its_head_kept(
    digest: CommandLine, database: Database, tmp_path: Path
) -> None:
    before = digest("audit", "verify")
    assert (before.exit_code, before.out) == (
        0,
        "Nothing is sealed yet.\n4 events are not sealed yet. The tick does it, each minute.\n",
    )
    assert digest("audit", "head").exit_code == 1
    seal(database)

    line = digest("audit", "head").out
    (tmp_path / "head").write_text(line)
    (tmp_path / "head.json").write_text(digest("audit", "head", "--json").out)
    said = digest("audit", "verify")
    assert said.exit_code == 0
    assert "The chain holds: 4 links, 2 of them still with their personal details." in said.out
    assert "only against a head that you keep elsewhere: digest audit head" in said.out
    kept = digest(
        "audit", "verify",
        "--head", str(tmp_path / "head"), "--head", str(tmp_path / "head.json"),
    )  # fmt: skip
    assert kept.exit_code == 0
    assert "All 2 heads that you kept are in it." in kept.out


def test_what_was_altered_is_named_and_exits_1(digest: CommandLine, database: Database) -> None:
    seal(database)
    tamper(database, "UPDATE audit_event SET user_id = NULL WHERE id = 2")
    said = digest("audit", "verify")

    assert said.exit_code == 1
    assert "✗ Event 2 (issue approve, " in said.out
    assert "does not fit link 2: it was altered after it was sealed." in said.out
    assert "The chain does not hold: One thing does not fit, of 4 links." in said.out
    found = digest("audit", "verify", "--json")
    assert found.exit_code == 1
    assert (found.json["holds"], found.json["problem_count"]) == (False, 1)
    assert [problem["record"] for problem in found.json["problems"]] == [2]


def test_a_tail_that_was_cut_off_is_found_against_the_head(
    digest: CommandLine, database: Database, tmp_path: Path
) -> None:
    seal(database)
    (tmp_path / "head").write_text(digest("audit", "head").out)
    tamper(database, "DELETE FROM audit_seal WHERE sequence = 4")
    tamper(database, "DELETE FROM audit_event WHERE id = 4")

    assert digest("audit", "verify").exit_code == 0
    said = digest("audit", "verify", "--head", str(tmp_path / "head"))
    assert said.exit_code == 1
    assert "the last link was cut off" in said.out


def test_the_chain_is_exported_for_who_has_no_digest(
    digest: CommandLine, database: Database, tmp_path: Path
) -> None:
    seal(database)
    file = tmp_path / "audit.jsonl"
    assert digest("audit", "export", "--to", str(file)).exit_code == 0

    written = file.read_text(encoding="utf-8")
    hashes = [hashlib.sha256(line.encode()).hexdigest() for line in written.splitlines()]
    assert [json.loads(line)["previous"] for line in written.splitlines()] == (
        ["0" * 64, *hashes[:-1]]
    )
    assert digest("audit", "head").out.startswith(f"4 {hashes[-1]} ")
    assert digest("audit", "export").out == written
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    for personal in ("203.0.113.7", "Ferr", "Imara", "example.org"):
        assert personal not in written

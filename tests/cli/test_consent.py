"""`digest consent`, as a person types it."""

import hashlib
import json
import stat
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import text

from digest.clock import FixedClock, SystemClock
from digest.database.transactions import Database
from digest.newsroom.terms import publish_terms
from digest.readers.consent.sealing import seal_consents
from tests.chain.tampering import disarm
from tests.cli.conftest import CommandLine
from tests.factories import NOW, make_newsletter
from tests.readers.conftest import ReadersDesk

TERMS = "# Terms\n\nWe send <b>what</b> you asked for & nothing else.\n"


@dataclass(frozen=True)
class Records:
    """A command line whose database has two readers' events in it."""

    digest: CommandLine
    database: Database

    def seal(self) -> None:
        seal_consents(self.database, SystemClock().now())

    def tamper(self, statement: str) -> None:
        with self.database.transaction() as session:
            disarm(session)
            session.execute(text(statement))


@pytest.fixture
def records(command_line: CommandLine, database: Database) -> Records:
    with database.transaction() as session:
        make_newsletter(session)
        publish_terms(session, TERMS, NOW)
    # The command line's clock is the real one, and nothing here is old.
    desk = ReadersDesk(database, FixedClock(SystemClock().now()))
    desk.subscribe("robin@example.org", name="Robin <b>")
    desk.subscribe("mina@example.com")
    return Records(command_line, database)


def test_a_chain_is_verified_and_its_head_kept(records: Records, tmp_path: Path) -> None:
    before = records.digest("consent", "verify")
    assert before.exit_code == 0
    assert (
        before.out
        == "Nothing is sealed yet.\n4 records are not sealed yet. The tick does it, each minute.\n"
    )
    assert records.digest("consent", "head").exit_code == 1
    records.seal()

    line = records.digest("consent", "head").out
    sequence, digits, when = line.split()
    assert (sequence, len(digits), when[-1]) == ("4", 64, "Z")
    (tmp_path / "head").write_text(line)
    (tmp_path / "head.json").write_text(records.digest("consent", "head", "--json").out)
    said = records.digest("consent", "verify")
    assert said.exit_code == 0
    assert "The chain holds: 4 links, 4 of them still with their personal details." in said.out
    assert f"Its head: 4 {digits}" in said.out
    assert "only against a head that you keep elsewhere: digest consent head" in said.out
    for name in ("head", "head.json"):
        kept = records.digest("consent", "verify", "--head", str(tmp_path / name))
        assert kept.exit_code == 0
        assert "The head that you kept is in it." in kept.out


def test_what_was_altered_is_named_and_exits_1(records: Records, tmp_path: Path) -> None:
    records.seal()
    (tmp_path / "head").write_text(records.digest("consent", "head").out)
    records.tamper("UPDATE consent SET kind = 'imported' WHERE id = 2")
    said = records.digest("consent", "verify")

    assert said.exit_code == 1
    assert "✗ Record 2 (imported, " in said.out
    assert "The chain does not hold: One thing does not fit, of 4 links." in said.out
    found = records.digest("consent", "verify", "--json")
    assert found.exit_code == 1
    assert (found.json["holds"], found.json["problem_count"]) == (False, 1)
    assert [problem["record"] for problem in found.json["problems"]] == [2]


def test_a_tail_that_was_cut_off_is_found_against_the_head(
    records: Records, tmp_path: Path
) -> None:
    records.seal()
    (tmp_path / "head").write_text(records.digest("consent", "head").out)
    records.tamper("DELETE FROM consent_seal WHERE sequence = 4")
    records.tamper("DELETE FROM consent_detail WHERE consent_id = 4")
    records.tamper("DELETE FROM consent WHERE id = 4")

    assert records.digest("consent", "verify").exit_code == 0
    said = records.digest("consent", "verify", "--head", str(tmp_path / "head"))
    assert said.exit_code == 1
    assert "the last link was cut off" in said.out


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_file_that_holds_no_head_exits_1(records: Records, tmp_path: Path) -> None:
    (tmp_path / "head").write_text("nonsense")
    said = records.digest("consent", "verify", "--head", str(tmp_path / "head"))

    assert said.exit_code == 1
    assert "That is no head of the chain" in said.err
    assert records.digest("consent", "verify", "--head", "no-such-file").exit_code == 2


def test_one_person_s_proof_is_printed(records: Records) -> None:
    records.seal()
    said = records.digest("consent", "prove", "ROBIN@example.org")

    assert said.exit_code == 0
    assert said.out.startswith("CONSENT OF robin@example.org\nThe Halyard, printed ")
    assert "Two events. Everything fits its seal." in said.out
    for part in ("1. REQUESTED, ", "2. CONFIRMED, ", "   Name: Robin <b>", "203.0.113.7"):
        assert part in said.out
    assert TERMS in said.out, "in full, and to the letter"
    assert "I have read and agree to the [terms & conditions]" in said.out
    assert "mina" not in said.out
    # A third party takes the lines from the page, and comes to the same hashes.
    lines = said.out.splitlines()
    for number, line in enumerate(lines):
        if line.startswith("Link "):
            assert hashlib.sha256(lines[number + 1].encode()).hexdigest() in line
    shown = records.digest("consent", "prove", "robin@example.org", "--json").json
    assert [event["kind"] for event in shown["events"]] == ["requested", "confirmed"]
    assert shown["fits"] is True


def test_the_page_to_print_is_the_owner_s_alone_and_has_no_script(
    records: Records, tmp_path: Path
) -> None:
    records.seal()
    file = tmp_path / "proof.html"
    said = records.digest("consent", "prove", "robin@example.org", "--html", str(file))

    assert said.exit_code == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    page = file.read_text(encoding="utf-8")
    assert "<script" not in page
    assert "Robin &lt;b&gt;" in page
    assert "We send &lt;b&gt;what&lt;/b&gt; you asked for &amp; nothing else." in page
    assert "@page" in page


def test_a_proof_that_does_not_fit_is_printed_says_so_and_exits_1(records: Records) -> None:
    records.seal()
    records.tamper("UPDATE consent_detail SET ip = '198.51.100.1' WHERE consent_id = 1")
    said = records.digest("consent", "prove", "robin@example.org")

    assert said.exit_code == 1
    assert "Who and where do not fit this event: they were altered." in said.out
    assert "Two events, and not all of them fit what was sealed." in said.out
    assert "not everything fits" in said.err


def test_after_an_erasure_the_chain_holds_and_there_is_nothing_to_print(
    records: Records,
) -> None:
    records.seal()
    assert records.digest("subscriber", "erase", "robin@example.org", "--yes").exit_code == 0
    records.seal()

    said = records.digest("consent", "prove", "robin@example.org")
    assert (said.exit_code, said.out) == (1, "")
    assert "That address was erased on " in said.err
    verified = records.digest("consent", "verify")
    assert verified.exit_code == 0
    assert "The chain holds: 5 links, 2 of them still with their personal details." in verified.out


def test_the_chain_is_exported_for_who_has_no_digest(records: Records, tmp_path: Path) -> None:
    records.seal()
    file = tmp_path / "chain.jsonl"
    assert records.digest("consent", "export", "--to", str(file)).exit_code == 0

    lines = file.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 4
    hashes = [hashlib.sha256(line.encode()).hexdigest() for line in lines]
    assert [json.loads(line)["previous"] for line in lines[1:]] == hashes[:-1]
    assert hashes[-1] in records.digest("consent", "head").out
    assert records.digest("consent", "export").out == file.read_text(encoding="utf-8")
    assert "example" not in file.read_text(encoding="utf-8")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_was_typed_wrongly_exits_2(records: Records, tmp_path: Path) -> None:
    file = str(tmp_path / "proof.html")
    both = records.digest("consent", "prove", "robin@example.org", "--json", "--html", file)
    assert both.exit_code == 2
    assert records.digest("consent", "prove").exit_code == 2
    assert records.digest("consent", "prove", "robin").exit_code == 1

from pathlib import Path

from sqlalchemy import select

from digest.database.transactions import Database
from digest.models import Wording
from tests.cli.conftest import CommandLine


def test_terms_are_published_and_linked(
    command_line: CommandLine, database: Database, tmp_path: Path
) -> None:
    file = tmp_path / "terms.md"
    file.write_text("# Terms\n\nBe kind.\n", encoding="utf-8")
    said = command_line("terms", "publish", str(file))

    assert said.exit_code == 0
    assert "version 1: http://127.0.0.1:8000/terms/1" in said.out
    with database.reading() as session:
        wording = session.scalars(select(Wording)).one()
    assert wording.label == "I have read and agree to the [terms & conditions]"
    assert wording.terms.body == "# Terms\n\nBe kind.\n"


def test_a_file_that_is_not_text_exits_1(command_line: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "terms.docx").write_bytes(b"PK\x03\x04\xff\xfe")
    said = command_line("terms", "publish", str(tmp_path / "terms.docx"))

    assert said.exit_code == 1
    assert "not text in UTF-8" in said.err


def test_no_file_exits_2(command_line: CommandLine) -> None:
    assert command_line("terms", "publish", "no-such-file.md").exit_code == 2


def test_a_sentence_without_a_link_exits_2(command_line: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "terms.md").write_text("Be kind.")
    said = command_line("terms", "publish", str(tmp_path / "terms.md"), "--label", "I agree")

    assert said.exit_code == 2
    assert "--label: Put the words of the link in square brackets" in said.err


def test_empty_terms_exit_2(command_line: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "terms.md").write_text("\n")
    said = command_line("terms", "publish", str(tmp_path / "terms.md"))

    assert said.exit_code == 2
    assert "The terms are empty." in said.err

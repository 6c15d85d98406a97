"""SQLite: what counts as another file, and what as the same one in an earlier state."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select, update

from digest import home
from digest.database.transactions import Database
from digest.home.file import witness_of
from digest.models import Home
from tests.factories import NOW
from tests.home.conftest import look, sqlite
from tests.servers.dumps import dump, file_of

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def raise_mark(database: Database) -> None:
    with database.transaction() as session:
        home.raise_mark(session)


def closed(database: Database) -> Path:
    database.dispose()
    return file_of(database.url)


def test_a_copy_is_another_file_even_with_its_witness(paper: Database, tmp_path: Path) -> None:
    path = closed(paper)
    shutil.copy(path, tmp_path / path.name)
    shutil.copy(witness_of(path), tmp_path)
    assert not look(paper.url).moved
    assert look(sqlite(tmp_path / path.name)).why == "it lived in another file"


def test_a_folder_that_is_renamed_is_still_the_same_place(paper: Database) -> None:
    path = closed(paper)
    folder = path.parent / "renamed"
    folder.mkdir()
    path.rename(folder / "other.sqlite3")
    witness_of(path).rename(folder / "other.sqlite3.home")
    assert not look(sqlite(folder / "other.sqlite3")).moved


def by_copying(backup: Path, path: Path) -> None:
    shutil.copyfile(backup, path)


def by_sqlites_backup(backup: Path, path: Path) -> None:
    with closing(sqlite3.connect(backup)) as source, closing(sqlite3.connect(path)) as target:
        source.backup(target)


@pytest.mark.parametrize("put_back", [by_copying, by_sqlites_backup])
def test_an_older_state_in_the_same_file_is_seen_by_the_witness(
    paper: Database, tmp_path: Path, put_back: Callable[[Path, Path], None]
) -> None:
    backup = tmp_path / "backup.sqlite3"
    raise_mark(paper)
    dump(paper.url, backup)
    raise_mark(paper)
    put_back(backup, closed(paper))
    assert look(paper.url).why == "an older state of it was put back into its file"


def test_a_witness_that_lags_tells_nothing(paper: Database) -> None:
    # As after a power cut between the commit and the file.
    old = witness_of(file_of(paper.url)).read_bytes()
    raise_mark(paper)
    assert witness_of(file_of(paper.url)).read_bytes() != old
    witness_of(file_of(paper.url)).write_bytes(old)
    assert not look(paper.url).moved


@pytest.mark.parametrize("content", [None, b"", b"scratched", b"another 00000000000000000000\n"])
def test_without_its_witness_it_is_not_believed_until_it_is_accepted(
    paper: Database, content: bytes | None
) -> None:
    witness = witness_of(file_of(paper.url))
    witness.unlink()
    if content is not None:
        witness.write_bytes(content)
    assert f"the file {witness.name}" in look(paper.url).why
    with paper.transaction() as session:
        home.record(session, NOW)
    assert not look(paper.url).moved
    raise_mark(paper)
    assert not look(paper.url).moved
    assert not list(witness.parent.glob("*.home.*")), "nothing is left of making it"


def test_another_number_of_the_device_alone_is_a_restart_of_the_machine(paper: Database) -> None:
    with paper.transaction() as session:
        found = session.scalars(select(Home.identity).order_by(Home.id.desc())).first()
        assert found is not None
        assert found.startswith("device=")
        _, _, rest = found.partition(";")
        session.execute(update(Home).values(identity=f"device=1;{rest}"))
    assert not look(paper.url).moved


def test_what_another_process_sends_in_the_middle_of_a_look_is_no_restore(
    paper: Database,
) -> None:
    with paper.reading() as session:
        assert not home.look(session).moved
        other = Database(paper.url)
        raise_mark(other)
        other.dispose()
        assert not home.look(session).moved, "this transaction still sees the mark of before"


def test_a_file_that_is_gone_is_not_at_home(paper: Database) -> None:
    with paper.reading() as session:
        file_of(paper.url).unlink()
        assert home.look(session).why == "its file is gone"

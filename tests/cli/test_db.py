"""`digest db`: files that only their owner can read, whatever the umask."""

import os
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from digest.database.transactions import Database
from digest.migrations import upgrade
from tests.cli.conftest import CommandLine

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture(params=[0o000, 0o022, 0o077, 0o777])
def _umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, str]:
    return {each.name: oct(stat.S_IMODE(each.stat().st_mode)) for each in folder.iterdir()}


@pytest.mark.usefixtures("_umask")
def test_a_new_database_is_its_owner_s_alone(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(0o700)
    url = f"sqlite:///{folder}/digest.sqlite3"
    upgrade(url)
    database = Database(url)
    with database.transaction() as session:
        session.connection()
        assert set(modes(folder).values()) == {"0o600"}
        assert any(name.endswith("-wal") for name in modes(folder))
    database.dispose()


@SQLITE
@pytest.mark.usefixtures("_umask")
def test_a_backup_is_whole_and_its_owner_s_alone(
    command_line: CommandLine, tmp_path: Path, database: Database
) -> None:
    file = tmp_path / "backup.sqlite3"
    said = command_line("db", "backup", str(file))

    assert said.exit_code == 0, said.err
    assert modes(tmp_path)["backup.sqlite3"] == "0o600"
    with sqlite3.connect(file) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert copy.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)
    copy.close()
    again = command_line("db", "backup", str(file))
    assert again.exit_code == 1
    assert "already" in again.err


def test_a_backup_of_postgresql_is_pg_dump_s(command_line: CommandLine, database_url: str) -> None:
    if database_url.startswith("sqlite"):
        return
    said = command_line("db", "backup", "backup.sqlite3")

    assert said.exit_code == 1
    assert "pg_dump" in said.err

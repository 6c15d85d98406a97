"""The `digest` command as its user types it: help, exit codes, and one sentence when it fails."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from digest.cli import COMMANDS
from digest.cli import digest as digest_command
from digest.migrations import newest_revision
from digest.settings.loading import new_secret
from tests.servers.postgresql import PostgresServer

REPOSITORY = Path(__file__).parent.parent.parent
KEYS = {"DIGEST_KEYS": f"k1:{new_secret()}", "DIGEST_SUPPRESSION_KEY": new_secret()}

Started = subprocess.Popen[str]
Ended = subprocess.CompletedProcess[str]
Run = Callable[..., Ended]


def start(folder: Path, *arguments: str, **variables: str) -> Started:
    return subprocess.Popen(
        [sys.executable, "-c", "from digest.cli import main; main()", *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def digest(tmp_path: Path) -> Run:
    """Call it to run `digest` in an empty folder with these variables and no others of ours."""

    def run(*arguments: str, **variables: str) -> Ended:
        with start(tmp_path, *arguments, **variables) as process:
            stdout, stderr = process.communicate(timeout=60)
        return subprocess.CompletedProcess(arguments, process.returncode, stdout, stderr)

    return run


def assert_one_sentence(ended: Ended, *words: str) -> None:
    """Exit 1, nothing on standard output, one line on standard error that says what to do."""
    assert ended.returncode == 1, ended
    assert ended.stdout == ""
    assert ended.stderr.startswith("digest: ")
    assert ended.stderr.count("\n") == 1
    assert "Traceback" not in ended.stderr
    for word in words:
        assert word in ended.stderr


# Help


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_lists_every_command(digest: Run, flag: str) -> None:
    ended = digest(flag)
    assert ended.returncode == 0
    for name, sentence in COMMANDS.items():
        assert any(line.split()[:1] == [name] for line in ended.stdout.splitlines()), name
        assert sentence.split(".")[0][:20] in ended.stdout


def test_help_does_not_look_at_the_settings(digest: Run, tmp_path: Path) -> None:
    assert digest("--help", DATABASE_URL="nonsense").returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_version(digest: Run, tmp_path: Path) -> None:
    ended = digest("--version")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("digest, version 0.")


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_explains_itself(name: str) -> None:
    done = CliRunner().invoke(digest_command, [name, "--help"], prog_name="digest")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: digest {name}")


# Used wrongly


@pytest.mark.parametrize("arguments", [["letter"], ["--verbose"], ["db", "upgrade", "now"]])
def test_what_it_does_not_know_exits_2(digest: Run, arguments: list[str]) -> None:
    ended = digest(*arguments)
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert "--help" in ended.stderr
    assert "Traceback" not in ended.stderr


# Settings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://localhost/digest"),
        ("DIGEST_LEASE_SECONDS", "nan"),
        ("DIGEST_KEYS_FILE", "missing"),
    ],
)
def test_a_malformed_setting_is_named(digest: Run, name: str, value: str) -> None:
    ended = digest("db", "upgrade", **{name: value})
    assert_one_sentence(ended, "should")
    assert ended.stderr.startswith(f"digest: {name.removesuffix('_FILE')}: ")


@pytest.mark.parametrize("name", KEYS)
def test_a_missing_setting_is_named(digest: Run, name: str, tmp_path: Path) -> None:
    others = {key: value for key, value in KEYS.items() if key != name}
    ended = digest("db", "upgrade", REDIS_URL="redis://127.0.0.1:1/0", **others)
    assert_one_sentence(ended, f"{name} is not set")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_named(digest: Run, tmp_path: Path) -> None:
    ended = digest("db", "upgrade", DATABASE_URL=f"sqlite:///{tmp_path}/missing/x.sqlite3", **KEYS)
    assert_one_sentence(ended, "DATABASE_URL", f"{tmp_path}/missing")
    assert list(tmp_path.iterdir()) == []


def test_a_data_folder_that_is_a_file_is_named(digest: Run, tmp_path: Path) -> None:
    (tmp_path / "digest-data").write_text("")
    assert_one_sentence(digest("db", "upgrade", **KEYS), "DIGEST_DATA_DIR")
    assert_one_sentence(digest("db", "upgrade"), "DIGEST_DATA_DIR")


# digest db upgrade


def test_upgrading_twice_changes_nothing_the_second_time(digest: Run, tmp_path: Path) -> None:
    for _ in range(2):
        ended = digest("db", "upgrade")
        assert (ended.returncode, ended.stderr) == (0, "")
        assert ended.stdout == f"The database is at revision {newest_revision()}.\n"
    names = sorted(path.name for path in (tmp_path / "digest-data").iterdir())
    assert names == ["digest.sqlite3", "digest.sqlite3.home", "keys"]


def test_upgrading_twice_at_once(postgres_server: PostgresServer, tmp_path: Path) -> None:
    url = postgres_server.create_database().replace("+psycopg", "")
    for variables in ({}, {"DATABASE_URL": url}):
        together = [start(tmp_path, "db", "upgrade", **variables) for _ in range(2)]
        for process in together:
            stdout, stderr = process.communicate(timeout=60)
            assert (process.returncode, stderr) == (0, "")
            assert newest_revision() in stdout
    postgres_server.drop(url)


def test_before_the_upgrade_it_says_so(digest: Run) -> None:
    assert_one_sentence(digest("newsletter", "list"), "digest db upgrade")


def test_a_postgresql_that_is_away(digest: Run, tmp_path: Path) -> None:
    away = f"postgresql://digest@/digest?host={tmp_path}"
    assert_one_sentence(digest("db", "upgrade", DATABASE_URL=away), "did not answer")


def test_a_file_that_is_no_database(digest: Run, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("Not a database. " * 100)
    assert_one_sentence(digest("db", "upgrade", DATABASE_URL=f"sqlite:///{path}"), "not a database")
    assert path.read_text() == "Not a database. " * 100


def test_another_suppression_key(digest: Run) -> None:
    digest("db", "upgrade")
    assert digest("newsletter", "list").returncode == 0
    ended = digest("newsletter", "list", DIGEST_SUPPRESSION_KEY=new_secret())
    assert_one_sentence(ended, "DIGEST_SUPPRESSION_KEY")

"""An environment file: systemd's syntax, refused where others can read it, the environment wins."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.errors import SettingError
from digest.settings.environment_file import (
    _assignments,
    add_environment_file,
    read_environment_file,
)

# What `systemd-run --property=EnvironmentFile=` gives a process of each, as its manual says.
WRITTEN = r"""
# a comment
; another
PLAIN=value
SPACED =  two words\x20\x20
QUOTED="a \"b\" \$c \\d \e"
SINGLE='it is "so" \n'
JOINED=a"b"'c'
CONTINUED=one \
two
EMPTY=
HASH=a#b
ESCAPED=a\ b\"c
LINES="first
second"
URL=postgresql://digest:p%40ss@localhost/digest?sslmode=require
TWICE=1
TWICE=2
LAST=no line end""".replace("\\x20", " ")

MEANT = {
    "PLAIN": "value",
    "SPACED": "two words",
    "QUOTED": 'a "b" $c \\d \\e',
    "SINGLE": 'it is "so" \\n',
    "JOINED": "abc",
    "CONTINUED": "one two",
    "EMPTY": "",
    "HASH": "a#b",
    "ESCAPED": 'a b"c',
    "LINES": "first\nsecond",
    "URL": "postgresql://digest:p%40ss@localhost/digest?sslmode=require",
    "TWICE": "2",
    "LAST": "no line end",
}


def file_of(folder: Path, text: str, mode: int = 0o640) -> Path:
    path = folder / "environment"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_it_is_read_as_systemd_reads_it(tmp_path: Path) -> None:
    assert read_environment_file(file_of(tmp_path, WRITTEN)) == MEANT


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o602])
def test_one_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = file_of(tmp_path, "A=1", mode)
    with pytest.raises(SettingError, match=f"chmod o= {path}"):
        read_environment_file(path)


@pytest.mark.parametrize(
    ("text", "line"), [("A=1\nexport B=2", 2), ("\n\nnonsense\n", 3), ("=x", 1), ("1A=x", 1)]
)
def test_what_is_no_assignment_is_named(tmp_path: Path, text: str, line: int) -> None:
    with pytest.raises(SettingError, match=f"line {line} of .* should be NAME=value"):
        read_environment_file(file_of(tmp_path, text))


def test_one_that_is_missing_binary_or_huge_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="cannot be read: No such file"):
        read_environment_file(tmp_path / "none")
    binary = file_of(tmp_path, "")
    binary.write_bytes(b"A=\xff")
    with pytest.raises(SettingError, match="not text in UTF-8"):
        read_environment_file(binary)
    with pytest.raises(SettingError, match="larger than any"):
        read_environment_file(file_of(tmp_path, "A=" + "b" * 300_000))


def test_the_environment_wins_also_by_a_files_name(tmp_path: Path) -> None:
    path = file_of(tmp_path, "A=file\nB=file\nC_FILE=/file\nD=file\nE=file")
    environment = {"DIGEST_ENV_FILE": str(path), "A": "own", "B": " ", "C": "own", "D_FILE": "/own"}
    add_environment_file(environment)

    assert environment == {
        "DIGEST_ENV_FILE": str(path),
        "A": "own",
        "B": "file",
        "C": "own",
        "D_FILE": "/own",
        "E": "file",
    }


def test_without_a_name_none_is_looked_for() -> None:
    environment = {"DIGEST_ENV_FILE": ""}
    add_environment_file(environment)
    assert environment == {"DIGEST_ENV_FILE": ""}


@given(st.text(max_size=200))
def test_whatever_stands_in_it_is_read_or_refused(text: str) -> None:
    for line, name, value in _assignments(text):
        assert 1 <= line <= text.count("\n") + 1
        assert "\n" not in name
        assert len(value) <= len(text)


@given(st.text(st.characters(exclude_characters="\0\r", codec="utf-8"), max_size=80))
def test_a_single_quoted_value_is_as_it_stands(value: str) -> None:
    quoted = "'" + value.replace("'", "'\"'\"'") + "'"
    assert list(_assignments(f"A={quoted}\nB=1")) == [
        (1, "A", value),
        (2 + value.count("\n"), "B", "1"),
    ]


def run_digest(
    tmp_path: Path, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:

    return subprocess.run(
        [sys.executable, "-c", "from digest.cli import main; main()", *arguments],
        cwd=tmp_path,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(sys.path),
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_commands_take_it_as_an_option_or_by_the_environment(tmp_path: Path) -> None:
    data = tmp_path / "data"
    path = file_of(tmp_path, f'DIGEST_DATA_DIR="{data}"\n')
    made = run_digest(tmp_path, "--env-file", str(path), "db", "upgrade")
    listed = run_digest(tmp_path, "newsletter", "list", DIGEST_ENV_FILE=str(path))
    own = run_digest(
        tmp_path, "db", "upgrade", DIGEST_ENV_FILE=str(path), DIGEST_DATA_DIR=str(tmp_path / "own")
    )

    assert (made.returncode, listed.returncode, own.returncode) == (0, 0, 0)
    assert "There are no newsletters yet" in listed.stdout
    assert (data / "digest.sqlite3").exists()
    assert (tmp_path / "own" / "digest.sqlite3").exists()
    assert not (tmp_path / "digest-data").exists()


def test_one_that_others_can_read_ends_the_command_and_doctor_names_it(tmp_path: Path) -> None:
    path = file_of(tmp_path, "DIGEST_LOG_FORMAT=text\n", 0o644)
    refused = run_digest(tmp_path, "newsletter", "list", DIGEST_ENV_FILE=str(path))
    doctor = run_digest(tmp_path, "doctor", DIGEST_ENV_FILE=str(path))

    assert refused.returncode == 1
    assert "others on this machine can read" in refused.stderr
    assert doctor.returncode == 1
    assert "others on this machine can read" in " ".join(doctor.stdout.split())

"""What a command says before it works on a database that nobody named."""

from pathlib import Path

import pytest

from digest.cli.opening import say_what_was_not_read
from digest.settings.loading import VARIABLES
from tests.cli.conftest import CommandLine


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, True),
        ({"SMTP_URL": "smtp://localhost"}, True),
        ({"DATABASE_URL": "sqlite:///x"}, False),
        ({"DATABASE_URL_FILE": "/x"}, False),
        ({"DIGEST_DATA_DIR": "/x"}, False),
        ({"DIGEST_ENV_FILE": "/x"}, False),
    ],
)
def test_a_usual_file_that_was_not_read_is_named_where_the_folders_own_database_is_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], environment: dict[str, str], said: bool
) -> None:
    usual = tmp_path / "environment"
    say_what_was_not_read(environment, usual)
    assert capsys.readouterr().err == ""
    usual.touch()
    say_what_was_not_read(environment, usual)

    heard = capsys.readouterr().err
    assert (f"{usual} was not read" in heard) is said
    assert (f"digest --env-file {usual}" in heard) is said


@pytest.mark.parametrize(
    "command", [("db", "upgrade"), ("db", "backup", "copy"), ("doctor",), ("newsletter", "list")]
)
def test_every_command_that_opens_that_database_says_so(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for variable in VARIABLES:
        monkeypatch.delenv(variable.name, raising=False)
        monkeypatch.delenv(f"{variable.name}_FILE", raising=False)
    monkeypatch.setattr("digest.cli.opening.USUAL", tmp_path / "environment")
    digest = CommandLine({})
    assert digest("db", "upgrade").err == ""
    (tmp_path / "environment").touch()

    assert f"{tmp_path / 'environment'} was not read" in digest(*command).err

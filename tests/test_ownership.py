"""Files that this user may not read, and what root makes in another user's folder."""

import os
import pwd
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from click.testing import CliRunner

from digest.cli import digest
from digest.cli.terms import terms
from digest.database.transactions import Database
from digest.errors import SettingError
from digest.migrations import upgrade
from digest.settings.environment_file import read_environment_file
from digest.settings.loading import load_settings, new_secret

NOBODY = pwd.getpwnam("nobody")


@pytest.fixture
def shut() -> Iterator[Path]:
    """A folder with a file, and a folder with one, that this user may not read: root is nobody."""
    ours = os.geteuid(), os.getegid()
    with TemporaryDirectory(prefix="digest-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        barred = folder / "barred"
        barred.mkdir()
        for file in (folder / "file", barred / "file"):
            file.write_text("A=1")
            file.chmod(0)
        barred.chmod(0)
        if ours[0] == 0:
            os.setegid(NOBODY.pw_gid)
            os.seteuid(NOBODY.pw_uid)
        yield folder
        os.seteuid(ours[0])
        os.setegid(ours[1])
        barred.chmod(0o700)


def test_settings_say_which_file_they_miss_and_who_may_not_read_it(
    shut: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    us = pwd.getpwuid(os.geteuid()).pw_name
    not_it = f"the user {us} may not read it"
    not_there = f"the user {us} may not look into {shut / 'barred'}"

    with pytest.raises(SettingError, match=f"{shut / 'file'} cannot be read: {not_it}"):
        read_environment_file(shut / "file")
    with pytest.raises(SettingError, match=f"cannot be read: {not_there}"):
        read_environment_file(shut / "barred" / "file")
    monkeypatch.chdir("/")
    monkeypatch.setenv("DIGEST_KEYS", f"k1:{new_secret()}")
    monkeypatch.setenv("DIGEST_SUPPRESSION_KEY", new_secret())
    for path, why in ((shut / "file", not_it), (shut / "barred" / "file", not_there)):
        monkeypatch.setenv("SMTP_URL_FILE", str(path))
        with pytest.raises(SettingError, match=f"SMTP_URL: SMTP_URL_FILE .* {path} .*: {why}"):
            load_settings()
    monkeypatch.delenv("SMTP_URL_FILE")
    monkeypatch.delenv("DIGEST_KEYS")
    monkeypatch.setenv("DIGEST_DATA_DIR", str(shut / "barred"))
    with pytest.raises(SettingError, match=f"{shut / 'barred' / 'keys'}: {not_there}"):
        load_settings()


def test_a_command_does_not_say_that_what_it_may_not_see_does_not_exist(shut: Path) -> None:
    # Loaded before this user changes: it might not reach the code either.
    said = CliRunner().invoke(terms, ["publish", str(shut / "barred" / "file")])
    named = CliRunner().invoke(digest, ["--env-file", str(shut / "barred" / "file"), "doctor"])

    for each in (said, named):
        assert each.exit_code == 2
        assert "does not exist" not in each.stderr
        assert f"may not look into {shut / 'barred'}" in " ".join(each.stderr.split())


def test_what_root_makes_in_digests_folder_is_digests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    if os.geteuid() == 0:
        os.chown(folder, NOBODY.pw_uid, NOBODY.pw_gid)
    monkeypatch.setenv("DIGEST_DATA_DIR", str(folder))
    database_url = load_settings().database_url
    upgrade(database_url)
    database = Database(database_url)
    with database.transaction() as session:
        session.connection()
        made = {file.name: file.stat().st_uid for file in folder.iterdir()}
    database.dispose()

    assert {"keys", "digest.sqlite3", "digest.sqlite3-wal", "digest.sqlite3.home"} <= set(made)
    assert set(made.values()) == {folder.stat().st_uid}

"""The wheel: what it carries, and that it works where there is no checkout."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.servers.run import Run
from tests.servers.unavailable import unavailable

Ended = subprocess.CompletedProcess[str]

REPOSITORY = Path(__file__).parent.parent
NO_REGISTRY = re.compile(
    r"NewConnectionError|NameResolutionError|ConnectTimeoutError|ReadTimeoutError|ProxyError"
    r"|ConnectionResetError|RemoteDisconnected|SSLError|HTTP error 5\d\d"
)


@pytest.fixture(scope="session")
def wheel(test_run: Run) -> Path:
    def built() -> str:
        folder = test_run.server_directory("wheel")
        build = [sys.executable, "-m", "build", "--wheel", "--no-isolation"]
        finished(away_from_the_checkout(folder, *build, "--outdir", folder, REPOSITORY))
        (wheel,) = folder.glob("*.whl")
        return str(wheel)

    return Path(test_run.once("built-wheel", built))


@pytest.fixture(scope="session")
def installed(test_run: Run, wheel: Path) -> Path:
    """The folder of programs of a fresh environment, with the locked versions and the wheel."""

    def installed_once() -> str:
        folder = test_run.server_directory("venv")
        venv = [sys.executable, "-m", "venv", "--without-pip"]
        finished(away_from_the_checkout(folder, *venv, folder))
        lock = REPOSITORY / "requirements.lock"
        pip_install(folder, "--require-hashes", "-r", str(lock))
        pip_install(folder, "--no-deps", str(wheel))
        return str(folder / "bin")

    return Path(test_run.once("installed-wheel", installed_once))


def pip_install(environment: Path, *arguments: str) -> None:
    # No bytecode beforehand: what these tests import is a small part of it.
    options = ["--quiet", "--no-compile", "--retries", "1"]
    ended = pip(environment, "install", *options, *arguments)
    if ended.returncode and NO_REGISTRY.search(ended.stderr):
        shutil.rmtree(environment)
        unavailable("The package registry", "connect this machine, or set PIP_INDEX_URL")
    finished(ended)


def pip(environment: Path, *arguments: str) -> Ended:
    """Run our own pip on an environment that needs none."""
    command = [sys.executable, "-m", "pip", "--python", str(environment / "bin" / "python")]
    return away_from_the_checkout(environment, *command, *arguments)


def away_from_the_checkout(folder: Path, *command: str | Path) -> Ended:
    """Run a program in `folder`, with the environment that says where the registry is."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        command, cwd=folder, env=kept, capture_output=True, text=True, timeout=300
    )


def finished(ended: Ended) -> str:
    assert ended.returncode == 0, f"{ended.args}\n{ended.stdout}\n{ended.stderr}"
    return ended.stdout


def run(installed: Path, folder: Path, *command: str) -> str:
    """Run an installed program in an empty folder, with nothing of ours in its environment."""
    return finished(
        subprocess.run(
            [installed / command[0], *command[1:]],
            cwd=folder,
            env={"PATH": os.defpath, "HOME": str(folder), "LANG": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )
    )


def test_it_carries_the_whole_of_both_packages_and_the_templates(wheel: Path) -> None:
    carried = set(zipfile.ZipFile(wheel).namelist())
    expected = {
        str(path.relative_to(REPOSITORY))
        for package in ("digest", "worker")
        for path in (REPOSITORY / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    } | {
        f"digest/{path.relative_to(REPOSITORY)}"
        for path in (REPOSITORY / "templates").rglob("*")
        if path.is_file()
    }
    assert expected - carried == set()
    for folder in ("templates/email", "templates/web", "web/static", "migrations/versions"):
        assert any(name.startswith(f"digest/{folder}/") for name in carried), folder
    assert "worker/tasks.py" in carried


def test_it_carries_nothing_else(wheel: Path) -> None:
    tops = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"digest", "worker"}


def test_the_lock_holds_all_that_it_asks_for(installed: Path) -> None:
    assert "No broken requirements" in finished(pip(installed.parent, "check"))


def test_the_installed_program_knows_its_version(installed: Path, tmp_path: Path) -> None:
    assert run(installed, tmp_path, "digest", "--version").startswith("digest, version 0.")


def test_it_does_not_lean_on_the_checkout(installed: Path, tmp_path: Path) -> None:
    program = (
        "import digest, worker, digest.templating as t;"
        "print(digest.__file__, worker.__file__, t.template_folder())"
    )
    for path in run(installed, tmp_path, "python", "-c", program).split():
        assert path.startswith(str(installed.parent))


def test_the_installed_program_makes_its_tables(installed: Path, tmp_path: Path) -> None:
    for _ in range(2):
        assert "at revision" in run(installed, tmp_path, "digest", "db", "upgrade")
    assert (tmp_path / "digest-data" / "digest.sqlite3").exists()


def test_the_installed_program_plays_the_whole_story(installed: Path, tmp_path: Path) -> None:
    run(installed, tmp_path, "digest", "demo", "--once")

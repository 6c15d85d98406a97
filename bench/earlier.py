"""An earlier commit of Digest, in a folder and an environment of its own, to measure beside."""

import hashlib
import shutil
import subprocess
import sys
import venv
from pathlib import Path

from bench.errors import BenchError
from bench.machine import CHECKOUT
from bench.needs import run

# What the figures of today are held against.
COMMIT = "bbfca12"
# Ignored by git; kept, as making an environment takes a minute.
KEPT = CHECKOUT / "bench-results" / "earlier"
INSTALL_SECONDS = 600.0
GIT_SECONDS = 60.0


def interpreter(commit: str, kept: Path = KEPT) -> Path:
    """Return the Python that has Digest as it was at `commit`, made where it is not there yet.

    Raises:
        BenchError: this clone lacks the commit, or its environment cannot be made.
    """
    folder = kept / commit
    python, whole = folder / "venv" / "bin" / "python", folder / "whole"
    if whole.exists():
        return python
    _check_known(commit)
    shutil.rmtree(folder, ignore_errors=True)
    _git("worktree", "prune")
    checkout = tree(commit, kept)
    _git("worktree", "add", "--detach", str(checkout), commit)
    _install(commit, checkout, folder)
    return python


def interpreter_of_today(kept: Path = KEPT) -> Path:
    """Return a Python that has this checkout, and none of what only tests need beside it.

    Raises:
        BenchError: its environment cannot be made.
    """
    locked = hashlib.sha256((CHECKOUT / "requirements.lock").read_bytes()).hexdigest()[:12]
    folder = kept / f"today-{locked}"
    if not (folder / "whole").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        _install("this checkout", CHECKOUT, folder)
    return folder / "venv" / "bin" / "python"


def _install(what: str, checkout: Path, folder: Path) -> None:
    python = folder / "venv" / "bin" / "python"
    venv.create(folder / "venv", with_pip=False)
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    locked = ["--require-hashes", "-r", str(checkout / "requirements.lock")]
    itself = ["--no-deps", "--no-build-isolation", "--editable", str(checkout)]
    for asked in (locked, itself):
        run(f"Installing {what}", [*pip, *asked], within=INSTALL_SECONDS)
    (folder / "whole").touch()


def tree(commit: str, kept: Path = KEPT) -> Path:
    """Return the checkout of the commit whose interpreter was made."""
    return kept / commit / "tree"


def _check_known(commit: str) -> None:
    try:
        _git("cat-file", "-e", f"{commit}^{{commit}}")
    except BenchError:
        raise BenchError(
            f"This clone lacks commit {commit}, beside which this is measured. It may be a shallow "
            "one: git fetch --unshallow"
        ) from None


def _git(*arguments: str) -> None:
    try:
        run("git", ["git", "-C", str(CHECKOUT), *arguments], within=GIT_SECONDS)
    except (OSError, subprocess.SubprocessError) as error:
        raise BenchError(f"git cannot be run: {error}") from None

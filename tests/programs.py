"""Programs outside CI, which measure with what tests use; and the programs that they run."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest


class CannotRunError(Exception):
    """Something could not be run, in a sentence."""


def run(
    command: Sequence[str | Path],
    *,
    within: float = 600,
    told: str | None = None,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> str:
    """Run a program to its end and return what it printed; `told` is its standard input.

    Raises:
        CannotRunError: there is no such program, it failed, or it had not ended after `within` s.
    """
    name = Path(command[0]).name
    try:
        done = subprocess.run(
            command,
            input=told,
            capture_output=True,
            text=True,
            check=False,
            timeout=within,
            cwd=cwd,
            env={**os.environ, **(environment or {})},
        )
    except subprocess.TimeoutExpired:
        raise CannotRunError(f"{name} had not ended after {within:g} s.") from None
    except OSError as error:
        raise CannotRunError(f"{name} cannot be run: {error.strerror}.") from None
    if done.returncode:
        words = (done.stderr.strip() or done.stdout.strip())[-1500:]
        raise CannotRunError(f"{name} failed: {words}")
    return done.stdout


def run_command(main: Callable[[], None]) -> None:
    """Be a program that uses the tests' servers: what it started ends with it, however it ends."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        main()
    except pytest.skip.Exception as lacking:
        # Said by the fixtures' own words: which server is not to be had, and how to get it.
        print(lacking, file=sys.stderr)
        sys.exit(1)

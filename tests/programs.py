"""Running a program to its end, for the measurements outside CI."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


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

"""What must be on this machine beforehand, and how it is had."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from bench.errors import BenchError
from tests.servers import postgresql_programs, redis_server

# A program, and the Debian package that has it, where that is not its name.
PACKAGES = {"smtp-sink": "postfix", "smtp-source": "postfix"}
SYSTEM_FOLDERS = "/usr/local/sbin:/usr/sbin:/sbin"
# Debian starts what it installs; without a main.cf Postfix stays as it is.
NO_CONFIGURATION = "postfix postfix/main_mailer_type select No configuration\n"


def program(name: str) -> str:
    """Return where a program is; Debian keeps Postfix's off the PATH of users.

    Raises:
        BenchError: it is not there.
    """
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:{SYSTEM_FOLDERS}")
    if found is None:
        raise BenchError(f"{name} is not on this machine. On Debian: {_advice([name])}")
    return found


def run(what: str, command: Sequence[str | Path], *, within: float) -> str:
    """Run a program to its end, for so many seconds at most; return what it printed.

    Raises:
        BenchError: it failed, in its own words.
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=within)
    except subprocess.TimeoutExpired:
        raise BenchError(f"{what} had not ended after {within:g} s.") from None
    if done.returncode:
        raise BenchError(f"{what} failed: {done.stderr.strip()[-2000:]}")
    return done.stdout


def check(programs: Sequence[str], *, install: bool = False) -> None:
    """Make sure of the programs and servers, installing Debian's packages where asked to.

    Raises:
        BenchError: names all that is missing, and the command that brings it.
    """
    missing = _missing(programs)
    if missing and install:
        _install(missing)
        missing = _missing(programs)
    sentences = [f"Missing: {', '.join(missing)}. On Debian: {_advice(missing)}"] if missing else []
    if postgresql_programs.find() is None:
        sentences.append("Missing: PostgreSQL. " + postgresql_programs.HOW_TO_GET_IT.capitalize())
    if redis_server.find() is None:
        sentences.append("Missing: Redis. " + redis_server.HOW_TO_GET_IT.capitalize())
    if sentences:
        raise BenchError("\n".join(sentences))


def _missing(programs: Sequence[str]) -> list[str]:
    path = f"{os.environ.get('PATH', '')}:{SYSTEM_FOLDERS}"
    return [name for name in programs if shutil.which(name, path=path) is None]


def _packages(missing: Sequence[str]) -> list[str]:
    return sorted({PACKAGES.get(name, name) for name in missing})


def _advice(missing: Sequence[str]) -> str:
    packages = " ".join(_packages(missing))
    return (
        f"sudo apt-get install --no-install-recommends {packages} (choose “No configuration” for "
        "Postfix: nothing of it has to run), or run this as root with --install"
    )


def _install(missing: Sequence[str]) -> None:
    if os.geteuid() != 0:
        raise BenchError(f"--install needs root. By hand: {_advice(missing)}")
    packages = _packages(missing)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        subprocess.run(["apt-get", "update", "-q"], check=True, env=environment)
        if "postfix" in packages:
            subprocess.run(
                ["debconf-set-selections"], input=NO_CONFIGURATION, text=True, check=True
            )
        subprocess.run(
            ["apt-get", "install", "-q", "-y", "--no-install-recommends", *packages],
            check=True,
            env=environment,
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise BenchError(f"Could not install {' '.join(packages)}: {error}") from None

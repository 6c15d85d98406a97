"""Runs one server in the background, and ends it when the test run has ended, however it ended.

A script of its own, started by process.py: `guard.py <alive> <directory> <signal> <user>
<command>…`. It returns as soon as it has gone into the background. `<directory>/guard.lock` is
locked for as long as the server lives; `<directory>/pid` tells its process id.
"""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

POLL = 0.05
STOP_TIMEOUT = 10.0


def main(alive: Path, directory: Path, stop_signal: int, user: str, command: list[str]) -> None:
    with (directory / "guard.lock").open("w") as lock:
        # Locked before the fork, which inherits it: the caller sees no moment without the lock.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.fork():
            return
        # A session of its own, so that Ctrl-C in the terminal reaches pytest only.
        os.setsid()
        guard(alive, directory, stop_signal, user or None, command)


def guard(
    alive: Path, directory: Path, stop_signal: int, user: str | None, command: list[str]
) -> None:
    # Without the groups of the user that pytest runs as, where that is another one.
    groups: list[int] | None = [] if user else None
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        cwd=directory,
        user=user,
        group=group_of(user),
        extra_groups=groups,
    ) as server:
        write_pid(directory / "pid", server.pid)
        while server.poll() is None:
            if run_has_ended(alive):
                end(server, stop_signal)
                clear_up_after(alive)
                return
            time.sleep(POLL)


def group_of(user: str | None) -> int | None:
    if user is None:
        return None
    import pwd  # not on every start: most servers run as whoever runs pytest

    return pwd.getpwnam(user).pw_gid


def write_pid(path: Path, pid: int) -> None:
    unfinished = path.with_suffix(".part")
    unfinished.write_text(str(pid))
    unfinished.replace(path)


def run_has_ended(alive: Path) -> bool:
    try:
        with alive.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return True
    except BlockingIOError:
        return False
    return True


def clear_up_after(alive: Path) -> None:
    with suppress(FileNotFoundError):
        if alive.read_text() == "ended":
            return  # whoever wrote it clears up
    shutil.rmtree(alive.parent, ignore_errors=True)


def end(server: subprocess.Popen[bytes], stop_signal: int) -> None:
    server.send_signal(stop_signal)
    server.send_signal(signal.SIGCONT)  # a test may have stopped it in its tracks
    try:
        server.wait(STOP_TIMEOUT)
    except subprocess.TimeoutExpired:
        server.send_signal(signal.SIGKILL)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5:])

"""A server process: started, stopped, killed and restarted by any process of the test run."""

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tests.servers import guard
from tests.servers.run import Run, is_locked

START_TIMEOUT = 30.0
STOP_TIMEOUT = 30.0

# Below the range from which the system gives ports to outgoing connections: none of them can
# take the port, or connect to itself, while its server is down.
PORTS = range(20_000, 32_000)


class CannotStartError(Exception):
    """The server ended before it was ready; the message holds the end of its log."""


class ServerProcess(ABC):
    """A command under a guard. Subclasses say which command, and when it is ready."""

    stop_signal = signal.SIGTERM
    # Sent when the run is over, when nobody needs the data any more.
    discard_signal = signal.SIGKILL

    def __init__(self, run: Run, directory: Path, user: str | None = None) -> None:
        self._run = run
        self._user = user
        self.directory = directory
        self.log = directory / "log"

    @abstractmethod
    def command(self) -> Sequence[str | Path]: ...

    @abstractmethod
    def is_ready(self) -> bool: ...

    @property
    def pid(self) -> int:
        """The server's own process id (a PostgreSQL's postmaster)."""
        return int((self.directory / "pid").read_text())

    @property
    def is_running(self) -> bool:
        return is_locked(self.directory / "guard.lock")

    def start(self) -> None:
        (self.directory / "pid").unlink(missing_ok=True)
        arguments = [self._run.alive, self.directory, self.discard_signal.value, self._user or ""]
        with self.log.open("ab") as log:
            subprocess.run(
                # -I and -S: no site-packages, which halves the time that Python takes to start.
                [sys.executable, "-I", "-S", guard.__file__]
                + [str(argument) for argument in [*arguments, *self.command()]],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=True,
            )
        self._wait_until_ready()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while not ((self.directory / "pid").exists() and self.is_ready()):
            if not self.is_running:
                raise CannotStartError(f"{self.command()[0]} ended at once:\n{self._log_end()}")
            if time.monotonic() > deadline:
                self.kill()
                raise CannotStartError(f"{self.command()[0]} was not ready:\n{self._log_end()}")
            time.sleep(0.01)

    def _log_end(self) -> str:
        return self.log.read_text(errors="replace")[-2000:]

    def stop(self) -> None:
        """An orderly end."""
        self._end(self.stop_signal)

    def kill(self) -> None:
        """As when the machine's memory runs out: no last words."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        self.stop()
        self.start()

    def discard(self) -> None:
        """The quickest end, and away with its data."""
        self._end(self.discard_signal)
        shutil.rmtree(self.directory, ignore_errors=True)

    def _end(self, how: signal.Signals) -> None:
        if not self.is_running:
            return
        pid = self.pid
        os.kill(pid, how)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)  # a test may have stopped it in its tracks
        deadline = time.monotonic() + STOP_TIMEOUT
        while self.is_running:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.command()[0]} did not end on {how.name}")
            time.sleep(0.01)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on, and that stays free while its server is down."""
    for port in random.sample(PORTS, 100):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise CannotStartError("no free port on 127.0.0.1")

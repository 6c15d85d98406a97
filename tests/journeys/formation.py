"""The Procfile's processes, started as an operator's process manager would start them."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

CHECKOUT = Path(__file__).resolve().parents[2]
STOP_SECONDS = 60


def procfile() -> dict[str, str]:
    """Return the commands of the checkout's Procfile by their names."""
    lines = (CHECKOUT / "Procfile").read_text().splitlines()
    return dict(line.split(": ", 1) for line in lines if line.strip())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 30) -> None:
    """Return once `condition` holds; fail with `what` when it does not in time."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, f"in {seconds:g} s it did not happen that {what}"
        time.sleep(0.05)


class Formation:
    """Processes by name. Leaving the `with` stops all that were started, and only those."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.checkout = CHECKOUT
        binaries = str(Path(sys.executable).parent)
        self.environment = {
            "PATH": f"{binaries}:{os.environ['PATH']}",
            "HOME": str(folder),
            "PYTHONPATH": str(CHECKOUT),
            **environment,
        }
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for name in list(self._running):
            self.kill(name)
        if error is not None:
            for log in sorted(self.folder.glob("*.log")):
                print(f"--- {log.name}\n{log.read_text()[-4000:]}")

    def run(self, *arguments: str) -> str:
        """Run a `digest` command to its end. Return what it printed."""
        done = subprocess.run(
            ["digest", *arguments],
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self, name: str, copy: int = 1) -> None:
        """Start a line of the Procfile; `copy` tells several of the same apart."""
        self.launch(f"{name}.{copy}", procfile()[name].replace("%h", f"{copy}.%h"))

    def launch(self, key: str, command: str) -> None:
        """Start a command that is no line of the Procfile; `kill(key)` ends it."""
        with self.log_of(key).open("ab") as log:
            self._running[key] = subprocess.Popen(
                ["bash", "-c", f"exec {command}"],
                env=self.environment,
                cwd=self.checkout,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def pid(self, name: str, copy: int = 1) -> int:
        """Return the id of a process that was started, which is also that of its group."""
        return self._running[f"{name}.{copy}"].pid

    def is_running(self, name: str, copy: int = 1) -> bool:
        process = self._running.get(f"{name}.{copy}")
        return process is not None and process.poll() is None

    def log_of(self, key: str) -> Path:
        """Return the file of what a process says."""
        return self.folder / f"{key}.log"

    def processes(self, name: str, copy: int = 1) -> list[int]:
        """Return the ids of a running process and of its children (Linux)."""
        pid = self._running[f"{name}.{copy}"].pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        return [pid, *map(int, children.split())]

    def stop(self, name: str, copy: int = 1) -> int:
        """Ask a process to end (SIGTERM), as a deploy does. Return its exit code."""
        process = self._running.pop(f"{name}.{copy}")
        process.terminate()
        return process.wait(STOP_SECONDS)

    def send_signal(self, name: str, number: signal.Signals, copy: int = 1) -> None:
        """Send a signal to a process and to all of its group, as a terminal does."""
        os.killpg(self._running[f"{name}.{copy}"].pid, number)

    def kill(self, name: str, copy: int | None = None) -> None:
        """End a process and its children at once (SIGKILL)."""
        key = name if copy is None else f"{name}.{copy}"
        process = self._running.pop(key)
        # What has ended by itself, and was looked at since, has no group any more.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)

"""The Procfile's processes in the rounds: from a release that can be changed, by a clock that can.

A release is a folder as a deploy makes one: the code, and templates of its own.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from tests.journeys.formation import CHECKOUT, STOP_SECONDS, Formation

# What sends, in the order in which it is started.
BULK = ("worker", "notices")
ALL = ("web", *BULK)
# The pool processes of the Procfile's worker.
POOL = 4
CLOCK_FOLDER = CHECKOUT / "tests" / "chaos" / "clock"
# Two machines' clocks: that on which the workers are, and that of the rest.
CLOCKS = {
    "worker": "clock.work",
    "notices": "clock.work",
    "web": "clock.rest",
}


def make_release(folder: Path, words: str) -> Path:
    """Make a release whose issues say `words` at their end."""
    folder.mkdir()
    for package in ("digest", "worker"):
        (folder / package).symlink_to(CHECKOUT / package)
    shutil.copytree(CHECKOUT / "templates", folder / "templates")
    for name in ("body.txt", "body.html"):
        template = folder / "templates" / "email" / "issue" / name
        text = template.read_text()
        changed = text.replace("Read online", f"Read {words} online")
        assert changed != text, f"{name} has no place for the release's words"
        template.write_text(changed)
    return folder


class Company(Formation):
    """A formation that is deployed to, killed process by process, and told the wrong time."""

    def __init__(self, folder: Path, environment: Mapping[str, str], release: Path) -> None:
        super().__init__(folder, environment)
        self._left_behind: list[int] = []
        self.move_clock(0)
        self.deploy(release)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for group in self._left_behind:
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
        super().__exit__(kind, None, None)

    def deploy(self, release: Path) -> None:
        """Start processes from `release` from now on."""
        self.checkout = release
        self.environment["PYTHONPATH"] = f"{release}:{CLOCK_FOLDER}"

    def start(self, name: str, copy: int = 1) -> None:
        self.environment["CHAOS_CLOCK"] = str(self.folder / CLOCKS[name])
        super().start(name, copy)

    def ensure(self, names: Iterable[str]) -> None:
        """Start what is not running."""
        for name in names:
            if not self.is_running(name):
                self.start(name)

    def fallen(self) -> dict[str, int]:
        """Take out what ended without being told to. Return the exit codes by name."""
        ended = {key: code for key, p in self._running.items() if (code := p.poll()) is not None}
        for key in ended:
            del self._running[key]
        return ended

    def move_clock(self, seconds: float, *, only_workers: bool = False) -> None:
        """Make clocks wrong by so many seconds, while their processes run."""
        for name in ("clock.work",) if only_workers else ("clock.work", "clock.rest"):
            draft = self.folder / f"{name}.draft"
            draft.write_text(str(seconds))
            draft.replace(self.folder / name)

    def pool(self, name: str = "worker") -> list[int]:
        """Return the ids of a process's children: of a worker, those that send."""
        if not self.is_running(name):
            return []
        parent = self.pid(name)
        with suppress(FileNotFoundError):
            found = Path(f"/proc/{parent}/task/{parent}/children").read_text()
            return [int(pid) for pid in found.split()]
        return []

    def kill_parent(self, name: str) -> None:
        """Kill a worker's main process alone: what becomes of its pool is the system's matter."""
        process = self._running.pop(f"{name}.1")
        self._left_behind.append(process.pid)
        process.kill()
        process.wait(10)

    def stop_all(self, names: Iterable[str]) -> dict[str, int | None]:
        """SIGTERM to all at once. Return their exit codes by name; None for one that went on.

        And SIGCONT, as systemd does it: who is stopped would not hear of it.
        """
        pool = self.pool()
        stopping = {name: self._running.pop(f"{name}.1") for name in names if self.is_running(name)}
        for process in stopping.values():
            process.terminate()
        signal_all([*(process.pid for process in stopping.values()), *pool], signal.SIGCONT)
        return {name: _end_of(process) for name, process in stopping.items()}


def _end_of(process: subprocess.Popen[bytes]) -> int | None:
    try:
        return process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return None


def signal_all(pids: Iterable[int], how: signal.Signals) -> int:
    """Send a signal to each that still lives. Return to how many."""
    hit = 0
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, how)
            hit += 1
    return hit

"""The runner's end of the sink: it starts it, changes its manners, and reads its record."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

# What the sink has, whether or not the client heard so.
COPIES = frozenset({"taken", "lost", "dripped"})
# What a client cannot have heard the end of, or may not have: it is in doubt, and rightly.
UNHEARD = frozenset({"lost", "dripped", "swallowed"})
# `pause` makes a send last long enough to be hit; slower, it lasts until a command has acted.
PAUSE_SECONDS, SLOW_SECONDS = 0.004, 0.05
USUAL: dict[str, Any] = {
    "pause": PAUSE_SECONDS,
    "refuse_connections": False,
    "storm": False,
    "lose": 0,
    "swallow": 0,
    "drip": 0.0,
}


@dataclass(frozen=True)
class Entry:
    """A line of the record: what the sink did with a message or recipient, and when.

    `at` is by the machine's monotonic clock, in seconds. `sha256` is of the message as it came,
    without dot-stuffing; `link` is what a notice has its reader use.
    """

    at: float
    what: str
    to: str
    message_id: str
    sha256: str
    link: str = ""

    @property
    def is_copy(self) -> bool:
        return self.what in COPIES

    @property
    def issue_id(self) -> int | None:
        number = self.message_id.partition(".")[0]
        return int(number) if number.isdecimal() else None


class Relay:
    """The sink as a process. It is never killed in a round: its record is the witness."""

    def __init__(self, folder: Path) -> None:
        self.record = folder / "relay.jsonl"
        self._reading = threading.Lock()
        self._read = 0
        self._entries: list[Entry] = []
        with (folder / "relay.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.chaos.sink", str(self.record)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        self.port = int(self._line())
        self.behave_well()

    def __enter__(self) -> "Relay":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
        self._process.kill()
        self._process.wait(10)

    def behave(self, **manners: Any) -> None:
        """Change the sink's manners (sink.Manners), from the next command on."""
        assert self._process.stdin is not None
        order = {n: sorted(v) if isinstance(v, set) else v for n, v in manners.items()}
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()
        answer = self._line()
        assert answer == "ok", answer

    @contextmanager
    def slow(self) -> Iterator[None]:
        """Take longer over each message."""
        self.behave(pause=SLOW_SECONDS)
        try:
            yield
        finally:
            self.behave(pause=PAUSE_SECONDS)

    def behave_well(self) -> None:
        """End whatever fault is on. Who is refused or put off stays so."""
        self.behave(**USUAL)

    def entries(self) -> list[Entry]:
        """All that was recorded so far, in order. The list grows; it is the same each time."""
        if not self.record.exists():
            return self._entries
        with self._reading, self.record.open("rb") as file:
            file.seek(self._read)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._read += len(line)
                self._entries.append(Entry(**json.loads(line)))
        return self._entries

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().decode().strip()
        assert line, "the sink has ended: its log says why"
        return line

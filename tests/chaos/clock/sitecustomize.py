"""Python imports this by itself at start: makes the process's clock follow the file CHAOS_CLOCK.

The file holds seconds by which the wall clock is off, for this process alone: the database keeps
its own, and so do the clocks that nobody can set (monotonic, boot time). It may change at any
time, and is followed across forks.
"""

import os
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

LOOKS_EVERY = 0.1


class Follower:
    """A child of a fork inherits how far off its clock is, and needs a thread of its own."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._off = 0.0
        self._traveller: Any = None

    def start(self) -> None:
        threading.Thread(target=self._follow, name="chaos-clock", daemon=True).start()

    def _follow(self) -> None:
        while True:
            off = float(self._path.read_text())
            if off != self._off:
                self._move(off)
            time.sleep(LOOKS_EVERY)

    def _move(self, off: float) -> None:
        # Imported late: most processes never need it.
        import time_machine

        if self._traveller is not None:
            self._traveller.stop()
            self._traveller = None
        if off:
            self._traveller = time_machine.travel(timedelta(seconds=off), tick=True)
            self._traveller.start()
        self._off = off


if "CHAOS_CLOCK" in os.environ:
    follower = Follower(Path(os.environ["CHAOS_CLOCK"]))
    follower.start()
    os.register_at_fork(after_in_child=follower.start)

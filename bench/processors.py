"""Processor time: what a message costs each part. Less moved by a busy machine than rates are."""

import os
from collections.abc import Mapping
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
# Of /proc/<pid>/stat, counted behind the name (proc(5)): utime, stime, and of children waited for.
_TIMES = slice(11, 15)


class Costs:
    """What parts, by their process ids, spend between `begin` and `end`: a sample each time."""

    def __init__(self, parts: Mapping[str, int]) -> None:
        self._parts = parts
        self.microseconds: dict[str, list[float]] = {part: [] for part in parts}
        """Of each message."""

    def begin(self) -> None:
        self._before = {part: spent(pid) for part, pid in self._parts.items()}

    def end(self, messages: int) -> None:
        for part, pid in self._parts.items():
            self.microseconds[part].append((spent(pid) - self._before[part]) / messages * 1e6)


def spent(pid: int) -> float:
    """Return the seconds of processor time of a process and all that came of it, so far."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except (FileNotFoundError, ProcessLookupError):
        # It ended meanwhile: its parent has its time by now.
        return 0.0
    own = sum(map(int, text.rpartition(")")[2].split()[_TIMES])) / _TICKS
    return own + sum(spent(int(child)) for child in children.split())

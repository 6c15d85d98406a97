"""How much reading a feed may take, and what the two ends of the pipe agree on."""

import math
import struct
from dataclasses import dataclass

# A request: the lengths of its head (JSON: url, charset, now, page, seconds) and of the feed, then
# both.
REQUEST = struct.Struct(">II")
# An answer: its length, then JSON.
ANSWER = struct.Struct(">I")

# What a child says by its exit status. 0: it was idle, or nobody is there to ask it any more.
NO_MEMORY = 71


@dataclass(frozen=True)
class Limits:
    """What a reading child may take; beyond it, it is ended.

    `seconds` of processor time for a feed, and as much again for each `bytes_a_share` of it that
    follow. `wall_seconds` is what the clock on the wall may show beyond them: the processors may
    have other work. `memory_bytes` is its address space, `answer_bytes` its longest answer. It
    lives for `feeds`, and ends after `idle_seconds` without one.
    """

    seconds: float = 1.2
    bytes_a_share: int = 1_500_000
    wall_seconds: float = 15.0
    memory_bytes: int = 512 * 1024 * 1024
    answer_bytes: int = 16 * 1024 * 1024
    feeds: int = 500
    idle_seconds: float = 30.0

    def seconds_for(self, size: int) -> float:
        """Return the processor time for a feed of so many bytes."""
        return self.seconds * max(1, math.ceil(size / self.bytes_a_share))

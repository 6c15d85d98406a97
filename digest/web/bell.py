"""A doorbell for pages that many readers use at once."""

import threading

from digest.runtime import Bell

CALM_SECONDS = 0.2

Ring = tuple[str, tuple[int, ...]]


class CalmBell:
    """Rings at once for the first who asks, and once more, a moment later, for all who asked since.

    Each ring is a message to the broker. Whoever hears it finds all the work there is, but none
    that was written after it looked: so nobody's ring is left out, it is only shared.
    """

    def __init__(self, bell: Bell, seconds: float = CALM_SECONDS) -> None:
        self._bell = bell
        self._seconds = seconds
        self._lock = threading.Lock()
        # What was rung within the last moment, and whether somebody has asked for it since.
        self._asked_since: dict[Ring, bool] = {}

    def ring(self, task: str, *ids: int) -> None:
        with self._lock:
            if (task, ids) in self._asked_since:
                self._asked_since[task, ids] = True
                return
            self._asked_since[task, ids] = False
        try:
            self._bell.ring(task, *ids)
        finally:
            # No daemon: a process that ends rings for whoever asked last.
            threading.Timer(self._seconds, self._end_moment, [task, ids]).start()

    def _end_moment(self, task: str, ids: tuple[int, ...]) -> None:
        with self._lock:
            asked = self._asked_since.pop((task, ids))
        if asked:
            self.ring(task, *ids)

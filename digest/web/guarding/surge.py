"""Whether sign-ups surge: more a minute than usual, from everywhere together.

Once they do, it lasts for a while: a flood that comes in waves should not find the door open
between two of them.
"""

import time

import structlog
from limits import RateLimitItemPerMinute

from digest.web.guarding.counters import Counters

LASTS_SECONDS = 10 * 60
DECLARED = "surge"
# For so long a process remembers what it was told, rather than ask for each page.
REMEMBERED_SECONDS = 1.0

log = structlog.get_logger(__name__)


class Surge:
    """Counts all sign-ups. `a_minute`: how many make a surge; 0, none do."""

    def __init__(self, counters: Counters, a_minute: int) -> None:
        self._counters = counters
        self._limit = RateLimitItemPerMinute(a_minute, namespace="all") if a_minute else None
        self._lasts = False
        self._ask_again = 0.0

    def lasts(self) -> bool:
        """Return whether there is a surge."""
        if self._limit is None:
            return False
        if time.monotonic() >= self._ask_again:
            self._remember(self._counters.uses(DECLARED) > 0)
        return self._lasts

    def count(self) -> bool:
        """Count one sign-up; return whether it is part of a surge."""
        if self._limit is None:
            return False
        if self._counters.hit(self._limit):
            return self.lasts()
        if self._counters.count(DECLARED, LASTS_SECONDS) == 1:
            log.warning("sign-ups surge: browsers are asked for a proof of work")
        self._remember(True)
        return True

    def _remember(self, lasts: bool) -> None:
        self._lasts, self._ask_again = lasts, time.monotonic() + REMEMBERED_SECONDS

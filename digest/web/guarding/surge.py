"""Whether sign-ups surge: more a minute than usual, from everywhere together.

Once they do, it lasts for a while: a flood that comes in waves should not find the door open
between two of them.
"""

import time

from limits import RateLimitItemPerMinute

from digest.logs import get_logger
from digest.web.guarding.counters import Counters, Hit

LASTS_SECONDS = 10 * 60
DECLARED = "surge"
# For so long a process remembers what it was told, rather than ask for each page.
REMEMBERED_SECONDS = 1.0

log = get_logger(__name__)


class Surge:
    """`a_minute`: how many sign-ups make a surge; 0, none do.

    `hit`: to be counted for each; one more than its limit makes a surge, and is to be declared.
    """

    def __init__(self, counters: Counters, a_minute: int) -> None:
        self._counters = counters
        self.hit = Hit(RateLimitItemPerMinute(a_minute, namespace="all")) if a_minute else None
        self._lasts = False
        self._ask_again = 0.0

    def lasts(self) -> bool:
        """Return whether there is a surge."""
        if self.hit is None:
            return False
        if time.monotonic() >= self._ask_again:
            self._remember(self._counters.uses(DECLARED) > 0)
        return self._lasts

    def declare(self) -> None:
        """Say that there is one, from now on."""
        if self._counters.count(DECLARED, LASTS_SECONDS) == 1:
            log.warning("sign-ups surge: browsers are asked for a proof of work")
        self._remember(True)

    def _remember(self, lasts: bool) -> None:
        self._lasts, self._ask_again = lasts, time.monotonic() + REMEMBERED_SECONDS

"""How long a worker holds on: to a window on the wire, and to what a relay told it."""

import time
from collections.abc import Callable
from typing import TypeVar

from digest.errors import UnavailableError
from digest.logs import get_logger
from digest.settings.loading import Settings

Kept = TypeVar("Kept")

# A window is given up while the lease still has this part of its time.
LEASE_MARGIN = 0.25
# A process manager waits 60 s after SIGTERM: a slice of work, then a window begun at its very
# end, then the answer to one message, have to fit.
LONGEST_WINDOW_SECONDS = 40.0
# A database that restarts is back within this time. The relay's 250s are known to nobody else.
PATIENCE_SECONDS = 45.0
PAUSE_SECONDS = 0.5

log = get_logger(__name__)


def elapsed() -> float:
    """Return seconds on a clock that nobody sets, and that runs on while the machine sleeps.

    As a lease does: a worker that wakes on a laptop must see that its time is over.
    """
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def window_deadline(settings: Settings) -> Callable[[], bool]:
    """Return what says whether a window whose lease begins now, or later, must be given up."""
    longest = min(settings.lease_seconds * (1 - LEASE_MARGIN), LONGEST_WINDOW_SECONDS)
    last_moment = elapsed() + longest
    return lambda: elapsed() > last_moment


def patiently(act: Callable[[], Kept]) -> Kept:
    """Do `act`, a transaction that may safely be done twice, again until the database answers.

    Raises:
        UnavailableError: it did not within 45 seconds.
    """
    until = elapsed() + PATIENCE_SECONDS
    while True:
        try:
            return act()
        except UnavailableError:
            if elapsed() > until:
                raise
            log.warning("the database is away: what the relay said is kept until it is back")
            time.sleep(PAUSE_SECONDS)

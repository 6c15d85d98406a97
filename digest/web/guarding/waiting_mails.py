"""Whether so many confirmations wait that one more would be minutes late."""

import time

from digest.delivery.notices.capacity import Backlog, backlog
from digest.errors import UnavailableError
from digest.logs import get_logger
from digest.runtime import Runtime

# For so long a process remembers what it was told, rather than ask for each sign-up.
REMEMBERED_SECONDS = 1.0

log = get_logger(__name__)


class WaitingMails:
    """Looks at the queue of notices, once a second at most. Make it after any fork."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._full = False
        self._ask_again = 0.0

    def is_full(self) -> bool:
        """Return whether what waits takes longer than a minute to send."""
        if time.monotonic() < self._ask_again:
            return self._full
        # First, so that one of many threads asks.
        self._ask_again = time.monotonic() + REMEMBERED_SECONDS
        before, self._full = self._full, self._look().is_full
        if self._full and not before:
            log.warning("sign-ups wait: more confirmations are due than can be sent in a minute")
        return self._full

    def _look(self) -> Backlog:
        runtime = self._runtime
        try:
            with runtime.database.reading() as session:
                return backlog(session, runtime.settings.relay.name)
        except UnavailableError:
            # The sign-up itself will find out, and say so.
            return Backlog(0, 0)

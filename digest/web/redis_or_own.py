"""What all processes share in Redis; while that is away, each has its own."""

import time
from collections.abc import Callable
from typing import Generic, TypeVar

from digest.logs import get_logger

# So long may Redis keep a reader waiting, and so long it is then left alone.
PATIENCE_SECONDS = 0.5
SILENT_SECONDS = 5.0

Store = TypeVar("Store")
Answer = TypeVar("Answer")

log = get_logger(__name__)


class RedisOrOwn(Generic[Store]):
    """Asks the store in Redis, or the process's own. `warning`: what it means that Redis is away.

    `shared` is None where there is no Redis.
    """

    def __init__(self, shared: Store | None, own: Store, warning: str) -> None:
        self._shared, self._own, self._warning = shared, own, warning
        self._silent_until = 0.0

    def ask(self, ask: Callable[[Store], Answer]) -> Answer:
        """Return what the store answers. No error of Redis's is ever the page's."""
        if self._shared is not None and time.monotonic() >= self._silent_until:
            # Late: one process for all has no Redis.
            from redis.exceptions import RedisError

            try:
                return ask(self._shared)
            except (RedisError, OSError) as error:
                self._silent_until = time.monotonic() + SILENT_SECONDS
                log.warning(self._warning, error=repr(error))
        return ask(self._own)

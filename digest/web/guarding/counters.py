"""Counters that all processes share in Redis, or that are this process's own.

While Redis is away each process counts for itself: looser than all together, never without a
bound, and never an error of the page.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

import structlog
from limits import RateLimitItem
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import MovingWindowRateLimiter
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from digest.settings import Settings

# So long may Redis keep a reader waiting, and so long it is then left alone.
PATIENCE_SECONDS = 0.5
SILENT_SECONDS = 5.0
PREFIX = "digest:sign-up"

Answer = TypeVar("Answer")
Storage = MemoryStorage | RedisStorage

log = structlog.get_logger(__name__)


class Counters:
    """Counts what is done how often. Make it after any fork; it connects when it is asked."""

    def __init__(self, settings: Settings) -> None:
        self._own = MemoryStorage()
        self._shared = None if settings.embedded else _shared(settings.redis_url)
        self._silent_until = 0.0

    def hit(self, limit: RateLimitItem, *who: str) -> bool:
        """Count one more, unless the limit is reached; return whether it was counted."""
        return self._ask(lambda storage: MovingWindowRateLimiter(storage).hit(limit, *who))

    def free_again(self, limit: RateLimitItem, *who: str) -> datetime:
        """Return when the next one will be counted."""
        stats = self._ask(
            lambda storage: MovingWindowRateLimiter(storage).get_window_stats(limit, *who)
        )
        return datetime.fromtimestamp(stats.reset_time, UTC)

    def count(self, what: str, seconds: int) -> int:
        """Count one more use of something; return how many there were. Forgotten after a while."""
        return self._ask(lambda storage: storage.incr(what, seconds))

    def uses(self, what: str) -> int:
        """Return how many uses of something there were."""
        return self._ask(lambda storage: storage.get(what))

    def _ask(self, ask: Callable[[Storage], Answer]) -> Answer:
        if self._shared is not None and time.monotonic() >= self._silent_until:
            try:
                return ask(self._shared)
            except (RedisError, OSError) as error:
                self._silent_until = time.monotonic() + SILENT_SECONDS
                log.warning("redis is away: each process limits for itself", error=repr(error))
        return ask(self._own)


def _shared(redis_url: str) -> RedisStorage:
    options: dict[str, float] = {
        "socket_timeout": PATIENCE_SECONDS,
        "socket_connect_timeout": PATIENCE_SECONDS,
    }
    # Not once more: a reader waits.
    retry = {"retry": Retry(NoBackoff(), 0)}
    return RedisStorage(redis_url, key_prefix=PREFIX, **options, **retry)  # type: ignore[arg-type]

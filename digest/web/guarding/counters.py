"""Counters that all processes share in Redis, or that are this process's own.

While Redis is away each process counts for itself: looser than all together, never without a
bound, and never an error of the page.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from limits import RateLimitItem
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import MovingWindowRateLimiter

from digest.settings.loading import Settings
from digest.web.redis_or_own import PATIENCE_SECONDS, RedisOrOwn

PREFIX = "sign-up"
# As `limits` counts a moving window, but several in turn: a way to Redis and back costs a sign-up
# more than all of the counting. KEYS are the windows; ARGV is the moment, then of each window how
# many it takes, and its seconds. Returns the number of the first that is full, or 0.
COUNT_IN_TURN = b"""
    local now = tonumber(ARGV[1])
    for number, key in ipairs(KEYS) do
        local most, seconds = tonumber(ARGV[2 * number]), tonumber(ARGV[2 * number + 1])
        local earliest = redis.call('LINDEX', key, most - 1)
        if earliest and tonumber(earliest) >= now - seconds then
            return number
        end
        redis.call('LPUSH', key, ARGV[1])
        redis.call('LTRIM', key, 0, most - 1)
        redis.call('EXPIRE', key, seconds)
    end
    return 0
"""

Storage = MemoryStorage | RedisStorage


@dataclass(frozen=True)
class Hit:
    """One use of what is limited, and by whom: `who` is all that tells windows apart."""

    limit: RateLimitItem
    who: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        return (self.who,) if self.who else ()

    @property
    def key(self) -> str:
        return self.limit.key_for(*self.names)


class Counters:
    """Counts what is done how often. Make it after any fork; it connects when it is asked."""

    def __init__(self, settings: Settings) -> None:
        self._shared = None if settings.embedded else _shared(settings)
        self._storage = RedisOrOwn[Storage](
            self._shared, MemoryStorage(), "redis is away: each process limits for itself"
        )
        self._in_turn = (
            self._shared.get_connection().register_script(COUNT_IN_TURN) if self._shared else None
        )

    def first_refused(self, hits: Sequence[Hit]) -> Hit | None:
        """Count one more of each, in turn, up to the first whose limit is reached: return that."""
        return (
            self._storage.ask(lambda storage: self._count_in_turn(storage, hits)) if hits else None
        )

    def free_again(self, hit: Hit) -> datetime:
        """Return when the next one will be counted."""
        stats = self._storage.ask(
            lambda storage: MovingWindowRateLimiter(storage).get_window_stats(hit.limit, *hit.names)
        )
        return datetime.fromtimestamp(stats.reset_time, UTC)

    def count(self, what: str, seconds: int) -> int:
        """Count one more use of something; return how many there were. Forgotten after a while."""
        return self._storage.ask(lambda storage: storage.incr(what, seconds))

    def uses(self, what: str) -> int:
        """Return how many uses of something there were."""
        return self._storage.ask(lambda storage: storage.get(what))

    def _count_in_turn(self, storage: Storage, hits: Sequence[Hit]) -> Hit | None:
        if storage is not self._shared or self._in_turn is None:
            limiter = MovingWindowRateLimiter(storage)
            return next((hit for hit in hits if not limiter.hit(hit.limit, *hit.names)), None)
        bounds = (each for hit in hits for each in (hit.limit.amount, hit.limit.get_expiry()))
        full = self._in_turn(
            [self._shared.prefixed_key(hit.key) for hit in hits], [time.time(), *bounds]
        )
        return hits[int(full) - 1] if full else None


def _shared(settings: Settings) -> RedisStorage:
    # Late: one process for all has no Redis.
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    options: dict[str, float] = {
        "socket_timeout": PATIENCE_SECONDS,
        "socket_connect_timeout": PATIENCE_SECONDS,
    }
    # Not once more: a reader waits.
    retry = {"retry": Retry(NoBackoff(), 0)}
    prefix = f"{settings.redis_prefix}:{PREFIX}"
    return RedisStorage(settings.redis_url, key_prefix=prefix, **options, **retry)  # type: ignore[arg-type]

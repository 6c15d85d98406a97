"""How fast something may flow: meters that are kept here, or in Redis for all workers.

A meter holds two moments. `paid` is when all that was let out has been earned at the rate (the
generic cell rate algorithm of ATM calls it the theoretical arrival time); `booked` is the last
moment that was promised to what could not be let out. All is whole microseconds, so that the
script in Redis reckons exactly as this module does.
"""

import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import ceil, floor
from typing import Protocol

from digest.logs import get_logger

SECOND = 1_000_000
# What was not used may be caught up with for so long: neither a sleep that took a little longer
# nor a slow commit costs throughput. In any time, no more than the rate and this come out.
BURST_SECONDS = 1.0
# So long may Redis keep a worker waiting, and so long it is then left alone.
PATIENCE_SECONDS = 0.5
SILENT_SECONDS = 5.0
# Who has not asked for so long is no longer counted among the workers.
WORKER_SECONDS = 60
# Assumed by a worker to which Redis has never said how many there are.
WORKERS_ASSUMED = 16
WORKERS = "pace:workers"
# As many domains are remembered; those over whose limit nobody is are forgotten beyond.
METERS_AT_MOST = 10_000

log = get_logger(__name__)


@dataclass(frozen=True)
class Ask:
    """What is wanted of the meter `key`: `most` messages, and none rather than under `least`.

    `rate`: messages a second. `bursts`: how far it may run ahead; who asks with 2 goes before
    those who ask with 1, and they pay for it. `books`: promise a moment to each that is not let
    out. A negative `most` gives back what was not used.
    """

    key: str
    rate: float
    most: int
    least: int = 1
    bursts: int = 1
    books: bool = False


@dataclass(frozen=True)
class Grant:
    """So many may leave now. `wait`: seconds until asking again helps, or to the first booking."""

    granted: int
    wait: float


class Meters(Protocol):
    """Where meters are kept."""

    def take(self, asks: Sequence[Ask]) -> list[Grant]:
        """Answer each; never raises."""
        ...

    @property
    def share(self) -> float:
        """The part of a rate that is this process's to use, at most 1."""
        ...

    def close(self) -> None:
        """Let go of what is connected."""
        ...


def burst_of(rate: float) -> int:
    """Return the microseconds that a meter may run ahead: a second, or a message."""
    return ceil(max(BURST_SECONDS * SECOND, SECOND / rate))


@dataclass
class Meter:
    """The two moments, in microseconds."""

    paid: int = 0
    booked: int = 0

    def take(self, ask: Ask, now: int) -> Grant:
        """Answer `ask` at the moment `now`."""
        interval, burst = SECOND / ask.rate, burst_of(ask.rate)
        # A clock that was set back must not stop everything until it has caught up.
        paid = min(self.paid, now + 2 * burst)
        if ask.most < 0:
            self.paid = paid + floor(ask.most * interval + 0.5)
            return Grant(0, 0.0)
        room = now + ask.bursts * burst - max(paid, now)
        fits = min(ask.most, floor(room / interval + 1e-9))
        granted = fits if fits >= ask.least else 0
        if granted:
            paid = max(paid, now) + floor(granted * interval + 0.5)
        self.paid = paid
        rest = ask.most - granted
        if ask.books and rest:
            first = max(self.booked, now) + interval
            self.booked = floor(first + (rest - 1) * interval + 0.5)
            return Grant(granted, ceil(first - now) / SECOND)
        return Grant(granted, 0.0 if granted else ceil(ask.least * interval - room) / SECOND)


class LocalMeters:
    """Meters of one process, for any number of its threads. `now` in microseconds.

    `share`: its part of every rate. `in_hand`: whether a meter may at first run ahead.
    """

    def __init__(
        self,
        now: Callable[[], int] = lambda: time.monotonic_ns() // 1000,
        *,
        share: float = 1.0,
        in_hand: bool = True,
    ) -> None:
        self.share = share
        self._now = now
        self._in_hand = in_hand
        self._meters: dict[str, Meter] = {}
        self._lock = threading.Lock()

    def take(self, asks: Sequence[Ask]) -> list[Grant]:
        with self._lock:
            return [self._take(replace(ask, rate=ask.rate * self.share)) for ask in asks]

    def close(self) -> None:
        """Nothing is connected."""

    def _take(self, ask: Ask) -> Grant:
        now = self._now()
        meter = self._meters.get(ask.key)
        if meter is None:
            self._forget_what_is_over(now)
            meter = self._meters[ask.key] = Meter(0 if self._in_hand else now + burst_of(ask.rate))
            if ask.most < 0:
                return Grant(0, 0.0)
        return meter.take(ask, now)

    def _forget_what_is_over(self, now: int) -> None:
        if len(self._meters) >= METERS_AT_MOST:
            kept = self._meters.items()
            self._meters = {key: m for key, m in kept if max(m.paid, m.booked) > now}


# As Meter.take; and counts who asks, so that each worker knows its share should this go away.
_SCRIPT = f"""
local now = tonumber(ARGV[1])
if not now then
  local clock = redis.call('TIME')
  now = clock[1] * {SECOND} + clock[2]
end
local answers = {{}}
for i = 1, #KEYS - 1 do
  local at = 3 + (i - 1) * 6
  local rate, most = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
  local least, bursts = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local books, burst = ARGV[at + 4] == '1', tonumber(ARGV[at + 5])
  local interval = {SECOND} / rate
  local kept = redis.call('HMGET', KEYS[i], 'paid', 'booked')
  local booked = tonumber(kept[2]) or 0
  local paid = math.min(tonumber(kept[1]) or 0, now + 2 * burst)
  local granted, wait = 0, 0
  if most < 0 then
    paid = paid + math.floor(most * interval + 0.5)
  else
    local room = now + bursts * burst - math.max(paid, now)
    local fits = math.min(most, math.floor(room / interval + 1e-9))
    if fits >= least then granted = fits end
    if granted > 0 then
      paid = math.max(paid, now) + math.floor(granted * interval + 0.5)
    end
    local rest = most - granted
    if books and rest > 0 then
      local first = math.max(booked, now) + interval
      booked = math.floor(first + (rest - 1) * interval + 0.5)
      wait = math.ceil(first - now)
    elseif granted == 0 then
      wait = math.ceil(least * interval - room)
    end
  end
  redis.call('HSET', KEYS[i], 'paid', string.format('%.0f', paid),
    'booked', string.format('%.0f', booked))
  local ends = math.max(paid, booked, now) - now
  redis.call('PEXPIRE', KEYS[i], math.ceil(ends / 1000) + 60000)
  answers[2 * i - 1] = granted
  answers[2 * i] = string.format('%.0f', wait)
end
local workers = KEYS[#KEYS]
redis.call('ZADD', workers, now, ARGV[2])
redis.call('ZREMRANGEBYSCORE', workers, '-inf', now - {WORKER_SECONDS * SECOND})
redis.call('PEXPIRE', workers, {WORKER_SECONDS * 2000})
answers[#answers + 1] = redis.call('ZCARD', workers)
return answers
"""


class RedisMeters:
    """Meters that all workers share, by Redis's own clock.

    While Redis is away each worker keeps to its share of every rate, by the number of workers
    that Redis last told it; it is never without a limit. `prefix` begins the names of the keys.
    `now`, for tests, in microseconds.
    """

    def __init__(
        self,
        url: str,
        *,
        prefix: str = "digest",
        silent_seconds: float = SILENT_SECONDS,
        now: Callable[[], int] | None = None,
    ) -> None:
        # Imported late: commands that send nothing should not wait for it.
        from redis import Redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        self._client = Redis.from_url(
            url,
            socket_connect_timeout=PATIENCE_SECONDS,
            socket_timeout=PATIENCE_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        self._script = self._client.register_script(_SCRIPT)
        self._worker = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._prefix = prefix
        self._silent_seconds = silent_seconds
        self._now = now
        self._lock = threading.Lock()
        self._workers = WORKERS_ASSUMED
        self._stand_in: LocalMeters | None = None
        self._silent_until = 0

    @property
    def share(self) -> float:
        with self._lock:
            return self._stand_in.share if self._stand_in else 1.0

    def take(self, asks: Sequence[Ask]) -> list[Grant]:
        """Ask Redis, in one round trip; or, where it is away, ourselves."""
        from redis.exceptions import RedisError

        with self._lock:
            if self._stand_in is not None and self._clock() < self._silent_until:
                return self._stand_in.take(asks)
            try:
                told = self._ask(asks)
            except (RedisError, OSError) as error:
                return self._without(asks, error)
            self._workers = told.pop()
            if self._stand_in is not None:
                log.info("redis is back: the rates are everybody's again")
                self._stand_in = None
        return [
            Grant(granted, int(wait) / SECOND)
            for granted, wait in zip(told[::2], told[1::2], strict=True)
        ]

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()

    def _ask(self, asks: Sequence[Ask]) -> list[int]:
        arguments: list[str | int | float] = [self._now() if self._now else "", self._worker]
        for ask in asks:
            arguments += [repr(ask.rate), ask.most, ask.least, ask.bursts, int(ask.books)]
            arguments.append(burst_of(ask.rate))
        keys = [f"{self._prefix}:{key}" for key in (*(ask.key for ask in asks), WORKERS)]
        told: list[int] = self._script(keys=keys, args=arguments)
        return told

    def _without(self, asks: Sequence[Ask], error: Exception) -> list[Grant]:
        self._silent_until = self._clock() + floor(self._silent_seconds * SECOND)
        if self._stand_in is None:
            log.warning(
                "redis is away: each worker keeps to its share of the rates",
                workers=self._workers,
                error=repr(error),
            )
            # With nothing in hand: the others, too, have just been given what there was.
            self._stand_in = LocalMeters(
                self._clock, share=1 / max(self._workers, 1), in_hand=False
            )
        return self._stand_in.take(asks)

    def _clock(self) -> int:
        return self._now() if self._now else time.monotonic_ns() // 1000

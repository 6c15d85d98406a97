"""Which networks follow an issue's links as no person does: more than three within ten seconds.

The same link by the same network counts once in ten seconds: no host drives a number up. A network
is held for ten seconds, as an HMAC with the issue, under a key that is made anew each hour and kept
in Redis or in the process's memory alone.
"""

import hashlib
import hmac
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from digest.settings.loading import Settings
from digest.web.redis_or_own import PATIENCE_SECONDS, RedisOrOwn

LINKS = 3
WITHIN_MS = 10_000
KEY_LASTS_MS = 3_600_000
# As in `OwnFollowers.note`. KEYS[1] holds "moment:story:told " for each link followed lately;
# `told` is 2 for one that was not counted. ARGV: the moment, the story, the span, how many links.
NOTE = """
    local now, lines, links, different, again = tonumber(ARGV[1]), {}, {}, 0, false
    local known = redis.call('GET', KEYS[1]) or ''
    for at, story, told in string.gmatch(known, '(%d+):(%d+):([012]) ') do
        if tonumber(at) >= now - tonumber(ARGV[3]) then
            local same = story == ARGV[2]
            again = again or (same and told ~= '2')
            if not (same and told == '2') then
                lines[#lines + 1] = {at, story, told}
            end
        end
    end
    lines[#lines + 1] = {ARGV[1], ARGV[2], again and '2' or '0'}
    for _, line in ipairs(lines) do
        if not links[line[2]] then
            links[line[2]], different = true, different + 1
        end
    end
    local machine, kept, newly = different > tonumber(ARGV[4]), {}, {}
    for _, line in ipairs(lines) do
        local at, story, told = unpack(line)
        if machine and told == '0' then
            told = '1'
            newly[#newly + 1] = story
        end
        kept[#kept + 1] = at .. ':' .. story .. ':' .. told .. ' '
    end
    redis.call('SET', KEYS[1], table.concat(kept), 'PX', ARGV[3])
    return again and {0} or newly
"""
# A story's id is none of it.
AGAIN = [0]


class Followers(Protocol):
    """Remembers for ten seconds who followed what."""

    def note(self, issue_id: int, story_id: int, network: str) -> list[int]:
        """Note that a network follows a link. Return the stories whose clicks prove a machine's.

        This one last, and before it those of the same network that were taken for a reader's; none
        where nothing speaks against a reader. `AGAIN`: this one was counted just now.
        """
        ...


def open_followers(settings: Settings) -> Followers:
    """Return what all processes share in Redis, or the process's own. It connects when asked."""
    shared = None if settings.embedded else RedisFollowers(settings)
    warning = "redis is away: each process sets machines apart by itself"
    return _Either(RedisOrOwn[Followers](shared, OwnFollowers(), warning))


class _Either:
    def __init__(self, followers: RedisOrOwn[Followers]) -> None:
        self._followers = followers

    def note(self, issue_id: int, story_id: int, network: str) -> list[int]:
        return self._followers.ask(lambda each: each.note(issue_id, story_id, network))


@dataclass
class _Visit:
    at: int
    story_id: int
    counts: bool
    told: bool = False


class OwnFollowers:
    """Those of one process, for any number of its threads. `now_ms` in milliseconds."""

    def __init__(
        self, now_ms: Callable[[], int] = lambda: time.monotonic_ns() // 1_000_000
    ) -> None:
        self._now_ms = now_ms
        self._lock = threading.Lock()
        self._key, self._key_until = b"", -1
        self._visits: dict[bytes, list[_Visit]] = {}
        self._swept_at = 0

    def note(self, issue_id: int, story_id: int, network: str) -> list[int]:
        with self._lock:
            now = self._now_ms()
            self._forget(now)
            who = _masked(self._key, issue_id, network)
            lately = [each for each in self._visits.get(who, ()) if each.at >= now - WITHIN_MS]
            again = any(each.story_id == story_id and each.counts for each in lately)
            # Of each story the one that counted and the last one, however many there are.
            kept = [each for each in lately if each.counts or each.story_id != story_id]
            visits = self._visits[who] = [*kept, _Visit(now, story_id, counts=not again)]
            if again:
                return AGAIN
            if len({each.story_id for each in visits}) <= LINKS:
                return []
            newly = [each for each in visits if each.counts and not each.told]
            for each in newly:
                each.told = True
            return [each.story_id for each in newly]

    def _forget(self, now: int) -> None:
        if now >= self._key_until:
            self._key, self._key_until = secrets.token_bytes(32), now + KEY_LASTS_MS
            self._visits.clear()
        if now >= self._swept_at + WITHIN_MS:
            self._swept_at = now
            over = [who for who, them in self._visits.items() if them[-1].at < now - WITHIN_MS]
            for who in over:
                del self._visits[who]


class RedisFollowers:
    """Those of all processes together. Raises RedisError or OSError where Redis is away."""

    def __init__(
        self, settings: Settings, now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    ) -> None:
        # Late: one process for all has no Redis.
        from redis import Redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        # Not once more: a reader waits.
        self._redis: Any = Redis.from_url(
            settings.redis_url,
            socket_timeout=PATIENCE_SECONDS,
            socket_connect_timeout=PATIENCE_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        self._prefix = f"{settings.redis_prefix}:clicks"
        self._note = self._redis.register_script(NOTE)
        self._now_ms = now_ms

    def note(self, issue_id: int, story_id: int, network: str) -> list[int]:
        who = _masked(self._key(), issue_id, network).hex()
        args = [self._now_ms(), story_id, WITHIN_MS, LINKS]
        return [int(each) for each in self._note(keys=[f"{self._prefix}:{who}"], args=args)]

    def _key(self) -> bytes:
        name = f"{self._prefix}:key"
        with self._redis.pipeline() as together:
            together.set(name, secrets.token_bytes(32), nx=True, px=KEY_LASTS_MS)
            together.get(name)
            _, key = together.execute()
        return bytes(key)


def _masked(key: bytes, issue_id: int, network: str) -> bytes:
    return hmac.digest(key, f"{issue_id} {network}".encode(), hashlib.sha256)

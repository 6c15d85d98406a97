"""The arithmetic of rates: here, in Redis, and while Redis is away."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digest.delivery.relay.meters import (
    SECOND,
    WORKERS,
    WORKERS_ASSUMED,
    Ask,
    LocalMeters,
    Meters,
    RedisMeters,
    burst_of,
)
from tests.servers.redis_server import PrivateRedis


@dataclass
class Moment:
    """A clock in microseconds, that goes when it is told to."""

    at: int = 1_790_000_000 * SECOND

    def __call__(self) -> int:
        return self.at

    def pass_by(self, seconds: float) -> None:
        self.at += int(seconds * SECOND)


@pytest.fixture
def shared(redis_url: str) -> Iterator[Callable[[Moment], RedisMeters]]:
    opened = []

    def open_one(now: Moment) -> RedisMeters:
        opened.append(RedisMeters(redis_url, now=now))
        return opened[-1]

    yield open_one
    for meters in opened:
        meters.close()


RATES = st.sampled_from([0.01, 0.3, 1.0, 7.0, 14.0, 333.3, 100_000.0])
ASKS = st.builds(
    Ask,
    key=st.sampled_from(["a", "b"]),
    rate=st.just(1.0),
    most=st.integers(-3, 60),
    least=st.integers(1, 60),
    bursts=st.sampled_from([1, 2]),
    books=st.booleans(),
)
TOGETHER = st.lists(ASKS, min_size=1, max_size=2, unique_by=lambda ask: ask.key)
STEPS = st.lists(st.tuples(st.integers(-SECOND, 3 * SECOND), TOGETHER), max_size=20)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rate=RATES, steps=STEPS)
def test_redis_reckons_exactly_as_we_do(
    redis_url: str, rate: float, steps: list[tuple[int, list[Ask]]]
) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.flushdb()
    clock = Moment()
    here, there = LocalMeters(clock), RedisMeters(redis_url, now=clock)
    for microseconds, asks in steps:
        clock.at += microseconds
        asked = [replace(ask, rate=rate) for ask in asks]
        assert there.take(asked) == here.take(asked)
    assert there.share == 1.0, "it was never away"
    there.close()


@settings(max_examples=200, deadline=None)
@given(
    rate=RATES,
    steps=st.lists(st.tuples(st.integers(0, 2 * SECOND), st.integers(1, 60), st.integers(0, 60))),
)
def test_no_more_than_the_rate_and_a_burst_ever_come_out(
    rate: float, steps: list[tuple[int, int, int]]
) -> None:
    clock = Moment()
    meters = LocalMeters(clock)
    granted: list[tuple[int, int]] = []
    for microseconds, most, unused in steps:
        clock.at += microseconds
        [told] = meters.take([Ask("a", rate, most)])
        used = max(0, told.granted - unused)
        meters.take([Ask("a", rate, used - told.granted)])
        granted.append((clock.at, used))
    for first, (since, _) in enumerate(granted):
        out = 0
        for until, count in granted[first:]:
            out += count
            # Rounded to a microsecond each time.
            bound = rate * (until - since + burst_of(rate) + len(granted)) / SECOND
            assert out <= bound + 1e-6


@given(rate=RATES, least=st.integers(1, 60))
def test_after_the_wait_it_is_granted(rate: float, least: int) -> None:
    clock = Moment()
    meters = LocalMeters(clock)
    least = min(least, max(1, int(rate)))
    for _ in range(5):
        [told] = meters.take([Ask("a", rate, least, least)])
        if not told.granted:
            clock.at += round(told.wait * SECOND)
            [told] = meters.take([Ask("a", rate, least, least)])
        assert told.granted == least


def test_a_window_is_granted_whole_or_not_at_all() -> None:
    clock = Moment()
    meters = LocalMeters(clock)
    window = Ask("a", 20.0, most=5, least=5)
    assert [meters.take([window])[0].granted for _ in range(5)] == [5, 5, 5, 5, 0]
    clock.pass_by(0.2)
    [told] = meters.take([window])
    assert told.granted == 0
    assert told.wait == pytest.approx(0.05)


def test_who_may_run_ahead_further_goes_first_and_the_others_pay() -> None:
    clock = Moment()
    meters = LocalMeters(clock)
    bulk = Ask("a", 10.0, most=10, least=10)
    assert meters.take([bulk])[0].granted == 10
    assert meters.take([replace(bulk, bursts=2)])[0].granted == 10
    [told] = meters.take([bulk])
    assert told.granted == 0
    assert told.wait == pytest.approx(2.0)


def test_bookings_come_one_after_the_other_at_the_rate() -> None:
    clock = Moment()
    meters = LocalMeters(clock)
    ask = Ask("a", 4.0, most=10, books=True)
    [first] = meters.take([ask])
    assert first.granted == 4
    assert first.wait == pytest.approx(0.25)
    [second] = meters.take([ask])
    assert second.granted == 0
    assert second.wait == pytest.approx(0.25 + 6 / 4)


def test_a_clock_that_is_set_back_stops_nothing_for_long() -> None:
    clock = Moment()
    meters = LocalMeters(clock)
    meters.take([Ask("a", 10.0, most=10)])
    clock.pass_by(-3600)
    [told] = meters.take([Ask("a", 10.0, most=1)])
    assert told.granted or told.wait < 3


def test_meters_that_are_full_again_take_no_memory() -> None:
    clock = Moment()
    meters = LocalMeters(clock)
    for number in range(12_000):
        meters.take([Ask(f"{number}.example", 10.0, most=1)])
        clock.pass_by(0.01)
    assert len(meters._meters) <= 10_000


# All workers together


def test_workers_share_one_rate(shared: Callable[[Moment], RedisMeters]) -> None:
    clock = Moment()
    workers = [shared(clock) for _ in range(3)]
    sent = 0
    for _ in range(100):
        for worker in workers:
            sent += worker.take([Ask("a", 30.0, most=3, least=3)])[0].granted
        clock.pass_by(0.1)
    assert 30 * 10 <= sent <= 30 * 10 + 30


def test_by_its_own_clock_redis_lets_out_the_same(redis_url: str) -> None:
    meters = RedisMeters(redis_url)
    [first, second] = [meters.take([Ask("a", 0.01, most=1)])[0] for _ in range(2)]
    assert (first.granted, second.granted) == (1, 0)
    assert 90 < second.wait <= 100
    with redis.Redis.from_url(redis_url) as client:
        assert client.ttl("digest:a") > 0
        assert client.ttl(f"digest:{WORKERS}") > 0
    meters.close()


# Redis away


def out_of(workers: list[Meters], clock: Moment, rate: float, seconds: int) -> int:
    """Let every worker ask ten times a second, and return what they were granted together."""
    sent = 0
    for _ in range(seconds * 10):
        clock.pass_by(0.1)
        for worker in workers:
            sent += worker.take([Ask("a", rate, most=2)])[0].granted
    return sent


def test_without_redis_the_workers_together_keep_to_the_rate(
    private_redis: Callable[[], PrivateRedis],
) -> None:
    server, clock = private_redis(), Moment()
    workers = [RedisMeters(server.url, now=clock) for _ in range(4)]
    everyone: list[Meters] = list(workers)
    # All are counted once each has asked twice.
    out_of(everyone, clock, 40.0, 1)
    server.kill()
    assert out_of(everyone, clock, 40.0, 4) <= 40 * 4
    assert {worker.share for worker in workers} == {1 / 4}
    slow = out_of(everyone, clock, 40.0, 60)
    assert 40 * 60 * 0.9 <= slow <= 40 * 60
    server.start()
    clock.pass_by(5)
    back = out_of(everyone, clock, 40.0, 10)
    assert 40 * 10 <= back <= 40 * 11
    assert {worker.share for worker in workers} == {1.0}
    for worker in workers:
        worker.close()


def test_a_worker_that_never_met_redis_is_careful_and_asks_it_rarely() -> None:
    clock = Moment()
    meters = RedisMeters("redis://127.0.0.1:1/0", now=clock)
    assert out_of([meters], clock, 160.0, 10) <= 160 * 10 / WORKERS_ASSUMED
    assert meters.share == 1 / WORKERS_ASSUMED
    meters.close()


def test_a_redis_that_refuses_to_write_counts_as_away(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.set("digest:a", "not a meter")
    meters = RedisMeters(redis_url)
    assert meters.take([Ask("a", 10.0, most=5)])[0].granted == 0
    assert meters.share < 1
    meters.close()


def test_what_was_not_used_of_redis_is_not_spent_twice_without_it(
    private_redis: Callable[[], PrivateRedis],
) -> None:
    server, clock = private_redis(), Moment()
    meters = RedisMeters(server.url, now=clock)
    assert meters.take([Ask("a", 10.0, most=10)])[0].granted == 10
    server.kill()
    meters.take([Ask("a", 10.0, most=-10)])
    assert meters.take([Ask("a", 10.0, most=1)])[0].granted == 0
    meters.close()

"""The guard's counters: several windows in one question to Redis, counted as one by one."""

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from limits import RateLimitItemPerHour, RateLimitItemPerMinute
from limits.storage import RedisStorage
from limits.strategies import MovingWindowRateLimiter
from structlog.testing import capture_logs

from digest.web.guarding.counters import PREFIX, Counters, Hit
from tests.factories import make_settings

A_FEW = RateLimitItemPerMinute(2, namespace="few")
SOME = RateLimitItemPerHour(3, namespace="some")
ALL = RateLimitItemPerMinute(4, namespace="all")
RUNS = itertools.count()

hits = st.builds(Hit, st.sampled_from([A_FEW, SOME]), st.sampled_from(["a", "b"])) | st.just(
    Hit(ALL)
)


@pytest.fixture(params=["redis", "process"])
def counters(request: pytest.FixtureRequest, redis_url: str) -> Iterator[Counters]:
    if request.param == "process":
        yield Counters(make_settings("sqlite://"))
        return
    counters = Counters(make_settings("sqlite://", redis_url=redis_url))
    with capture_logs() as logged:
        yield counters
    # Or it was the process that counted, as it does where Redis answers with an error.
    assert logged == []


@settings(
    max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(asked=st.lists(st.lists(hits, max_size=4), max_size=8))
def test_each_is_counted_in_turn_up_to_the_first_that_is_full(
    counters: Counters, asked: list[list[Hit]]
) -> None:
    # Each example has windows of its own.
    run = next(RUNS)
    counted: dict[tuple[object, str], int] = {}
    for together in asked:
        expected = None
        for hit in together:
            key = (hit.limit, hit.who)
            if counted.get(key, 0) == hit.limit.amount:
                expected = hit
                break
            counted[key] = counted.get(key, 0) + 1
        named = [Hit(hit.limit, f"{run}{hit.who}") for hit in together]
        refused = counters.first_refused(named)
        assert (refused is None) == (expected is None)
        if refused is not None and expected is not None:
            assert (refused.limit, refused.who) == (expected.limit, f"{run}{expected.who}")


def test_a_full_window_tells_when_it_is_free_again(counters: Counters) -> None:
    assert [counters.first_refused([Hit(A_FEW, "a")]) for _ in range(3)] == [
        None,
        None,
        Hit(A_FEW, "a"),
    ]
    waits = counters.free_again(Hit(A_FEW, "a")) - datetime.now(UTC)
    assert timedelta(seconds=30) < waits <= timedelta(seconds=60)


def test_the_windows_are_those_of_the_library(redis_url: str) -> None:
    """What asks for the time of the next try, and an older release beside us, reads the same."""
    counters = Counters(make_settings("sqlite://", redis_url=redis_url))
    theirs = MovingWindowRateLimiter(RedisStorage(redis_url, key_prefix=f"digest:{PREFIX}"))

    assert counters.first_refused([Hit(A_FEW, "a"), Hit(SOME, "a")]) is None
    assert theirs.hit(A_FEW, "a")
    assert not theirs.hit(A_FEW, "a")
    assert counters.first_refused([Hit(A_FEW, "a")]) == Hit(A_FEW, "a")
    assert theirs.get_window_stats(SOME, "a").remaining == 2

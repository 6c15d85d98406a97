"""Which clicks are a machine's: those in any ten seconds with more than three different links."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from redis import Redis

from digest.web.clicks.followers import (
    AGAIN,
    KEY_LASTS_MS,
    LINKS,
    WITHIN_MS,
    Followers,
    OwnFollowers,
    RedisFollowers,
)
from tests.factories import make_settings

Visit = tuple[int, int, int, str]
LINE = "198.51.100.0/24"
RUNS = itertools.count(1)
# Milliseconds since the last one, issue, story, network.
visits = st.lists(
    st.tuples(
        st.sampled_from([0, 0, 1, 900, 2500, 5000, WITHIN_MS, WITHIN_MS + 1]),
        st.sampled_from([1, 1, 1, 2]),
        st.integers(1, 6),
        st.sampled_from([LINE, LINE, LINE, "2001:db8::/64"]),
    ),
    max_size=30,
)
THREE: list[Visit] = [(0, 1, story, LINE) for story in (1, 2, 3)]


class Moving:
    def __init__(self) -> None:
        self.now = 1_000_000

    def __call__(self) -> int:
        return self.now


@pytest.fixture(params=["process", "redis"])
def make(request: pytest.FixtureRequest, redis_url: str) -> Iterator[Callable[[Moving], Followers]]:
    if request.param == "process":
        yield OwnFollowers
        return
    settings_ = make_settings("sqlite://", redis_url=redis_url)
    yield lambda clock: RedisFollowers(settings_, clock)


def machines(seen: list[Visit]) -> list[bool]:
    """Look at every span of ten seconds, as nobody can who answers at once."""
    told = [False] * len(seen)
    for end, (at, issue, _, network) in enumerate(seen):
        within = [
            place
            for place, each in enumerate(seen[: end + 1])
            if each[1] == issue and each[3] == network and at - WITHIN_MS <= each[0]
        ]
        if len({seen[place][2] for place in within}) > LINKS:
            for place in within:
                told[place] = True
    return told


def repeated(seen: list[Visit]) -> list[bool]:
    """Say which follow a link that their network had followed, and had counted, just before."""
    again: list[bool] = []
    for place, (at, *what) in enumerate(seen):
        before = zip(seen[:place], again, strict=True)
        again.append(
            any(
                each[1:] == tuple(what) and at - WITHIN_MS <= each[0] and not it
                for each, it in before
            )
        )
    return again


@settings(
    max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(steps=visits)
@example(steps=THREE)
@example(steps=[*THREE, THREE[0]])
@example(steps=[THREE[0]] * 500)
@example(steps=[THREE[0], (9000, 1, 1, LINE), (2000, 1, 1, LINE), (0, 1, 2, LINE)])
@example(steps=[THREE[0], (9000, 1, 1, LINE), *((1500, 1, story, LINE) for story in (2, 3, 4))])
@example(steps=[*THREE, (WITHIN_MS, 1, 4, LINE)])
@example(steps=[*THREE, (WITHIN_MS + 1, 1, 4, LINE)])
@example(steps=[*THREE, (0, 1, 4, LINE), (WITHIN_MS, 1, 4, LINE), (1, 1, 4, LINE)])
def test_a_click_is_a_machine_s_if_any_ten_seconds_with_it_have_too_many_links(
    make: Callable[[Moving], Followers], steps: list[Visit]
) -> None:
    clock = Moving()
    followers, run = make(clock), next(RUNS)
    seen: list[Visit] = []
    readers: dict[tuple[int, int], int] = {}
    for later, issue, story, network in steps:
        clock.now += later
        seen.append((clock.now, issue, story, network))
        # What is counted for readers: this one, less those that turn out to be a machine's.
        told = followers.note(run * 10 + issue, story, network)
        if told == AGAIN:
            continue
        counted = [(story, 1)] if not told else [(each, -1) for each in told[:-1]]
        assert not told or told[-1] == story
        for each, more in counted:
            readers[issue, each] = readers.get((issue, each), 0) + more
    expected: dict[tuple[int, int], int] = {}
    for (_, issue, story, _), machine, again in zip(
        seen, machines(seen), repeated(seen), strict=True
    ):
        expected[issue, story] = expected.get((issue, story), 0) + (not machine and not again)
    assert {key: many for key, many in readers.items() if many} == {
        key: many for key, many in expected.items() if many
    }


def test_nothing_of_a_network_is_left_after_ten_seconds_and_no_key_after_an_hour() -> None:
    clock = Moving()
    followers: Any = OwnFollowers(clock)
    followers.note(1, 1, LINE)
    key, held = followers._key, set(followers._visits)
    assert b"198.51.100" not in b"".join(held)
    clock.now += WITHIN_MS + 1
    followers.note(1, 1, "2001:db8::/64")
    assert not held & set(followers._visits)
    clock.now += KEY_LASTS_MS
    followers.note(1, 1, LINE)
    assert followers._key != key


def test_redis_holds_a_scrambled_mark_for_ten_seconds_and_the_key_for_an_hour(
    redis_url: str,
) -> None:
    RedisFollowers(make_settings("sqlite://", redis_url=redis_url)).note(1, 7, LINE)
    redis: Any = Redis.from_url(redis_url)
    lasts = {name: redis.pttl(name) for name in redis.scan_iter()}
    [key] = [name for name in lasts if name.endswith(b":key")]
    [who] = set(lasts) - {key}
    assert 0 < lasts[who] <= WITHIN_MS
    assert WITHIN_MS < lasts[key] <= KEY_LASTS_MS
    assert b"198.51.100" not in b"".join(lasts) + redis.get(who)

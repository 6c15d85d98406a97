from datetime import UTC, datetime, timedelta

from digest.clock import Clock, FixedClock, SystemClock


def test_the_system_clock_is_aware_and_in_utc() -> None:
    assert SystemClock().now().utcoffset() == timedelta(0)


def test_the_system_clock_can_be_shifted() -> None:
    before = datetime.now(UTC)
    shifted = SystemClock(timedelta(days=7)).now()
    after = datetime.now(UTC)
    assert before + timedelta(days=7) <= shifted <= after + timedelta(days=7)


def test_a_fixed_clock_stands_until_it_is_moved() -> None:
    clock = FixedClock(datetime(2026, 3, 29, 0, 30, tzinfo=UTC))
    assert clock.now() == clock.now()
    clock.advance(timedelta(hours=1))
    assert clock.now() == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    clock.advance(timedelta(hours=-2))
    assert clock.now() == datetime(2026, 3, 28, 23, 30, tzinfo=UTC)


def test_both_are_clocks() -> None:
    clocks: list[Clock] = [SystemClock(), FixedClock()]
    assert all(clock.now().tzinfo is UTC for clock in clocks)

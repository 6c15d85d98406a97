from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.newsroom.issues.calendar import (
    WEEK,
    moment,
    next_occurrence,
    occurrences_due,
    slot,
    slots_after,
)


@dataclass(frozen=True)
class Weekly:
    weekday: int = 5
    local_time: time = time(7, 0)
    zone: str = "Europe/London"
    compose_hours: int = 24
    close_hours: int = 1


ZONES = st.sampled_from(sorted(available_timezones() - {"localtime", "Factory"}))
TIMES = st.times().map(lambda at: at.replace(second=0, microsecond=0, fold=0))
SCHEDULES = st.builds(
    Weekly,
    weekday=st.integers(0, 6),
    local_time=TIMES,
    zone=ZONES,
    compose_hours=st.integers(1, 100),
    close_hours=st.integers(0, 1),
)
MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(SCHEDULES, MOMENTS)
def test_each_week_has_one_issue_and_they_come_in_order(schedule: Weekly, after: datetime) -> None:
    slots = list(islice(slots_after(schedule, after), 60))

    assert slots[0].send_at > after
    for one, other in pairwise(slots):
        assert other.occurrence_on - one.occurrence_on == WEEK
        assert other.send_at > one.send_at
    for found in slots:
        assert found.occurrence_on.weekday() == schedule.weekday
        assert found.compose_at <= found.closes_at <= found.send_at
        assert found.send_at.tzinfo is UTC


@given(SCHEDULES, MOMENTS)
def test_it_goes_out_when_the_clocks_on_the_wall_say_so(schedule: Weekly, after: datetime) -> None:
    zone = ZoneInfo(schedule.zone)
    for found in islice(slots_after(schedule, after), 55):
        promised = datetime.combine(found.occurrence_on, schedule.local_time)
        shown = found.send_at.astimezone(zone).replace(tzinfo=None, fold=0)
        if shown == promised:
            # Not the second time that the clocks show it.
            assert found.send_at.astimezone(zone).fold == 0
            continue
        # In a gap: it is the first moment after, so a second before was before the promised time.
        assert shown > promised
        before = (found.send_at - timedelta(seconds=1)).astimezone(zone).replace(tzinfo=None)
        assert before < promised


@given(SCHEDULES, MOMENTS)
def test_the_next_occurrence_is_the_first_that_is_later(schedule: Weekly, after: datetime) -> None:
    day = next_occurrence(schedule, after)

    assert slot(schedule, day).send_at > after
    assert slot(schedule, day - WEEK).send_at <= after


@given(SCHEDULES, MOMENTS, st.timedeltas(timedelta(0), timedelta(days=60)))
def test_ticks_however_far_apart_find_every_occurrence_once(
    schedule: Weekly, start: datetime, step: timedelta
) -> None:
    end = start + timedelta(days=60)
    found: set[date] = set()
    now, after = start, start
    while now < end:
        now = min(now + max(step, timedelta(days=1)), end)
        found |= set(occurrences_due(schedule, after, now))

    assert sorted(found) == occurrences_due(schedule, start, end)


def test_a_time_that_the_clocks_jump_over_is_the_first_moment_after() -> None:
    # London, 29 March 2026: 01:00 becomes 02:00.
    assert moment(date(2026, 3, 29), time(1, 30), "Europe/London") == datetime(
        2026, 3, 29, 1, 0, tzinfo=UTC
    )


def test_a_time_that_comes_twice_is_its_first_coming() -> None:
    # London, 25 October 2026: 01:30 comes at 00:30 and at 01:30 UTC.
    assert moment(date(2026, 10, 25), time(1, 30), "Europe/London") == datetime(
        2026, 10, 25, 0, 30, tzinfo=UTC
    )


def test_a_gap_of_half_an_hour() -> None:
    # Lord Howe, 4 October 2026: 02:00 becomes 02:30, at 15:30 UTC of the day before.
    assert moment(date(2026, 10, 4), time(2, 15), "Australia/Lord_Howe") == datetime(
        2026, 10, 3, 15, 30, tzinfo=UTC
    )


def test_a_day_that_was_left_out() -> None:
    # Samoa had no 30 December 2011.
    assert moment(date(2011, 12, 30), time(7, 0), "Pacific/Apia") == datetime(
        2011, 12, 30, 10, 0, tzinfo=UTC
    )


@pytest.mark.parametrize(
    ("day", "hour"),
    [
        (date(2026, 3, 28), 7),
        (date(2026, 4, 4), 6),
        (date(2026, 10, 24), 6),
        (date(2026, 10, 31), 7),
        (date(2027, 1, 2), 7),
    ],
)
def test_seven_stays_seven_in_london_all_year(day: date, hour: int) -> None:
    assert slot(Weekly(), day).send_at == datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


def test_hours_ahead_are_hours_that_pass() -> None:
    # Sunday 07:00 after the night in which London's clocks went forward.
    found = slot(Weekly(weekday=6), date(2026, 3, 29))

    assert found.send_at == datetime(2026, 3, 29, 6, 0, tzinfo=UTC)
    assert found.compose_at == datetime(2026, 3, 28, 6, 0, tzinfo=UTC)
    assert found.closes_at == datetime(2026, 3, 29, 5, 0, tzinfo=UTC)


def test_the_week_goes_on_over_the_end_of_the_year() -> None:
    days = [
        found.occurrence_on
        for found in islice(slots_after(Weekly(), datetime(2026, 12, 20, tzinfo=UTC)), 3)
    ]

    assert days == [date(2026, 12, 26), date(2027, 1, 2), date(2027, 1, 9)]


def test_an_occurrence_is_due_from_when_it_is_to_be_composed() -> None:
    compose_at = datetime(2026, 11, 13, 7, 0, tzinfo=UTC)
    after = compose_at - timedelta(days=3)

    assert occurrences_due(Weekly(), after, compose_at - timedelta(seconds=1)) == []
    assert occurrences_due(Weekly(), after, compose_at) == [date(2026, 11, 14)]


def test_a_naive_moment_is_refused() -> None:
    with pytest.raises(ValueError, match="naive"):
        next_occurrence(Weekly(), datetime(2026, 11, 14))  # noqa: DTZ001


def test_where_the_day_is_behind_utc_this_evenings_issue_is_still_the_next() -> None:
    # Sunday 05:00 UTC is Saturday 19:00 in Honolulu, an hour before the issue.
    honolulu = Weekly(local_time=time(20, 0), zone="Pacific/Honolulu")

    assert next_occurrence(honolulu, datetime(2026, 11, 15, 5, 0, tzinfo=UTC)) == date(2026, 11, 14)

"""When issues are due: computed from a newsletter's weekday, local time and zone, never from "now".

A newsletter's slot is a local date. The moments of a slot are right across daylight saving: a
local time that the clocks jump over becomes the first moment after the jump, and one that comes
twice means its first coming.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Protocol

from digest import prose, zones
from digest.errors import FieldError

WEEK = timedelta(days=7)
WEEKS_A_YEAR = 53
# An issue is composed so long before it is sent, at the most.
HOURS_AHEAD_AT_MOST = 6 * 24
# No zone is further than this from UTC, and no clock has jumped further.
A_DAY_AND_A_BIT = timedelta(hours=30)
FURTHEST_EAST = timedelta(hours=15)


class Schedule(Protocol):
    """What the calendar needs to know of a newsletter: `weekday` counts from Monday, 0."""

    @property
    def weekday(self) -> int: ...
    @property
    def local_time(self) -> time: ...
    @property
    def zone(self) -> str: ...
    @property
    def compose_hours(self) -> int: ...
    @property
    def close_hours(self) -> int: ...


@dataclass(frozen=True)
class Slot:
    """An issue's place in the calendar; its moments are aware, in UTC."""

    occurrence_on: date
    compose_at: datetime
    closes_at: datetime
    send_at: datetime


def slot(schedule: Schedule, occurrence_on: date) -> Slot:
    """Return the moments of the issue of one local date."""
    send_at = moment(occurrence_on, schedule.local_time, schedule.zone)
    return slot_sent_at(schedule, occurrence_on, send_at)


def slot_sent_at(schedule: Schedule, occurrence_on: date, send_at: datetime) -> Slot:
    """Return a slot with a `send_at` of its own; hours ahead are hours that pass, not the clock's.

    Raises:
        ValueError: `send_at` is naive.
    """
    if send_at.tzinfo is None:
        raise ValueError(f"naive datetime {send_at!r}: give it a zone")
    return Slot(
        occurrence_on=occurrence_on,
        compose_at=send_at - timedelta(hours=schedule.compose_hours),
        closes_at=send_at - timedelta(hours=schedule.close_hours),
        send_at=send_at,
    )


def next_occurrence(schedule: Schedule, after: datetime) -> date:
    """Return the first local date whose `send_at` is later than `after`."""
    return next(slots_after(schedule, after)).occurrence_on


def occurrences_due(schedule: Schedule, after: datetime, now: datetime) -> list[date]:
    """Return the dates to compose by `now` whose `send_at` is later than `after`, earliest first.

    The caller chooses how far back `after` lies; downtime heals because nothing else is
    remembered.
    """
    due = []
    for found in slots_after(schedule, after):
        if found.compose_at > now:
            break
        due.append(found.occurrence_on)
    return due


def slots_after(schedule: Schedule, after: datetime) -> Iterator[Slot]:
    """Yield every slot whose `send_at` is later than `after`, earliest first, without end."""
    if after.tzinfo is None:
        raise ValueError(f"naive datetime {after!r}: give it a zone")
    first = (after.astimezone(UTC) - A_DAY_AND_A_BIT).date()
    day = first + timedelta(days=(schedule.weekday - first.weekday()) % 7)
    while True:
        found = slot(schedule, day)
        if found.send_at > after:
            yield found
        day += WEEK


def days_between(after: datetime, until: datetime) -> list[date]:
    """Return the local dates, of any zone, on which a moment between two others may lie."""
    first, last = (after - A_DAY_AND_A_BIT).date(), (until + A_DAY_AND_A_BIT).date()
    return [first + timedelta(days=ahead) for ahead in range((last - first).days + 1)]


def begins_at_the_earliest(day: date) -> datetime:
    """Return a moment, in UTC, before which a local date has begun nowhere."""
    return datetime.combine(day, time(), UTC) - FURTHEST_EAST


def moment(day: date, local_time: time, zone: str) -> datetime:
    """Return, in UTC, when the clocks of `zone` show `local_time` on `day`.

    The first moment after a gap; the first of two.
    """
    local = datetime.combine(day, local_time.replace(fold=0), tzinfo=zones.named(zone))
    return local.astimezone(UTC) if _exists(local) else _end_of_gap(local)


def existing_moment(day: date, local_time: time, zone: str) -> datetime:
    """Return, in UTC, what `moment` does, for a time that a person chose.

    Raises:
        FieldError: the clocks of `zone` skip that time of that day.
    """
    if not _exists(datetime.combine(day, local_time.replace(fold=0), tzinfo=zones.named(zone))):
        said = f"{prose.short_day(day)} {day.year}"
        raise FieldError(
            "time", f"The clocks of {zone} skip {local_time:%H:%M} on {said}. Choose another time."
        )
    return moment(day, local_time, zone)


def oddity(day: date, local_time: time, zone: str) -> str:
    """Return a sentence where the clocks of `zone` skip that time of that day, or show it twice."""
    local = datetime.combine(day, local_time.replace(fold=0), tzinfo=zones.named(zone))
    said = f"{prose.short_day(day)} {day.year}"
    if not _exists(local):
        instead = moment(day, local_time, zone).astimezone(local.tzinfo)
        return (
            f"The clocks of {zone} skip {local:%H:%M} on {said}; it goes out at {instead:%H:%M}, "
            "right after."
        )
    if local.utcoffset() != local.replace(fold=1).utcoffset():
        return f"The clocks of {zone} show {local:%H:%M} twice on {said}; the first is meant."
    return ""


def odd_slots(schedule: Schedule, after: datetime) -> Iterator[str]:
    """Yield a sentence for each slot of the coming year that `oddity` has something to say of."""
    for found in islice(slots_after(schedule, after), WEEKS_A_YEAR):
        if said := oddity(found.occurrence_on, schedule.local_time, schedule.zone):
            yield said


def _exists(local: datetime) -> bool:
    back = local.astimezone(UTC).astimezone(local.tzinfo)
    return back.replace(tzinfo=None) == local.replace(tzinfo=None)


def _end_of_gap(local: datetime) -> datetime:
    # Inside a gap, PEP 495 reads fold=1 by the offset after it, and fold=0 by the one before:
    # the clocks jump somewhere between those two moments.
    before, after = local.replace(fold=1).astimezone(UTC), local.astimezone(UTC)
    old = before.astimezone(local.tzinfo).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) // 2
        if middle.astimezone(local.tzinfo).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)

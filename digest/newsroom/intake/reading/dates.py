"""When an entry was published, from whatever a feed writes there. A guess is no date.

What is certain, and how it is read:

- a day, month and year; the month by name (22 languages), or in an order that can be only one: year
  first, day first with dots, or with one of the first two numbers above 12 (or both the same);
- a date without a time of day is 00:00 UTC of that day, and a time without a zone is UTC, so that
  they are the same at every fetch;
- a zone by its offset or by a name that means one offset (RFC 822 section 5.1, and the names of the
  IANA time zone database that only one offset has). "ET" and its like follow that zone's rules;
- a number of 9 or 10 digits is Unix seconds, one of 12 or 13 milliseconds.

What lacks a day, month or year is no date, nor is one with a word that we do not know.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from itertools import islice
from typing import NamedTuple

from digest import zones
from digest.newsroom.intake.given_articles import is_plausible
from digest.newsroom.intake.reading.date_words import (
    BETWEEN,
    MONTHS,
    WEEKDAYS,
    ZONE_RULES,
    ZONES,
    folded,
)

# Read now: the reading child has no files once it reads.
RULES = {name: zones.named(rules) for name, rules in ZONE_RULES.items()}
TEXT_AT_MOST = 120
TRIED_AT_MOST = 20
# What is dated later than that has lost its date.
AHEAD = timedelta(days=366)

COMMENT = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
EAST_ASIAN = str.maketrans({"年": "-", "月": "-", "日": " ", "時": ":", "时": ":", "分": " "})
ISO_BASIC = re.compile(
    r"(\d{4})(\d{2})(\d{2})(?:[t ]?(\d{2})(\d{2})(\d{2})?(?:[.,]\d{1,12})?)?(\s*(?:z|[+-].*))?"
)
NUMBER = re.compile(r"(\d{9,13})(?:\.\d{1,9})?")
CLOCK = re.compile(
    r"(?:(?<=\d)t|(?<![\d:+-]))(?P<hour>\d{1,2})(?::|h(?=\d))(?P<minute>\d{2})"
    r"(?::(?P<second>\d{2})(?:[.,]\d{1,12})?)?(?![\d:])"
    r"(?:\s?(?:(?P<half>[ap])\.?m\b\.?|uhr\b))?"
)
# "9 PM", "um 09.00 Uhr", "kl. 09.00".
SPARE_CLOCK = re.compile(
    r"(?<![\d:+.-])(?P<hour>\d{1,2})(?:\.(?P<minute>\d{2}))?"
    r"\s?(?:(?P<half>[ap])\.?m\b\.?|uhr\b)"
    r"|\b(?:kl|klo)\.?\s(?P<hour2>\d{1,2})\.(?P<minute2>\d{2})(?!\.?\d)"
)
ZONE = re.compile(
    r"[\s,]*(?:(?P<name>[a-z]{1,5})(?![a-z]))?\s*"
    r"(?P<offset>(?P<sign>[+-])(?P<hours>\d{1,2})(?::?(?P<minutes>\d{2}))?(?![\d.:/-]))?"
)
YEAR_FIRST = re.compile(r"(\d{4})\s?([-/.])\s?(\d{1,2})\s?\2\s?(\d{1,2})[.\s-]*")
YEAR_FIRST_KOREAN = re.compile(r"(\d{4})년\s?(\d{1,2})월\s?(\d{1,2})일")
DAY_OR_MONTH_FIRST = re.compile(r"(\d{1,2})\s?([-/.])\s?(\d{1,2})\s?\2\s?(\d{4})\.?")
WEEK = re.compile(r"(\d{4})-?w(\d{2})-?([1-7])")
ORDINAL = re.compile(r"(\d{4})-(\d{3})")
WORD = re.compile(r"\d+|[^\W\d_]+")
WHOLE_WORD = re.compile(r"(?<!\w)[^\W\d_]+(?!\w)")
BESIDE_WORDS = re.compile(r"[\w\s,./'’|·–-]*")
ORDINAL_ENDING = re.compile(r"(?<=\d)(?:st|nd|rd|th|er|os?|as?|e)\b")


class Dated(NamedTuple):
    """An entry's date in UTC, None where none is certain. `to_come`: it has another one later."""

    at: datetime | None
    to_come: bool


def first_certain(raw: Iterable[str], now: datetime) -> Dated:
    """Return the first of an entry's dates that can be read and can be true.

    One that is still to come is no date yet: it would change at each fetch.
    """
    to_come = False
    for text in islice(raw, TRIED_AT_MOST):
        date = read_date(text)
        if date is None:
            continue
        if date > now:
            to_come = to_come or date <= now + AHEAD
        elif is_plausible(date, now):
            return Dated(date, to_come)
    return Dated(None, to_come)


def read_date(text: str) -> datetime | None:
    """Return a date in UTC, or None where it cannot be read for certain.

    RFC 822 and 2822, RFC 3339 and ISO 8601, Unix time, and what people write.
    """
    if len(text) > TEXT_AT_MOST or not any(map(str.isdigit, text)):
        return None
    text = folded(text).strip().translate(EAST_ASIAN)
    try:
        date = _from_digits(text) or _from_words(text)
        return date.astimezone(UTC) if date else None
    except (ValueError, OverflowError):
        return None


def _from_digits(text: str) -> datetime | None:
    if basic := ISO_BASIC.fullmatch(text):
        year, month, day, hour, minute, second = (int(part or 0) for part in basic.groups()[:6])
        zone = _zone(basic[7] or "")
        # Else it is a number of seconds or milliseconds.
        if zone is not None and 1 <= month <= 12 and 1 <= day <= 31 and 1900 <= year <= 2199:
            return _at(datetime(year, month, day, tzinfo=zone), hour, minute, second)
    number = NUMBER.fullmatch(text)
    if number is None or len(number[1]) == 11:
        return None
    unit = 1 if len(number[1]) <= 10 else 1000
    return datetime.fromtimestamp(0, UTC) + timedelta(seconds=float(text) / unit)


def _from_words(text: str) -> datetime | None:
    text = " ".join(COMMENT.sub(" ", text).split())
    clock = CLOCK.search(text) or SPARE_CLOCK.search(text)
    if clock is None:
        return _date_alone(text)
    zone, end = _zone_behind(text, clock.end())
    day = _day(f"{text[: clock.start()]} {text[end:]}")
    if zone is None or day is None:
        return None
    found = clock.groupdict()
    hour = int(found["hour"] or found.get("hour2") or 0)
    minute = int(found["minute"] or found.get("minute2") or 0)
    half = found["half"]
    if half and (hour == 0 or hour > 12):
        return None
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    return _at(day.replace(tzinfo=zone), hour, minute, int(found.get("second") or 0))


def _at(day: datetime, hour: int, minute: int, second: int) -> datetime | None:
    if (hour, minute, second) == (24, 0, 0):
        return day + timedelta(days=1)
    # A leap second is the one before it.
    second = 59 if second == 60 else second
    if hour > 23 or minute > 59 or second > 59:
        return None
    return day.replace(hour=hour, minute=minute, second=second)


def _date_alone(text: str) -> datetime | None:
    if day := _day(text):
        return day.replace(tzinfo=UTC)
    # XML Schema's dates may have a zone: "2026-11-10+02:00", "2026-11-10Z".
    dated = re.fullmatch(r"(\d{4}-\d{2}-\d{2})(z|[+-]\d{2}:\d{2})", text)
    day = _day(dated[1]) if dated else None
    zone = _zone(dated[2]) if dated else None
    return day.replace(tzinfo=zone) if day and zone else None


def _zone(text: str) -> tzinfo | None:
    zone, end = _zone_behind(text, 0)
    return zone if end == len(text) else None


def _zone_behind(text: str, at: int) -> tuple[tzinfo | None, int]:
    """Return the zone that stands at a place, and where it ends; UTC where none does."""
    match = ZONE.match(text, at)
    if match is None:
        return UTC, at
    name = match["name"] or ""
    if name and name not in ZONES and name not in ZONE_RULES:
        match, name = ZONE.match(text, at, match.start("name")), ""
    if match is None or not (name or match["offset"]):
        return UTC, at
    if not match["offset"]:
        rules = RULES.get(name)
        return rules or _fixed(ZONES[name]), match.end()
    hours, minutes = int(match["hours"]), int(match["minutes"] or 0)
    offset = (hours * 60 + minutes) * (-1 if match["sign"] == "-" else 1)
    if hours > 14 or minutes > 59:
        return None, match.end()
    # "EST -0500" says it twice, and "GMT+2" counts from there; "EST +0200" cannot be.
    agrees = not name or ZONES.get(name, 0) in (0, offset)
    return (_fixed(offset) if agrees else None), match.end()


def _fixed(minutes: int) -> tzinfo:
    return timezone(timedelta(minutes=minutes))


def _day(text: str) -> datetime | None:
    text = _without_weekday(text.strip(" ,;|·–-.")).strip(" ,;|·–-.")
    if match := YEAR_FIRST_KOREAN.fullmatch(text):
        return _naive(int(match[1]), int(match[2]), int(match[3]))
    if match := YEAR_FIRST.fullmatch(text):
        return _naive(int(match[1]), int(match[3]), int(match[4]))
    if match := DAY_OR_MONTH_FIRST.fullmatch(text):
        return _either_order(int(match[1]), int(match[3]), int(match[4]), match[2])
    if match := WEEK.fullmatch(text):
        return datetime.fromisocalendar(int(match[1]), int(match[2]), int(match[3]))
    if match := ORDINAL.fullmatch(text):
        day = _naive(int(match[1]), 1, 1) + timedelta(days=int(match[2]) - 1)
        return day if day.year == int(match[1]) else None
    return _named(text)


def _without_weekday(text: str) -> str:
    words = WHOLE_WORD.findall(text)
    # "mar" is Tuesday and March in three languages: where it is the month, no other is.
    months = sum(word in MONTHS for word in words)
    for word in words:
        if word in WEEKDAYS and (word not in MONTHS or months > 1):
            return re.sub(rf"(?<!\w){word}(?!\w)[.,]*(?:-feira)?", "", text, count=1).strip()
    return text


def _either_order(first: int, second: int, year: int, between: str) -> datetime | None:
    if between == "." or first > 12 or first == second:
        return _naive(year, second, first)
    return _naive(year, first, second) if second > 12 else None


def _naive(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day)  # noqa: DTZ001


def _named(text: str) -> datetime | None:
    if not BESIDE_WORDS.fullmatch(text):
        return None
    text = ORDINAL_ENDING.sub("", text)
    words = [word for word in WORD.findall(text) if word not in BETWEEN]
    if len(words) != 3:
        return None
    at = next((at for at, word in enumerate(words) if word in MONTHS), None)
    numbers = [word for place, word in enumerate(words) if place != at and word.isdecimal()]
    if at not in (0, 1) or len(numbers) != 2:
        return None
    month = MONTHS[words[at]]
    first, second = numbers
    if at == 1 and len(first) == 4 and len(second) <= 2:
        return _naive(int(first), month, int(second))
    year = _year(second, at)
    return _naive(year, month, int(first)) if year and len(first) <= 2 else None


def _year(digits: str, month_at: int) -> int | None:
    if len(digits) == 4:
        return int(digits)
    # RFC 822 has two digits (RFC 2822, section 4.3, says which century).
    if len(digits) == 2 and month_at == 1:
        return int(digits) + (2000 if int(digits) < 50 else 1900)
    return None

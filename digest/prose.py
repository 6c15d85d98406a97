"""Numbers, days, times, quotation marks and lines as a newspaper writes them."""

import re
import textwrap
import unicodedata
from collections.abc import Iterable
from datetime import date, time
from functools import lru_cache

ONES = (
    "no one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen twenty"
).split()
ORDINALS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"
).split()
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def count_in_words(number: int, thing: str, things: str | None = None) -> str:
    """Return "eight stories", "one story", "31 stories": in words up to twenty."""
    return f"{number_in_words(number)} {thing if number == 1 else things or thing + 's'}"


def counted(number: int, thing: str) -> str:
    """Return "898 readers", "1 reader", "No readers": as a title or a line of numbers begins."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}" if number else f"No {thing}s"


def number_in_words(number: int) -> str:
    """Return "two", and 31 as it is: in words up to twenty."""
    return ONES[number] if 0 <= number < len(ONES) else f"{number:,}"


def ordinal_in_words(number: int) -> str:
    """Return "third", and "13th" above twelve."""
    if 0 < number <= len(ORDINALS):
        return ORDINALS[number - 1]
    teens = number % 100 in {11, 12, 13}
    return f"{number}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def all_of(names: Iterable[str]) -> str:
    """Return "one", "one and two", "one, two and three"."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


# Asked for each message of an issue, of a few thousand days at most.
@lru_cache(maxsize=4096)
def long_date(day: date) -> str:
    """Return "14 November 2026"."""
    return f"{day.day} {day:%B %Y}"


def long_day(day: date) -> str:
    """Return "Saturday 14 November 2026"."""
    return f"{WEEKDAYS[day.weekday()]} {long_date(day)}"


def short_day(day: date) -> str:
    """Return "Saturday 21 November"."""
    return f"{WEEKDAYS[day.weekday()]} {day.day} {day:%B}"


def hour_in_words(at: time) -> str:
    """Return "seven" for 07:00, "seven in the evening" for 19:00, and "07:30" as it is."""
    if at.minute:
        return f"{at:%H:%M}"
    if at.hour in {0, 12}:
        return "midnight" if at.hour == 0 else "noon"
    hour = ONES[at.hour % 12]
    if at.hour < 12:
        return hour
    return f"{hour} in the {'afternoon' if at.hour < 18 else 'evening'}"


def slot_in_words(weekday: int, at: time) -> str:
    """Return "Saturdays at seven"."""
    return f"{WEEKDAYS[weekday]}s at {hour_in_words(at)}"


def arrival_in_words(weekday: int, at: time) -> str:
    """Return "Saturday at seven"."""
    return f"{WEEKDAYS[weekday]} at {hour_in_words(at)}"


def the(name: str) -> str:
    """Return "the Editor's Digest", and "The Brief" as it is."""
    return name if name.lower().startswith("the ") else f"the {name}"


def cut(text: str, length: int) -> str:
    """Return at most `length` characters, whole words where there are several."""
    if len(text) <= length:
        return text
    words = text[: length - 1].rpartition(" ")[0] if " " in text[: length - 1] else ""
    return f"{words or text[: length - 1]}…"


def at_start(words: str) -> str:
    """Return words as a sentence begins with them: "The Editor’s Digest"."""
    return words[:1].upper() + words[1:]


def shown(text: str) -> str:
    """Return what somebody typed without what nothing shows: controls, but for breaks and tabs.

    PostgreSQL keeps no NUL, and half a surrogate pair cannot be stored or mailed.
    """
    return "".join(
        each for each in text if each in "\r\n\t" or unicodedata.category(each) not in {"Cc", "Cs"}
    )


def on_one_line(text: str) -> str:
    """Return what is shown of a text, its white space folded into single spaces."""
    return " ".join(shown(text).split())


def ended(sentence: str) -> str:
    """Return a sentence with a full stop, unless it ends in a mark of its own."""
    return sentence if sentence.endswith((".", "?", "!")) else f"{sentence}."


_MARKS = (
    (re.compile(r"(?<=\w)'(?=\w)|(?<=s)'(?=\s)|'(?=\d\ds\b)"), "’"),
    # Straight marks open after a space, a bracket or a dash, and close anywhere else; after a
    # figure one may stand for inches or minutes, and is left alone.
    (re.compile(r"(?<![^\s(\[“‘–—])\"(?=\S)"), "“"),
    (re.compile(r"(?<=[^\s\d])\""), "”"),
    (re.compile(r"(?<![^\s(\[“‘–—])'(?=\S)"), "‘"),
    (re.compile(r"(?<=[^\s\d])'"), "’"),
)


def curly(text: str) -> str:
    """Return text with typographic apostrophes and quotation marks: "Editor’s Digest"."""
    for straight, mark in _MARKS:
        text = straight.sub(mark, text)
    return text


def wrapped(text: str, width: int = 60, indent: str = "", first: str | None = None) -> str:
    """Return a paragraph in lines of at most `width` characters, each after `indent`.

    `first` stands before the first line in the indent's place. What is longer than a line, such
    as a URL, stays whole.
    """
    return textwrap.fill(
        " ".join(text.split()),
        width,
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def justified(left: str, right: str, width: int = 60) -> str:
    """Return both on one line, `right` at its end; each on its own where they do not fit."""
    gap = width - len(left) - len(right)
    if gap < 2:
        return f"{wrapped(left, width)}\n{wrapped(right, width)}"
    return f"{left}{' ' * gap}{right}"

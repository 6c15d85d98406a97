"""How things are named on the command line: times, weekdays, and what was typed wrongly."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import click

from digest.errors import FieldError

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@contextmanager
def typed_wrongly() -> Iterator[None]:
    """Turn a FieldError into a usage error (exit 2) that names the option."""
    try:
        yield
    except FieldError as error:
        raise click.UsageError(f"{_as_typed(error.field)}: {error.sentence}") from None


def _as_typed(field: str) -> str:
    for param in click.get_current_context().command.params:
        if param.name == field:
            return param.opts[0] if isinstance(param, click.Option) else field.upper()
    return field.replace("_", " ").capitalize()


def read_bytes(file: Path, at_most: int) -> bytes:
    """Return a file's bytes. Exits 1 with a sentence where it cannot be read or is too large."""
    try:
        with file.open("rb") as opened:
            data = opened.read(at_most + 1)
    except OSError as error:
        raise click.ClickException(f"Cannot read {file}: {error.strerror}.") from None
    if len(data) > at_most:
        raise click.ClickException(f"{file} is larger than {at_most:,} bytes.")
    return data


def read_text(file: Path, at_most: int = 1_000_000) -> str:
    """Return a file's text, which is UTF-8."""
    try:
        return read_bytes(file, at_most).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise click.ClickException(f"{file} is not text in UTF-8.") from None


def who() -> str:
    """Return the name of the person at the command line."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "the command line"


class TimeOfDay(click.ParamType[time]):
    """A local time, like 07:00."""

    name = "HH:MM"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> time:
        try:
            return datetime.strptime(str(value), "%H:%M").time()  # noqa: DTZ007 - a time, no moment
        except ValueError:
            self.fail(f"{value!r} is not a time of day; give one like 07:00.", param, ctx)


class Tags(click.ParamType[tuple[str, ...]]):
    """Words separated by commas; an empty one is none."""

    name = "TAG, …"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        return tuple(word.strip() for word in str(value).split(",") if word.strip())


class Topics(click.ParamType[dict[str, str]]):
    """Names by slug, separated by commas; an empty one is none."""

    name = "SLUG=NAME, …"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> dict[str, str]:
        if isinstance(value, dict):
            return value
        topics = {}
        for each in filter(None, (part.strip() for part in str(value).split(","))):
            slug, equals, name = each.partition("=")
            if not equals:
                self.fail(f"{each!r} has no name; give one like sea=The sea.", param, ctx)
            topics[slug.strip()] = name.strip()
        return topics


class Weekday(click.ParamType[int]):
    """A day of the week, by its English name or the beginning of it."""

    name = "DAY"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        typed = str(value).lower()
        found = [number for number, day in enumerate(WEEKDAYS) if day.lower().startswith(typed)]
        if len(typed) < 3 or len(found) != 1:
            self.fail(f"{value!r} is not a day of the week; give one like Saturday.", param, ctx)
        return found[0]


class Day(click.ParamType[date]):
    """A day: ISO 8601."""

    name = "DATE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        try:
            return date.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is not a day; give one like 2026-11-28.", param, ctx)


class Moment(click.ParamType[datetime]):
    """A moment: ISO 8601; without an offset it is the newsletter's local time (see `moment_in`)."""

    name = "WHEN"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        try:
            return datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(
                f"{value!r} is not a moment; give one like 2026-11-28T07:00 (the newsletter's "
                "local time) or 2026-11-28T07:00+01:00.",
                param,
                ctx,
            )


def moment_in(zone: str, typed: datetime) -> datetime:
    """Return a typed moment in UTC; without an offset it is meant in `zone`.

    A local time that does not exist, or comes twice, is read as the calendar reads a slot's.
    """
    # Late, here and below: most commands ask for no moment.
    from digest.newsroom.issues.calendar import moment

    if typed.tzinfo is not None:
        return typed.astimezone(UTC)
    return moment(typed.date(), typed.time(), zone)


def oddity_in(zone: str, typed: datetime) -> str:
    """Return a sentence, after a space, where a typed local time does not exist, or comes twice."""
    from digest.newsroom.issues.calendar import oddity

    said = "" if typed.tzinfo else oddity(typed.date(), typed.time(), zone)
    return f" {said}" if said else ""

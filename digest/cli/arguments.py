"""How things are named on the command line: times, weekdays, issues, and what was typed wrongly."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import click
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from digest import zones
from digest.delivery.controls.pausing import UNDER_WAY
from digest.errors import FieldError, NotFoundError
from digest.models import BEFORE_FREEZE, Issue, Newsletter, Story
from digest.newsroom.issues.calendar import moment, oddity
from digest.newsroom.issues.coming import is_made_ahead, next_send_at
from digest.newsroom.newsletters import find_newsletter

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
    if typed.tzinfo is not None:
        return typed.astimezone(UTC)
    return moment(typed.date(), typed.time(), zone)


def oddity_in(zone: str, typed: datetime) -> str:
    """Return a sentence, after a space, where a typed local time does not exist, or comes twice."""
    said = "" if typed.tzinfo else oddity(typed.date(), typed.time(), zone)
    return f" {said}" if said else ""


def when(issue: Issue) -> str:
    """Return "Sat 5 Dec 2026, 07:00": when an issue goes out, by its newsletter's clocks."""
    local = issue.send_at.astimezone(zones.named(issue.newsletter.zone))
    return f"{local:%a} {local.day} {local:%b %Y, %H:%M}"


@dataclass(frozen=True)
class IssueName:
    """An issue as it is typed: `slug`, `slug/2026-11-14`, `slug/42`, or its bare id."""

    typed: str
    slug: str | None = None
    on: date | None = None
    number: int | None = None
    id: int | None = None


class IssueArgument(click.ParamType[IssueName]):
    """Reads the name of an issue; `find_issue` looks it up."""

    name = "ISSUE"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> IssueName:
        typed = str(value)
        slug, slash, rest = typed.partition("/")
        if not slash:
            return _without_slash(typed)
        if _is_number(rest):
            return IssueName(typed, slug, number=int(rest))
        try:
            return IssueName(typed, slug, on=date.fromisoformat(rest))
        except ValueError:
            self.fail(
                f"{typed!r} is not an issue's name. After the slash stands its date or its "
                "number, as in editors-digest/2026-11-14 or editors-digest/42.",
                param,
                ctx,
            )


def _without_slash(typed: str) -> IssueName:
    # A slug begins with a letter, so that it cannot be taken for an id.
    return IssueName(typed, id=int(typed)) if _is_number(typed) else IssueName(typed, typed)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 10


issue_argument = click.argument("name", metavar="ISSUE", type=IssueArgument())


def find_issue(session: Session, name: IssueName, now: datetime, *, sent: bool = False) -> Issue:
    """Return the issue of that name; a bare newsletter means the next one that waits to go.

    With `sent` it means the last one that went. What is made ahead for later weeks is never meant.

    Raises:
        NotFoundError: with what to do.
    """
    if name.id is not None:
        found = session.get(Issue, name.id)
        newsletter = None
    else:
        newsletter = find_newsletter(session, name.slug or "")
        found = session.scalars(_named(session, newsletter, name, now, sent=sent)).first()
    if found is not None:
        return found
    if newsletter is not None and name.number is None and name.on is None:
        if sent:
            raise NotFoundError(f"No issue of {newsletter.name} has gone out yet.")
        raise NotFoundError(
            f"No issue of {newsletter.name} waits to go out. "
            f"Make one: digest issue compose {newsletter.slug}"
        )
    raise NotFoundError(f"There is no issue {name.typed}. See: digest issue list")


def find_under_way(
    session: Session, name: IssueName, now: datetime, *, or_waiting: bool = False
) -> Issue:
    """Return the issue of that name; a bare newsletter means the one that is on its way.

    With `or_waiting` it may as well be one that waits to go out.

    Raises:
        NotFoundError: there is none, or more than one could be meant.
    """
    if name.slug is None or name.number is not None or name.on is not None:
        return find_issue(session, name, now)
    newsletter = find_newsletter(session, name.slug)
    states = (*UNDER_WAY, *BEFORE_FREEZE) if or_waiting else UNDER_WAY
    found = session.scalars(
        select(Issue)
        .where(Issue.newsletter_id == newsletter.id, Issue.state.in_(states))
        .where(~is_made_ahead(next_send_at(session, newsletter, now)))
        .order_by(Issue.send_at, Issue.id)
    ).all()
    if len(found) == 1:
        return found[0]
    if not found:
        doing = "is on its way or waits to go out" if or_waiting else "is on its way"
        raise NotFoundError(f"No issue of {newsletter.name} {doing}. See: digest issue list")
    names = ", ".join(f"{short_name(issue)} ({issue.state})" for issue in found)
    raise NotFoundError(f"Which issue of {newsletter.name}? Name one of: {names}.")


def _named(
    session: Session, newsletter: Newsletter, name: IssueName, now: datetime, *, sent: bool
) -> Select[Issue]:
    query = select(Issue).where(Issue.newsletter_id == newsletter.id)
    if name.number is not None:
        return query.where(Issue.number == name.number)
    if name.on is not None:
        return query.where(Issue.occurrence_on == name.on)
    if sent:
        return query.where(Issue.number.is_not(None)).order_by(Issue.number.desc())
    ahead = is_made_ahead(next_send_at(session, newsletter, now))
    return query.where(Issue.state.in_(BEFORE_FREEZE), ~ahead).order_by(Issue.send_at, Issue.id)


def short_name(issue: Issue) -> str:
    """Return what to type for an issue."""
    slug = issue.newsletter.slug
    if issue.number is not None:
        return f"{slug}/{issue.number}"
    return f"{slug}/{issue.occurrence_on}" if issue.occurrence_on else str(issue.id)


def story_as_json(story: Story) -> dict[str, Any]:
    """Return a story as scripts get it."""
    return {
        "position": story.position,
        "role": story.role,
        "article": story.article_id,
        "title": story.headline,
        "url": story.url or story.article.url,
        "why": story.why,
    }

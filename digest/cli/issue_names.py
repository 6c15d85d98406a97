"""How issues are named on the command line, and found by what was typed."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import click
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from digest import zones
from digest.errors import NotFoundError
from digest.models import BEFORE_FREEZE, UNDER_WAY, Issue, Newsletter, Story
from digest.newsroom.finding import find_newsletter
from digest.newsroom.issues.coming import is_made_ahead, next_send_at


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

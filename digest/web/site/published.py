"""Issues as the archive shows them: from what was frozen, and only what has gone out."""

from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, joinedload, selectinload

from digest.delivery.ledger.reporting import corrections_of
from digest.delivery.rendering.issue import IssueView, view_issue
from digest.models import AFTER_FREEZE, Correction, Issue, IssueState, Newsletter, Story, StoryRole
from digest.web.context import current_runtime


@dataclass(frozen=True)
class IssueRow:
    """One line of a list: number, day, the lead's headline and the two after it."""

    number: int
    day: date
    headline: str
    others: tuple[str, ...]


@dataclass(frozen=True)
class Specimen:
    """An issue as it went out, or as it was corrected since, with its neighbours.

    `updated_at`: when anybody who has it would see something else.
    """

    view: IssueView
    number: int
    published_at: datetime
    updated_at: datetime
    corrections: tuple[Correction, ...] = ()
    older: IssueRow | None = None
    newer: IssueRow | None = None


@dataclass(frozen=True)
class Withdrawn:
    """An issue that was cancelled after it had its number."""

    number: int
    day: date


def latest_specimen(session: Session, newsletter: Newsletter) -> Specimen | None:
    """Return the newest issue that went out."""
    issue = session.scalar(
        _went_out(newsletter).order_by(Issue.number.desc()).limit(1).options(*_WHOLE)
    )
    return _with_neighbours(session, issue) if issue else None


def specimens(
    session: Session, newsletter: Newsletter, *, limit: int, before: int | None, public_url: str
) -> tuple[Specimen, ...]:
    """Return the newest issues, those before number `before` where it is given, by themselves.

    Their addresses begin with `public_url`.
    """
    issues = session.scalars(_newest(newsletter, limit, before).options(*_WHOLE))
    found = (_specimen(session, issue, public_url) for issue in issues)
    return tuple(each for each in found if each is not None)


def find_issue(
    session: Session, newsletter: Newsletter, number: int
) -> Specimen | Withdrawn | None:
    """Return an issue by its number, or that it was cancelled, or None."""
    issue = session.scalar(
        select(Issue)
        .where(Issue.newsletter_id == newsletter.id, Issue.number == number)
        .options(*_WHOLE)
    )
    if issue is None:
        return None
    if issue.state is IssueState.CANCELLED:
        return Withdrawn(number, issue.dateline)
    if issue.state not in AFTER_FREEZE:
        return None
    return _with_neighbours(session, issue)


def issue_rows(
    session: Session, newsletter: Newsletter, *, limit: int, before: int | None = None
) -> tuple[IssueRow, ...]:
    """Return the newest issues first, those before number `before` where it is given."""
    newest = _newest(newsletter, limit, before).options(selectinload(Issue.stories))
    return tuple(row for issue in session.scalars(newest) if (row := _row(issue)))


def _row(issue: Issue) -> IssueRow | None:
    titles = [story.title for story in _lead_first(issue.stories) if story.title]
    if issue.number is None or not titles:
        return None
    return IssueRow(issue.number, issue.dateline, titles[0], tuple(titles[1:3]))


def _lead_first(stories: list[Story]) -> list[Story]:
    return sorted(stories, key=lambda story: (story.role is not StoryRole.LEAD, story.position))


def _specimen(session: Session, issue: Issue, public_url: str) -> Specimen | None:
    if issue.number is None or not issue.stories:
        return None
    went_out_at = issue.frozen_at or issue.send_at
    corrections = tuple(corrections_of(session, issue.id))
    withdrawn = (each.article.withdrawn_at for each in issue.stories)
    changed = [*(each.at for each in corrections), *(at for at in withdrawn if at is not None)]
    return Specimen(
        view=view_issue(session, issue, public_url),
        number=issue.number,
        published_at=went_out_at,
        updated_at=max([went_out_at, *changed]),
        corrections=corrections,
    )


def _with_neighbours(session: Session, issue: Issue) -> Specimen | None:
    # Without scheme and host: the page's reader knows them.
    found = _specimen(session, issue, current_runtime().settings.public_path)
    if found is None:
        return None
    others = _went_out(issue.newsletter).limit(1).options(selectinload(Issue.stories))
    older = session.scalar(others.where(Issue.number < found.number).order_by(Issue.number.desc()))
    newer = session.scalar(others.where(Issue.number > found.number).order_by(Issue.number))
    return replace(
        found,
        older=_row(older) if older else None,
        newer=_row(newer) if newer else None,
    )


_WHOLE = (
    joinedload(Issue.newsletter),
    selectinload(Issue.stories).joinedload(Story.article),
)


def _newest(newsletter: Newsletter, limit: int, before: int | None) -> Select[Issue]:
    statement = _went_out(newsletter).order_by(Issue.number.desc()).limit(limit)
    return statement if before is None else statement.where(Issue.number < before)


def _went_out(newsletter: Newsletter) -> Select[Issue]:
    return select(Issue).where(
        Issue.newsletter_id == newsletter.id,
        Issue.state.in_(AFTER_FREEZE),
        Issue.number.is_not(None),
    )

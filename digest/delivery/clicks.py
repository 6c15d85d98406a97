"""How often the stories of an issue were followed from the mail: numbers, and nobody's.

Only where the newsletter has it switched on (docs/decisions/0037-counting-clicks.md).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import CursorResult, func, insert, literal, select, update
from sqlalchemy.orm import Session

from digest.models import Issue, Newsletter, Story, StoryClicks

# Smaller numbers might tell of somebody.
FEWEST = 5


@dataclass(frozen=True)
class Target:
    """Where a story's link leads, and whether that it was followed is counted."""

    issue_id: int
    url: str
    counts: bool


@dataclass(frozen=True)
class Followed:
    """`clicks` and `by_machines` are None where they are fewer than five."""

    title: str
    clicks: int | None
    by_machines: int | None


def target_of(session: Session, story_id: int) -> Target | None:
    """Return where the link of a frozen story leads; None where there is no such story."""
    found = session.execute(
        select(Story.issue_id, Story.url, Newsletter.count_clicks)
        .join(Issue, Issue.id == Story.issue_id)
        .join(Newsletter, Newsletter.id == Issue.newsletter_id)
        # What is not frozen yet is nobody's to see.
        .where(Story.id == story_id, Story.url.is_not(None), Issue.frozen_at.is_not(None))
    ).first()
    if found is None:
        return None
    assert found.url is not None
    return Target(found.issue_id, found.url, found.count_clicks)


def add_clicks(session: Session, more: Mapping[int, tuple[int, int]]) -> None:
    """Add to stories' counts: readers' clicks, and machines'. What is no story is left out.

    Raises:
        IntegrityError: another process counted a story's first at the same moment: do it again.
    """
    # In one order, so that no two processes wait for each other.
    for story_id, (clicks, by_machines) in sorted(more.items()):
        added = session.execute(
            update(StoryClicks)
            .where(StoryClicks.story_id == story_id)
            .values(
                clicks=StoryClicks.clicks + clicks,
                by_machines=StoryClicks.by_machines + by_machines,
            )
            .execution_options(synchronize_session=False)
        )
        if not cast("CursorResult[Any]", added).rowcount:
            first = select(Story.id, literal(clicks), literal(by_machines))
            columns = ["story_id", "clicks", "by_machines"]
            session.execute(
                insert(StoryClicks).from_select(columns, first.where(Story.id == story_id))
            )


def clicks_of(session: Session, issue_id: int) -> list[Followed]:
    """Return an issue's stories as they stand in it, with how often each was followed."""
    rows = session.execute(
        select(
            Story.title,
            func.coalesce(StoryClicks.clicks, 0),
            func.coalesce(StoryClicks.by_machines, 0),
        )
        .outerjoin(StoryClicks, StoryClicks.story_id == Story.id)
        .where(Story.issue_id == issue_id, Story.title.is_not(None))
        .order_by(Story.position)
    )
    return [
        Followed(title or "", _told(clicks), _told(machines)) for title, clicks, machines in rows
    ]


def _told(number: int) -> int | None:
    return number if number >= FEWEST else None

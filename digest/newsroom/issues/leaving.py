"""What a story that leaves an issue had of its own there: kept, and given back when it returns.

An editor's words and picture are a story's, and a story that leaves is deleted. So whoever takes
one out, a person or the rule, writes down what was its own; whoever puts one in looks for that.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from digest.models import (
    STORYS_MEDIA,
    STORYS_OWN,
    ChangedField,
    Issue,
    IssueChange,
    Media,
    Story,
)
from digest.newsroom.issues.history import note_rule, quoted

Own = dict[str, Any]


def own_of(story: Story) -> Own | None:
    """Return what a story has of its own, by column (`STORYS_OWN`); None: nothing."""
    own = {name: getattr(story, name) for name in STORYS_OWN}
    return own if any(own.values()) else None


def keep_own(session: Session, story: Story, now: datetime) -> None:
    """Write down what is a story's own, as the rule takes it out; the caller has locked its issue.

    `digest.newsroom.issues.ordering.take_out` is how a person does.
    """
    own, title = own_of(story), story.headline
    if own is not None:
        words = f"{quoted(title)} is out. What was written for it is kept."
        note_rule(session, story.issue, now, words, article_id=story.article_id, kept=own,
                  before=title)  # fmt: skip


def own_before(session: Session, issue: Issue, article_ids: Collection[int]) -> dict[int, Own]:
    """Return what stories had of their own when they left an issue, by their article's id."""
    rows = session.execute(
        select(IssueChange.article_id, IssueChange.kept)
        .where(
            IssueChange.issue_id == issue.id,
            IssueChange.field == ChangedField.STORIES,
            IssueChange.article_id.in_(article_ids),
            IssueChange.taken,
        )
        .order_by(IssueChange.id)
    )
    # The last one counts: what came back, and left without anything, has nothing.
    last = {article_id: kept for article_id, kept in rows if article_id is not None}
    return {article_id: _still(session, kept) for article_id, kept in last.items() if kept}


def give_back(story: Story, own: Own) -> None:
    """Give a story what was its own when it left."""
    for name, value in own.items():
        setattr(story, name, value)


def give_back_by_rule(
    session: Session, issue: Issue, stories: Collection[Story], now: datetime
) -> None:
    """Give stories that the rule has put in what was their own, and write that down."""
    if not stories:
        return
    own = own_before(session, issue, [story.article.id for story in stories])
    for story in stories:
        found = own.get(story.article.id)
        if found:
            give_back(story, found)
            words = f"{quoted(story.headline)} is in again, and reads as it did here before."
            note_rule(session, issue, now, words, article_id=story.article.id,
                      after=story.headline)  # fmt: skip


def _still(session: Session, kept: Own) -> Own:
    """Return what there is of it: but for its picture, where that is deleted.

    Nothing deletes pictures while the issue waits; but a database may have been brought back.
    """
    media = {kept.get(name) for name in STORYS_MEDIA} - {None}
    if any(session.get(Media, each) is None for each in media):
        return {name: kept[name] for name in ("title", "section", "blurb")}
    return dict(kept)

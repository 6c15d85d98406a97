"""Taking withdrawn stories out of the issues that wait, and putting the next best in their place.

What the rule picked the rule replaces. What a person picked, wrote or approved is left out, and
nothing takes its place: that person is told, and decides. With too few stories left it is held.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session

from digest import prose
from digest.errors import RefusedError
from digest.models import (
    BEFORE_FREEZE,
    Article,
    Issue,
    IssueState,
    LeftOut,
    Story,
    StoryRole,
)
from digest.newsroom.issues.composing import REASON_AT_MOST, Pick, next_best, roles
from digest.newsroom.issues.history import is_arranged, note_rule, quoted
from digest.newsroom.issues.leaving import give_back_by_rule, keep_own
from digest.newsroom.issues.moving import move

TITLE_AT_MOST = 120


def remove(
    session: Session, articles: Collection[Article], by: str, now: datetime
) -> list[tuple[Issue, list[LeftOut]]]:
    """Take articles back: no issue shows them any more. Return the changed, and what each lost.

    What has gone out stays as it is, but for the archive, which says that it was withdrawn.
    """
    # All of them first, or one could take the place of another.
    for article in articles:
        article.withdrawn_at = article.withdrawn_at or now
        article.withdrawn_by = by
    session.flush()
    ids = [article.id for article in articles]
    showing = exists().where(Story.issue_id == Issue.id, Story.article_id.in_(ids))
    waiting = session.scalars(
        select(Issue)
        .where(Issue.state.in_(BEFORE_FREEZE), showing)
        .order_by(Issue.send_at, Issue.id)
    ).all()
    changed = []
    for issue in waiting:
        try:
            left_out = replace_withdrawn(session, issue, now)
        except RefusedError:
            # It leaves just now, or somebody else changes it: then the next tick sees to it.
            continue
        if left_out:
            changed.append((issue, left_out))
    return changed


def shows_withdrawn() -> ColumnElement[bool]:
    """Say which issues wait and have a story whose article was withdrawn."""
    withdrawn = exists().where(
        Story.issue_id == Issue.id,
        Article.id == Story.article_id,
        Article.withdrawn_at.is_not(None),
    )
    return Issue.state.in_(BEFORE_FREEZE) & withdrawn


def replace_withdrawn(session: Session, issue: Issue, now: datetime) -> list[LeftOut]:
    """Take withdrawn stories out of an issue that waits; return what was left out.

    Raises:
        RefusedError: somebody else changed the issue at the same moment.
    """
    # Before anything is read: whoever freezes it, or does this too, waits for us, or we for them.
    move(session, issue, issue.state)
    session.expire(issue, ["stories"])
    left_out: list[LeftOut] = []
    arranged = is_arranged(session, issue)
    for story in [each for each in issue.stories if each.article.withdrawn_at is not None]:
        by_hand = _is_by_hand(story)
        title, article_id = story.article.title, story.article_id
        keep_own(session, story, now)
        issue.stories.remove(story)
        session.flush()
        beside = [each.article for each in issue.stories]
        best = None if by_hand else next_best(session, issue, beside, now)
        new = _close_ranks(issue, story, best, title, arranged=arranged)
        give_back_by_rule(session, issue, [new] if new else [], now)
        instead = f" {quoted(best.article.title)} takes its place." if best else ""
        note_rule(session, issue, now, f"{quoted(title)} was withdrawn.{instead}")
        left_out.append(
            LeftOut(
                article_id=article_id,
                title=title,
                by_hand=by_hand,
                replacement_id=best.article.id if best else None,
                at=now,
            )
        )
    issue.left_out.extend(left_out)
    session.flush()
    # What is not composed yet is short of stories anyway: the rule has still to pick.
    composed = issue.composed_at is not None
    short = composed and len(issue.stories) < issue.newsletter.story_min
    if any(not each.replacement_id for each in left_out) and short:
        move(session, issue, IssueState.HELD, reason=_too_few(issue, left_out))
    return left_out


def _is_by_hand(story: Story) -> bool:
    """Tell whether a person chose to send this very story."""
    issue = story.issue
    approved = issue.newsletter.approval.waits and issue.approved_at is not None
    return approved or story.is_by_hand


def _close_ranks(
    issue: Issue, gone: Story, best: Pick | None, title: str, *, arranged: bool
) -> Story | None:
    """Place and set what is left as composing would, the new story last; return that.

    A person who set one story, or ordered them (`arranged`), meant the others to stand beside it
    as they are: then the new one stands where the old one stood.
    """
    stories = sorted(issue.stories, key=lambda story: story.position)
    touched = arranged or any(story.is_by_hand for story in stories)
    new = None
    if best is not None:
        why = f"{best.why} It takes the place of “{prose.cut(title, TITLE_AT_MOST)}”."
        new = Story(article=best.article, role=gone.role, why=why, position=gone.position)
        before = sum(story.position < gone.position for story in stories)
        stories.insert(before if touched else len(stories), new)
        issue.stories.append(new)
    if gone.role is StoryRole.LEAD and stories:
        lead = next((each for each in stories if each.article.lead_image), stories[0])
        stories.remove(lead)
        stories.insert(0, lead)
        if new is not None and new is not lead:
            new.role = lead.role
        lead.role = StoryRole.LEAD
    if not touched:
        for story, meant in zip(stories, roles(len(stories)), strict=True):
            story.role = meant
    for position, story in enumerate(stories, start=1):
        story.position = position
    return new


def _too_few(issue: Issue, left_out: list[LeftOut]) -> str:
    titles = [f"“{prose.cut(each.title, TITLE_AT_MOST)}”" for each in left_out[:2]]
    more = len(left_out) - len(titles)
    if more:
        titles.append(f"{more} more")
    verb = "was" if len(left_out) == 1 else "were"
    count = len(issue.stories)
    left = {0: "no story is left", 1: "only one story is left"}.get(
        count, f"only {count} stories are left"
    )
    return (
        f"{' and '.join(titles)} {verb} withdrawn. Now {left}, and it needs at least "
        f"{issue.newsletter.story_min}."
    )[:REASON_AT_MOST]

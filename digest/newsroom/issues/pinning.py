"""Pinning an article to a coming issue: a person picks it before the rule picks the rest.

A pin is a story of an issue that is not composed yet; the issue is made for it where there is none.
So a pin moves with its issue, waits with a skipped one until that is taken up again, and keeps its
article from the rule for all other issues of the newsletter. When the issue is composed it is a
story like others that a person picked (`composing.compose`).
"""

from datetime import datetime

from sqlalchemy.orm import Session

from digest.errors import NotFoundError, RefusedError
from digest.models import BEFORE_FREEZE, Issue, IssueState, Newsletter, Story
from digest.newsroom.issues.history import Editor, Outcome, Turn, begin, quoted
from digest.newsroom.issues.moving import called
from digest.newsroom.issues.ordering import drop_from, put_back, refuse_unless_pickable, take_out
from digest.newsroom.issues.planning import Planned, coming
from digest.newsroom.issues.skipping import issue_of


def may_be_pinned_to(session: Session, newsletter: Newsletter, now: datetime) -> list[Planned]:
    """Return what is to come within eight weeks and is not composed yet, soonest first."""
    return [each for each in coming(session, newsletter, now) if _waits(each.issue)]


def next_to_pin_to(session: Session, newsletter: Newsletter, now: datetime) -> Issue:
    """Return the next issue that is not composed yet, made if there is none.

    Raises:
        RefusedError: every issue of the next eight weeks is composed, or left out.
    """
    for planned in may_be_pinned_to(session, newsletter, now):
        if planned.issue is not None:
            return planned.issue
        if planned.on is not None:
            return issue_of(session, newsletter, planned.on, now)
    raise RefusedError(f"No coming issue of {newsletter.name} waits to be composed. Name a date.")


def pin(session: Session, issue: Issue, article_id: int, by: Editor, now: datetime) -> Outcome:
    """Pin an article to an issue that is not composed yet, after what is pinned to it already.

    Raises:
        NotFoundError: there is no such article.
        RefusedError: it is pinned already, withdrawn or hidden; the issue is composed, skipped,
            full, approved, or frozen.
    """
    turn = _begin(session, issue, by, now)
    article = refuse_unless_pickable(turn, article_id)
    found = turn.story(article_id)
    if found is not None and found.is_by_hand:
        raise RefusedError(f"{quoted(article.title)} is pinned to {called(issue)} already.")
    if found is not None:
        # The rule had picked it before the issue was skipped: what is its own, it picks anew.
        drop_from(turn, found)
    words = f"{quoted(article.title)} is pinned to {called(issue)}."
    put_back(turn, article_id, why=f"Pinned by {by.name}.", words=words)
    return turn.end()


def unpin(session: Session, issue: Issue, article_id: int, by: Editor, now: datetime) -> Outcome:
    """Take a pinned article back; the rule may pick it again, for any issue.

    Raises:
        RefusedError: it is not pinned to this issue, or the issue is composed, skipped or frozen.
    """
    turn = _begin(session, issue, by, now)
    story = turn.story(article_id)
    if story is None or not story.is_by_hand:
        raise RefusedError(f"That article is not pinned to {called(issue)}.")
    take_out(turn, story, f"{quoted(story.headline)} is not pinned to {called(issue)} any more.")
    return turn.end()


def pins_of(issue: Issue) -> list[Story]:
    """Return what is pinned to an issue that is to be composed, or would be if it were taken up."""
    if not _waits(issue) and issue.state is not IssueState.SKIPPED:
        return []
    return [story for story in issue.stories if story.is_by_hand]


def pinned_to(session: Session, newsletter: Newsletter, article_id: int, now: datetime) -> Issue:
    """Return the first coming issue that an article is pinned to.

    Raises:
        NotFoundError: there is none.
    """
    for planned in may_be_pinned_to(session, newsletter, now):
        stories = pins_of(planned.issue) if planned.issue is not None else []
        if planned.issue is not None and article_id in {each.article_id for each in stories}:
            return planned.issue
    raise NotFoundError(f"That article is pinned to no coming issue of {newsletter.name}.")


def _waits(issue: Issue | None) -> bool:
    return issue is None or (
        issue.state in BEFORE_FREEZE
        and issue.composed_at is None
        # What is approved goes as it is.
        and issue.state is not IssueState.SCHEDULED
    )


def _begin(session: Session, issue: Issue, by: Editor, now: datetime) -> Turn:
    if issue.state is IssueState.SKIPPED:
        raise RefusedError(f"Take {called(issue)} up again first. {issue.reason}")
    turn = begin(session, issue, by, now)
    # Asked here, where the tick that composes it waits for us, or we have waited for it.
    if not _waits(issue):
        raise RefusedError(
            f"The stories of {called(issue)} have been picked already: pick or drop it there."
        )
    return turn

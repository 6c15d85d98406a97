"""Which stories are in an issue, in which order, and how each is set.

The lead comes first, as it does in the mail. Of two who order stories at once, each sees what the
other did: a story goes to the place that was asked for last, or as near to it as there is.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from digest import prose
from digest.errors import NotFoundError, RefusedError
from digest.models import (
    Article,
    ChangedField,
    Issue,
    Story,
    StoryRole,
)
from digest.newsroom.issues.history import (
    LONGEST_NAME,
    Editor,
    Outcome,
    Turn,
    begin,
    last_change,
    quoted,
)
from digest.newsroom.issues.leaving import give_back, own_before, own_of

STORIES_MOST = 40
WHY_AT_MOST = 500


def pick_article(
    session: Session, issue: Issue, article_id: int, by: Editor, now: datetime
) -> Outcome:
    """Put an article into an issue, last. Into an empty one that was composed: as its lead.

    One that was dropped comes back with the words and the picture that it had here.

    Raises:
        NotFoundError: there is no such article.
        RefusedError: it is in already, withdrawn or hidden; the issue is full, or frozen.
    """
    turn = begin(session, issue, by, now)
    refuse_unless_pickable(turn, article_id)
    found = turn.story(article_id)
    if found is not None:
        raise RefusedError(f"{quoted(found.headline)} is in already: {_place(turn, found)}.")
    put_back(turn, article_id)
    return turn.end()


def refuse_unless_pickable(turn: Turn, article_id: int) -> Article:
    """Return an article that may be put into an issue.

    Raises:
        NotFoundError: there is none of that id.
        RefusedError: with the reason in words.
    """
    article = turn.session.get(Article, article_id)
    if article is None:
        raise NotFoundError(f"There is no article {article_id}. See: digest article list")
    if article.withdrawn_at is not None:
        raise RefusedError(f"{quoted(article.title)} was withdrawn, so no issue can show it.")
    if article.hidden_at is not None:
        raise RefusedError(f"{quoted(article.title)} is hidden. Show it again, then pick it.")
    if len(turn.issue.stories) >= STORIES_MOST:
        raise RefusedError(f"An issue has {STORIES_MOST} stories at most. Drop one first.")
    return article


def _add_story(turn: Turn, article: Article, *, why: str, words: str, also: str) -> Story:
    stories = turn.issue.stories
    role = StoryRole.STORY
    if not stories and turn.issue.composed_at is not None:
        role = StoryRole.LEAD
    elif stories and stories[-1].role is StoryRole.BRIEF:
        role = StoryRole.BRIEF
    by = turn.by.name[:LONGEST_NAME]
    story = Story(
        article=article,
        position=len(stories) + 1,
        role=role,
        why=prose.cut(why, WHY_AT_MOST) or f"Picked by {by}.",
        picked_by=by,
    )
    stories.append(story)
    turn.session.flush()
    words = words or f"{quoted(article.title)} is in, {_place(turn, story)}."
    turn.take(ChangedField.STORIES, None, article.title, words + also, article.id)
    return story


def drop_story(
    session: Session, issue: Issue, article_id: int, by: Editor, now: datetime
) -> Outcome:
    """Take a story out of an issue. After a lead, the next one leads.

    Raises:
        RefusedError: it never was in this issue, or the issue is frozen.
    """
    turn = begin(session, issue, by, now)
    story = turn.story(article_id)
    if story is None:
        last = last_change(session, issue, ChangedField.STORIES, article_id)
        if last is None:
            raise RefusedError("That story is not in this issue.")
        return turn.end(f"{quoted(last.before or '')} is out already: {last.by} dropped it.")
    take_out(turn, story, f"{quoted(story.headline)} is out.")
    return turn.end()


def put_back(turn: Turn, article_id: int, *, why: str = "", words: str = "") -> Story:
    """Put an article in, last; a story that has left, with all that was its own.

    `why`, `words`: how it is told of, else as picked.

    Raises:
        NotFoundError, RefusedError: as `pick_article`.
    """
    article = refuse_unless_pickable(turn, article_id)
    own = own_before(turn.session, turn.issue, [article_id]).get(article_id, {})
    also = " It reads as it did here before." if own else ""
    story = _add_story(turn, article, why=why, words=words, also=also)
    give_back(story, own)
    turn.session.flush()
    return story


def take_out(turn: Turn, story: Story, words: str) -> None:
    """Take a story out, as a person; what was its own is kept. `words`: how it is told of."""
    title, own, article_id = story.headline, own_of(story), story.article_id
    words += drop_from(turn, story)
    turn.take(ChangedField.STORIES, title, None, words, article_id, kept=own)


def drop_from(turn: Turn, story: Story) -> str:
    """Take out a story with nothing of its own; say, after a space, which one leads instead."""
    stories = turn.issue.stories
    stories.remove(story)
    turn.session.flush()
    said = ""
    if story.role is StoryRole.LEAD and stories:
        stories[0].role = StoryRole.LEAD
        said = f" {quoted(stories[0].headline)} leads now."
    _number(stories)
    return said


def place_story(
    session: Session, issue: Issue, article_id: int, to: int, by: Editor, now: datetime
) -> Outcome:
    """Move a story to a position, counted from one, or as near to it as there is.

    Raises:
        RefusedError: it is not in this issue, it would stand before the lead, or it is too late.
    """
    turn = begin(session, issue, by, now)
    return _place_at(turn, in_issue(turn, article_id), to)


def shift_story(
    session: Session, issue: Issue, article_id: int, steps: int, by: Editor, now: datetime
) -> Outcome:
    """Move a story up (-1) or down (1) from where it is by now.

    Raises:
        RefusedError: as `place_story`.
    """
    turn = begin(session, issue, by, now)
    story = in_issue(turn, article_id)
    return _place_at(turn, story, turn.issue.stories.index(story) + 1 + steps)


def set_role(
    session: Session, issue: Issue, article_id: int, role: StoryRole, by: Editor, now: datetime
) -> Outcome:
    """Set a story as the lead, a story or a brief. The lead goes first; the one before is a story.

    Raises:
        RefusedError: it is not in this issue, or it is too late.
    """
    turn = begin(session, issue, by, now)
    story = in_issue(turn, article_id)
    was, said = story.role, quoted(story.headline)
    if was is role:
        return turn.end(f"{said} is {_called(role)} already.")
    story.role = role
    words = f"{said} is {_called(role)} now."
    if role is StoryRole.LEAD:
        for other in issue.stories:
            if other is not story and other.role is StoryRole.LEAD:
                other.role = StoryRole.STORY
                words += f" {quoted(other.headline)} is a story."
        _number([story, *(each for each in issue.stories if each is not story)])
    turn.take(ChangedField.ROLE, was, role, words, article_id)
    session.flush()
    session.expire(issue, ["stories"])
    return turn.end()


def _place_at(turn: Turn, story: Story, to: int) -> Outcome:
    stories = list(turn.issue.stories)
    before, first = stories.index(story) + 1, stories[0]
    to = max(1, min(to, len(stories)))
    said = quoted(story.headline)
    if to == before:
        return turn.end(f"{said} is {_place(turn, story)} already.")
    stories.remove(story)
    stories.insert(to - 1, story)
    if first.role is StoryRole.LEAD and stories[0] is not first:
        raise RefusedError("The lead comes first. Make another story the lead instead.")
    _number(stories)
    turn.session.flush()
    turn.session.expire(turn.issue, ["stories"])
    words = f"{said} is now {_place(turn, story)}."
    turn.take(ChangedField.POSITION, str(before), str(to), words, story.article_id)
    return turn.end()


def in_issue(turn: Turn, article_id: int) -> Story:
    """Return the story of an article.

    Raises:
        RefusedError: it is not in this issue, or not any more.
    """
    story = turn.story(article_id)
    if story is not None:
        return story
    last = last_change(turn.session, turn.issue, ChangedField.STORIES, article_id)
    if last is None:
        raise RefusedError("That story is not in this issue.")
    raise RefusedError(
        f"{quoted(last.before or last.after or '')} is not in this issue any more: "
        f"{last.by} dropped it."
    )


def _number(stories: list[Story]) -> None:
    for position, story in enumerate(stories, start=1):
        story.position = position


def _place(turn: Turn, story: Story) -> str:
    """Return "third of eight"."""
    count = len(turn.issue.stories)
    return f"{prose.ordinal_in_words(story.position)} of {prose.number_in_words(count)}"


def _called(role: StoryRole) -> str:
    return {StoryRole.LEAD: "the lead", StoryRole.STORY: "a story", StoryRole.BRIEF: "a brief"}[
        role
    ]

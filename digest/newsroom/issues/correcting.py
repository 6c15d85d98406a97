"""Correcting the words of an issue that was frozen: its own, and its stories' copies."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from digest import prose
from digest.errors import FieldError, RefusedError
from digest.models import AFTER_FREEZE, ChangedField, Issue, IssueState, Story
from digest.newsroom.issues.editing import TEXTS, cleaned, named, own_text
from digest.newsroom.issues.history import ISSUE_TEXTS, STORY_TEXTS, Editor, Outcome, Turn, lock
from digest.newsroom.issues.moving import called

LONGEST_TOLD = 300
# Where nobody is sending it. A parked issue goes on by itself, so it has to be paused as well.
CORRECTABLE = (IssueState.PAUSED, IssueState.SENT)
# Where a story keeps what was frozen. Before that her own standfirst had a place of its own.
COPIES = {
    ChangedField.HEADLINE: "title",
    ChangedField.STANDFIRST: "standfirst",
    ChangedField.SECTION: "section",
}


def correct_words(
    session: Session,
    issue: Issue,
    texts: Mapping[str, str],
    stories: Mapping[int, Mapping[str, str]],
    by: Editor,
    now: datetime,
    *,
    version: int | None = None,
) -> Outcome:
    """Change some of `ISSUE_TEXTS`, and `STORY_TEXTS` of stories by their article's id.

    An empty text of a story is its article's, as that is now. The issue's row is locked until the
    transaction ends. `version`: the one that the editor looked at; where another was made since,
    nothing is taken, unless all reads so already.

    Raises:
        FieldError: a text is too long.
        RefusedError: it is not paused, nor sent; it was corrected meanwhile; or there is no such
            story in it.
    """
    turn = _begin(session, issue, by, now)
    wanted = [(issue, ChangedField(name), cleaned(name, text)) for name, text in texts.items()]
    assert {what for _, what, _ in wanted} <= set(ISSUE_TEXTS)
    changes: list[tuple[Issue | Story, ChangedField, str | None]] = list(wanted)
    for article_id, words in stories.items():
        story = turn.story(article_id)
        if story is None:
            raise RefusedError("That story is not in this issue.")
        for name, typed in words.items():
            what = ChangedField(name)
            assert what in STORY_TEXTS
            changes.append((story, what, cleaned(name, typed) or own_text(story, what)))
    changes = [(of, what, text) for of, what, text in changes if stands(of, what) != (text or "")]
    if changes and version is not None and version != issue.version:
        raise RefusedError(
            "Somebody else corrected it since you looked. Look at what stands there now, then "
            "correct it."
        )
    for target, what, text in changes:
        _correct(turn, target, what, text)
    return turn.end("It reads so already. Nothing was changed.")


def _begin(session: Session, issue: Issue, by: Editor, now: datetime) -> Turn:
    if not lock(session, issue, CORRECTABLE):
        if issue.state in AFTER_FREEZE:
            raise RefusedError(
                f"{called(issue)} is {issue.state}. Pause it first: then nobody gets the mistake "
                "any more."
            )
        because = f": {issue.reason}" if issue.reason else "."
        raise RefusedError(
            f"Only what has gone out is corrected, and {called(issue)} is {issue.state}{because}"
        )
    return Turn(session, issue, by, now, frozen=True)


def stands(target: Issue | Story, what: ChangedField) -> str:
    """Return what was frozen, or is corrected since; empty for nothing."""
    column = COPIES[what] if isinstance(target, Story) else TEXTS[what].column
    return getattr(target, column) or ""


def _correct(turn: Turn, target: Issue | Story, what: ChangedField, text: str | None) -> None:
    before, of = stands(target, what) or None, None
    field = TEXTS[what]
    if isinstance(target, Story):
        of = target.article_id
        setattr(target, COPIES[what], text)
        if what is ChangedField.STANDFIRST:
            target.blurb = text
    else:
        setattr(target, field.column, text)
    turn.take(what, before, text, f"After the freeze, {named(target, field)} was corrected.", of)


def told_to_readers(words: str) -> str:
    """Return what readers are told of a correction, on one line.

    Raises:
        FieldError: nothing is said, or too much.
    """
    told = prose.on_one_line(words)
    if not told:
        raise FieldError("words", "Say in a sentence what was wrong: the archive tells it.")
    if len(told) > LONGEST_TOLD:
        raise FieldError(
            "words",
            f"That has {len(told):,} characters, and {LONGEST_TOLD} is the most. Shorten it.",
        )
    return told

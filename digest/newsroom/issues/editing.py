"""An issue's own words: subject, preheader, note and last thing; headline and the like of a story.

A change names the version that it was made on. Changes to different fields merge. Where somebody
else changed the same field since, what is typed is not taken, and kept in the history: the outcome
has it among its `conflicts`. That is no exception, because what was typed has to be committed.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from digest import prose
from digest.errors import FieldError, RefusedError
from digest.models import ChangedField, Issue, Story
from digest.newsroom.issues.cropping import MIDDLE, crop_anew
from digest.newsroom.issues.history import (
    ISSUE_TEXTS,
    STORY_TEXTS,
    Editor,
    Outcome,
    Turn,
    begin,
    changed_since,
    find_change,
    is_drop,
    last_change,
    quoted,
)
from digest.newsroom.issues.ordering import put_back


@dataclass(frozen=True)
class Text:
    """A field to write in: its `name` in sentences, how long it may be, and its column.

    `cleared`: what happens where it is emptied, as a sentence; "{}" stands for the headline.
    """

    name: str
    longest: int
    column: str
    cleared: str
    lines: bool = False


TEXTS = {
    ChangedField.SUBJECT: Text(
        "subject", 300, "subject", "The subject is the lead’s headline again."
    ),
    ChangedField.PREHEADER: Text(
        "preheader", 300, "preheader", "The preheader is made of the headlines again."
    ),
    ChangedField.NOTE: Text("note", 5000, "note", "The note is taken out.", lines=True),
    ChangedField.LAST_THING: Text(
        "last thing", 2000, "last_thing", "The last thing is taken out.", lines=True
    ),
    ChangedField.HEADLINE: Text("headline", 300, "title", "{} has the article’s own headline."),
    ChangedField.STANDFIRST: Text("standfirst", 1000, "blurb", "{} has the article’s standfirst."),
    ChangedField.SECTION: Text("section label", 60, "section", "{} has the article’s section."),
    ChangedField.ALT: Text(
        "picture’s description", 300, "image_alt", "{} has no other words for its picture any more."
    ),
    ChangedField.FOCUS: Text(
        "focal point", 7, "own_focus", "The picture of {} is cropped about its centre again."
    ),
}


def edit_issue(
    session: Session,
    issue: Issue,
    texts: Mapping[str, str],
    by: Editor,
    now: datetime,
    *,
    version: int | None = None,
) -> Outcome:
    """Change some of `ISSUE_TEXTS`; an empty one is taken out.

    `version`: the one that the editor looked at; None: the issue as it is now.

    Raises:
        FieldError: a text is too long.
        RefusedError: the issue is frozen.
    """
    typed = {ChangedField(name): cleaned(name, text) for name, text in texts.items()}
    assert set(typed) <= set(ISSUE_TEXTS)
    turn = begin(session, issue, by, now)
    for what, text in typed.items():
        change_text(turn, issue, what, text, version)
    return turn.end()


def edit_story(
    session: Session,
    issue: Issue,
    article_id: int,
    texts: Mapping[str, str],
    by: Editor,
    now: datetime,
    *,
    version: int | None = None,
) -> Outcome:
    """Change some of `STORY_TEXTS` for this issue; an empty one is the article's own again.

    Raises:
        FieldError: a text is too long.
        RefusedError: the issue is frozen, or that article was never in it.
    """
    typed = {ChangedField(name): cleaned(name, text) for name, text in texts.items()}
    assert set(typed) <= set(STORY_TEXTS)
    turn = begin(session, issue, by, now)
    story = turn.story(article_id)
    for what, text in typed.items():
        if story is not None:
            change_text(turn, story, what, text, version)
        else:
            keep_of_dropped(turn, article_id, what, text)
    return turn.end()


def lay_on(
    issue: Issue, texts: Mapping[str, str], of_stories: Mapping[int, Mapping[str, str]]
) -> None:
    """Show an issue as it would be with these texts, some of them stories' by their articles' ids.

    For a session that writes nothing: no version is made, and no history. What is frozen stays.

    Raises:
        FieldError: a text is too long.
    """
    laid: list[tuple[Issue | Story, Mapping[str, str]]] = [(issue, texts)]
    laid += [(story, of_stories.get(story.article_id, {})) for story in issue.stories]
    for target, typed in laid:
        for name, text in typed.items():
            setattr(target, TEXTS[ChangedField(name)].column, cleaned(name, text))


def bring_back(
    session: Session,
    issue: Issue,
    change_id: int,
    by: Editor,
    now: datetime,
    *,
    version: int | None = None,
    before: bool = False,
) -> Outcome:
    """Put a text of the history back, whether it was taken or not; `before`: what it replaced.

    A story that was dropped is put in again, last, with what was its own; so is the story itself,
    where the change is that it was dropped.

    Raises:
        NotFoundError: there is no such change of this issue.
        RefusedError: that change is of no text and dropped no story, the issue is frozen, its
            article is withdrawn, or there is no picture any more to crop about a focal point.
    """
    change = find_change(session, issue, change_id)
    if is_drop(change):
        assert change.article_id is not None
        turn = begin(session, issue, by, now)
        if turn.story(change.article_id) is None:
            put_back(turn, change.article_id)
        return turn.end("It is in already.")
    if change.field not in TEXTS:
        raise RefusedError("Only a text can be brought back, or a story that was dropped.")
    text, what, article_id = (
        change.before if before else change.after,
        change.field,
        change.article_id,
    )
    turn = begin(session, issue, by, now)
    target: Issue | Story | None = issue
    if article_id is not None:
        target = turn.story(article_id)
        if target is None:
            target = put_back(turn, article_id)
    assert target is not None
    change_text(turn, target, what, text, version)
    return turn.end("It stands there already.")


def change_text(
    turn: Turn, target: Issue | Story, what: ChangedField, text: str | None, version: int | None
) -> None:
    """Change one text in a turn; where somebody changed it since `version`, keep it instead.

    Raises:
        RefusedError: a focal point, for a story without a picture of its own.
    """
    field, of = TEXTS[what], target.article_id if isinstance(target, Story) else None
    stands: str | None = getattr(target, field.column)
    if isinstance(target, Story) and text == own_text(target, what):
        text = None
    if text == stands:
        return
    of_what = named(target, field)
    if version is not None and changed_since(turn.session, turn.issue, version, what, of):
        last = last_change(turn.session, turn.issue, what, of)
        first = last.by if last else "Somebody"
        words = f"{first} had changed {of_what} first. This was kept, and not taken."
        turn.lose(what, stands, text, words, of)
        return
    setattr(target, field.column, text)
    if what is ChangedField.FOCUS and isinstance(target, Story):
        crop_anew(turn.session, target, turn.now)
    if text is None:
        words = field.cleared.format(quoted(target.headline) if isinstance(target, Story) else "")
    else:
        words = f"{of_what[:1].upper()}{of_what[1:]} is changed."
    turn.take(what, stands, text, words, of)


def named(target: Issue | Story, field: Text) -> str:
    """Return what a field is called in a sentence, with its story."""
    if isinstance(target, Story):
        return f"the {field.name} of {quoted(target.article.title)}"
    return f"the {field.name}"


def own_text(story: Story, what: ChangedField) -> str | None:
    """Return what the article itself has there, as it is now."""
    article = story.article
    if what is ChangedField.ALT and story.own_picture:
        return None
    return {
        ChangedField.HEADLINE: article.title,
        ChangedField.STANDFIRST: article.standfirst,
        ChangedField.SECTION: article.section,
        ChangedField.ALT: article.image_alt,
        ChangedField.FOCUS: MIDDLE,
    }[what]


def keep_of_dropped(turn: Turn, article_id: int, what: ChangedField, text: str | None) -> None:
    """Keep a text for a story that somebody dropped.

    Raises:
        RefusedError: it never was in this issue.
    """
    dropped = last_change(turn.session, turn.issue, ChangedField.STORIES, article_id)
    if dropped is None:
        raise RefusedError("That story is not in this issue.")
    named = f"the {TEXTS[what].name} of {quoted(dropped.before or dropped.after or '')}"
    words = f"{dropped.by} had dropped the story. {named[:1].upper()}{named[1:]} was kept."
    turn.lose(what, None, text, words, article_id)


def cleaned(name: str, typed: str) -> str | None:
    """Return a text without what no mail can show, on one line where the field is one; None: empty.

    Raises:
        FieldError: it is too long.
    """
    field = TEXTS[ChangedField(name)]
    lines = re.sub(r"\r\n?", "\n", prose.shown(typed)).strip()
    text = lines if field.lines else prose.on_one_line(typed)
    if len(text) > field.longest:
        raise FieldError(
            name,
            f"The {field.name} has {len(text):,} characters, and {field.longest:,} is the most. "
            "Shorten it.",
        )
    return text or None

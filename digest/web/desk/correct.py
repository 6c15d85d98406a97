"""Correcting an issue that is paused on its way, or has gone out."""

from dataclasses import dataclass

from flask import Response, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from digest.desk.correcting import (
    WAITS,
    asks_to_confirm,
    confirm_correction,
    correct_issue,
    drop_correction,
    mark_of,
    waiting_correction,
)
from digest.errors import FieldError, RefusedError
from digest.models import AFTER_FREEZE, ChangedField, Issue, Role, Story
from digest.newsroom.changed_words import Passage as Changed
from digest.newsroom.changed_words import changed_words
from digest.newsroom.issues.correcting import CORRECTABLE, stands
from digest.newsroom.issues.editing import TEXTS, own_text
from digest.newsroom.issues.history import ISSUE_TEXTS, STORY_TEXTS, Editor
from digest.web.context import current_runtime
from digest.web.desk.compose import (
    LARGEST_FORM,
    found_issue,
    is_changed,
    texts_typed,
    version_looked_at,
)
from digest.web.desk.signed_in import ID, actor, desk, desk_blueprint, refuse_without, show
from digest.web.desk.standing import standing_of

# What each field is called, and how many lines it has; 0 for a single one.
LABELS = {
    ChangedField.SUBJECT: ("Subject", 0),
    ChangedField.PREHEADER: ("Preheader", 0),
    ChangedField.NOTE: ("Your note", 4),
    ChangedField.LAST_THING: ("And finally", 2),
    ChangedField.HEADLINE: ("Headline", 0),
    ChangedField.STANDFIRST: ("Standfirst", 3),
    ChangedField.SECTION: ("Section label", 0),
}

DONE = {
    "waits": "It waits for a second person. Once somebody else confirms it, the archive shows it.",
    "dropped": "It is dropped. Nothing was changed.",
}

correct_pages = desk_blueprint("correct", __name__, largest_form=LARGEST_FORM)


@correct_pages.get(f"/issues/<{ID}:issue_id>/correct")
def show_form(issue_id: int) -> Response:
    """Show the words that went out, to be corrected."""
    return _shown(issue_id)


@correct_pages.post(f"/issues/<{ID}:issue_id>/correct")
def take_correction(issue_id: int) -> AnyResponse:
    """Correct it: for the archive, and for whoever has not got it yet."""
    runtime = current_runtime()
    settings, words = runtime.settings, request.form.get("words", "")
    try:
        with runtime.database.transaction() as session:
            issue = found_issue(session, issue_id)
            refuse_without(Role.EDITOR, issue.newsletter_id)
            done = correct_issue(
                session,
                issue,
                words,
                texts_typed([each.value for each in ISSUE_TEXTS]),
                {each.article_id: of_story for each in issue.stories if (of_story := _of(each))},
                actor(session),
                Editor(desk().user.name, desk().user.id),
                desk().now,
                version=version_looked_at(),
                public_url=settings.public_url,
                inbound_domain=settings.inbound_domain,
            )
    except FieldError as error:
        return _shown(issue_id, (_of_its_story(error),))
    except RefusedError as error:
        return _shown(issue_id, (FieldError("correct", str(error)),))
    if done.said == WAITS:
        return redirect(url_for("correct.show_form", issue_id=issue_id, done="waits"), 303)
    word = "corrected" if done.fields else "same"
    return redirect(url_for("sending.show_sending", issue_id=issue_id, done=word), 303)


@correct_pages.post(f"/issues/<{ID}:issue_id>/correct/<any(confirm, drop):what>")
def settle(issue_id: int, what: str) -> AnyResponse:
    """Confirm a correction that waits for a second person, or drop it."""
    runtime, now = current_runtime(), desk().now
    try:
        with runtime.database.transaction() as session:
            issue = found_issue(session, issue_id)
            refuse_without(Role.EDITOR, issue.newsletter_id)
            who = actor(session)
            if what == "drop":
                drop_correction(session, issue, who, now)
            else:
                confirm_correction(
                    session,
                    issue,
                    who,
                    Editor(desk().user.name, desk().user.id),
                    now,
                    seen=request.form.get("seen", ""),
                    public_url=runtime.settings.public_url,
                    inbound_domain=runtime.settings.inbound_domain,
                )
    except RefusedError as error:
        return _shown(issue_id, (FieldError("correct", str(error)),))
    if what == "drop":
        return redirect(url_for("correct.show_form", issue_id=issue_id, done="dropped"), 303)
    return redirect(url_for("sending.show_sending", issue_id=issue_id, done="confirmed"), 303)


def _of(story: Story) -> dict[str, str]:
    names = {_name(each, story): each.value for each in STORY_TEXTS}
    return {names[name]: text for name, text in texts_typed(names).items()}


@dataclass(frozen=True)
class Passage:
    """A field of the form: what stands in the issue, and what is in the form where that differs.

    `hint`: what somebody else made of it since the form was opened.
    """

    name: str
    label: str
    lines: int
    stands: str
    value: str
    hint: str


def _shown(issue_id: int, errors: tuple[FieldError, ...] = ()) -> Response:
    with current_runtime().database.reading() as session:
        issue = found_issue(session, issue_id)
        refuse_without(Role.EDITOR, issue.newsletter_id)
        return show(
            "correct.html",
            422 if errors else 200,
            errors=errors,
            issue=issue,
            newsletter=issue.newsletter,
            standing=standing_of(issue, desk().now),
            can=issue.state in CORRECTABLE,
            under_way=issue.state in AFTER_FREEZE,
            of_issue=[_passage(issue, each, each.value) for each in ISSUE_TEXTS],
            of_stories=[
                (each, [_passage(each, what, _name(what, each)) for what in STORY_TEXTS])
                for each in issue.stories
            ],
            words=request.form.get("words", ""),
            waiting=_waiting(session, issue),
            to_confirm=asks_to_confirm(issue),
            done=DONE.get(request.args.get("done", ""), ""),
        )


@dataclass(frozen=True)
class Waiting:
    """A correction that waits: who made it, what it changes, and whether they look at it now.

    `changes`: what each text is called, how it stands, and how it would be. `mark` tells it from
    another that was made since.
    """

    by: str
    mine: bool
    words: str
    mark: str
    changes: list[tuple[str, list[Changed]]]


def _waiting(session: Session, issue: Issue) -> Waiting | None:
    found = waiting_correction(session, issue)
    if found is None:
        return None
    changes = [_change(issue, ChangedField(name), text) for name, text in found.texts.items()]
    stories = {str(story.article_id): story for story in issue.stories}
    for article_id, texts in found.stories.items():
        story = stories[article_id]
        changes += [_change(story, ChangedField(name), text) for name, text in texts.items()]
    changed = [(label, changed_words(now, would)) for label, now, would in changes if now != would]
    mine = found.user_id == desk().user.id
    return Waiting(found.by, mine, found.words, mark_of(found), changed)


def _change(target: Issue | Story, what: ChangedField, text: str) -> tuple[str, str, str]:
    label, would = LABELS[what][0], text
    if isinstance(target, Story):
        label = f"{label} of “{target.headline}”"
        would = text or own_text(target, what) or ""
    return label, stands(target, what), would


def _passage(target: Issue | Story, what: ChangedField, name: str) -> Passage:
    now = stands(target, what)
    typed = texts_typed([name]).get(name)
    hint = ""
    if typed is not None and is_changed(request.form.get(f"{name}_was", ""), now):
        hint = f"It reads now: {now or 'nothing'}"
    label, lines = LABELS[what]
    return Passage(name, label, lines, now, now if typed is None else typed, hint)


def _name(what: ChangedField, story: Story) -> str:
    return f"{what.value}-{story.article_id}"


def _of_its_story(error: FieldError) -> FieldError:
    """Name the field of the form whose text is too long: each story has one of that name."""
    for name, text in request.form.items():
        what, dash, _ = name.partition("-")
        if dash and what == error.field and len(text) > TEXTS[ChangedField(what)].longest:
            return FieldError(name, error.sentence)
    return error

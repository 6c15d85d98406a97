"""Correcting an issue that is paused on its way, or has gone out."""

from dataclasses import dataclass

from flask import Response, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from digest.desk.correcting import correct_issue
from digest.errors import FieldError, RefusedError
from digest.models import AFTER_FREEZE, ChangedField, Issue, Role, Story
from digest.newsroom.issues.correcting import CORRECTABLE, stands
from digest.newsroom.issues.editing import TEXTS
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
    word = "corrected" if done.fields else "same"
    return redirect(url_for("sending.show_sending", issue_id=issue_id, done=word), 303)


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
        )


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

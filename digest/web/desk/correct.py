"""Correcting an issue that is paused on its way, or has gone out."""

from flask import Response, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from digest.desk.correcting import correct_issue
from digest.errors import FieldError, RefusedError
from digest.models import Role, Story
from digest.newsroom.issues.correcting import CORRECTABLE, stands
from digest.newsroom.issues.history import ISSUE_TEXTS, STORY_TEXTS, Editor
from digest.web.context import current_runtime
from digest.web.desk.compose import LARGEST_FORM, found_issue, texts_typed, version_looked_at
from digest.web.desk.signed_in import ID, actor, desk, desk_blueprint, refuse_without, show
from digest.web.desk.standing import standing_of

LABELS = {
    "subject": ("Subject", 0),
    "preheader": ("Preheader", 0),
    "note": ("Your note", 4),
    "last_thing": ("And finally", 2),
    "headline": ("Headline", 0),
    "standfirst": ("Standfirst", 3),
    "section": ("Section label", 0),
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
        return _shown(issue_id, (error,))
    except RefusedError as error:
        return _shown(issue_id, (FieldError("correct", str(error)),))
    word = "corrected" if done.fields else "same"
    return redirect(url_for("sending.show_sending", issue_id=issue_id, done=word), 303)


def _of(story: Story) -> dict[str, str]:
    names = {f"{each.value}-{story.article_id}": each.value for each in STORY_TEXTS}
    return {names[name]: text for name, text in texts_typed(names).items()}


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
            of_issue=[
                (each.value, *LABELS[each.value], stands(issue, each)) for each in ISSUE_TEXTS
            ],
            of_stories=[(each, _fields(each)) for each in issue.stories],
            typed=request.form,
            # What could not be taken was typed on an older page.
            version=request.form.get("version", issue.version),
        )


def _fields(story: Story) -> list[tuple[str, str, int, str]]:
    return [
        (f"{each.value}-{story.article_id}", *LABELS[each.value], stands(story, each))
        for each in STORY_TEXTS
    ]

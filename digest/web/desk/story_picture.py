"""A story's picture for one issue: none, another of its article, or one that is sent by the form;
and which point of it the crop keeps.

A page of its own, so that no words are lost with a picture that cannot be used.
"""

from collections.abc import Mapping

from flask import Response, current_app, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import Forbidden, RequestEntityTooLarge
from werkzeug.wrappers import Response as AnyResponse

from digest.delivery.rendering.issue import alt_for, picture_for
from digest.errors import FieldError, NotFoundError, RefusedError
from digest.models import Role, StoryRole
from digest.newsroom.intake.fetching_sources import open_fetcher
from digest.newsroom.intake.pictures import BYTES_AT_MOST
from digest.newsroom.issues.cropping import MIDDLE, focus_of
from digest.newsroom.issues.picturing import (
    Drawn,
    Picture,
    drawn,
    fetched_candidate,
    mark_in,
    other_candidates,
    set_picture,
    to_crop,
)
from digest.web.context import current_runtime
from digest.web.desk.compose import carry_out, found_issue, texts_typed, version_looked_at
from digest.web.desk.signed_in import ID, desk, desk_blueprint, refuse_without, show
from digest.web.desk.standing import standing_of
from digest.web.desk.uploads import LARGEST_UPLOAD

UPLOAD, TYPED = "upload", "typed"
# Row by row, as they lie in the picture.
PLACES = {
    f"{left},{top}": f"{down} {across}".strip().capitalize() or "Centre"
    for top, down in ((0, "top"), (50, ""), (100, "bottom"))
    for left, across in ((0, "left"), (50, ""), (100, "right"))
}
ALT_SHOWN_AT_MOST = 5_000
NOTHING_TYPED: Mapping[str, str] = {}

story_picture_pages = desk_blueprint("story_picture", __name__, largest_form=LARGEST_UPLOAD)
PATH = f"/issues/<{ID}:issue_id>/stories/<{ID}:article_id>/picture"


@story_picture_pages.get(PATH)
def show_picture(issue_id: int, article_id: int) -> Response:
    """Show a story's picture, and what it may be instead."""
    return _page(issue_id, article_id)


@story_picture_pages.post(PATH)
def change_picture(issue_id: int, article_id: int) -> AnyResponse:
    """Take the `picture` that was chosen, and `alt` and the focal point where they were changed."""
    version, now = version_looked_at(), desk().now
    with current_runtime().database.reading() as session:
        refuse_without(Role.EDITOR, found_issue(session, issue_id).newsletter_id)
    alt = texts_typed(["alt"]).get("alt")
    try:
        focus = _focus()
        picture = _chosen(issue_id, article_id, focus)
    except FieldError as error:
        return _page(issue_id, article_id, error, request.form)
    except RefusedError as error:
        wrong = FieldError("picture", str(error))
        return _page(issue_id, article_id, wrong, request.form)
    wrongs: list[FieldError] = []
    answer = carry_out(
        issue_id,
        lambda session, issue, by: set_picture(
            session,
            issue,
            article_id,
            picture,
            alt,
            by,
            now,
            focus=focus if focus != request.form.get("focus_was") else None,
            version=version,
        ),
        back_to=f"story-{article_id}",
        otherwise=wrongs.append,
    )
    # What is refused as a whole, a dropped story say, is told on the page of the issue.
    if wrongs and wrongs[0].field in {"picture", "alt", "focus"}:
        return _page(issue_id, article_id, wrongs[0], request.form)
    return answer


@story_picture_pages.errorhandler(RequestEntityTooLarge)
def tell_too_large(_: RequestEntityTooLarge) -> ResponseReturnValue:
    """Say it on the page that the form stands on: nothing of what was sent was read."""
    sentence = f"The picture is larger than {BYTES_AT_MOST // 1_000_000} MB."
    asked = request.view_args or {}
    try:
        return _page(asked["issue_id"], asked["article_id"], FieldError("file", sentence))
    except (Forbidden, NotFoundError) as error:
        # What a handler raises is handled by nobody else.
        return current_app.handle_user_exception(error)


def _focus() -> str | None:
    """Return the focal point that was chosen, by a place or by numbers; None: the form has none."""
    form = request.form
    place = form.get("focus")
    if place == TYPED:
        place = f"{form.get('focus_x', '')},{form.get('focus_y', '')}"
    return None if place is None else focus_of(place)


def _chosen(issue_id: int, article_id: int, focus: str | None) -> Picture | Drawn:
    """Return what was chosen, drawn anew; it may fetch, so that no transaction is open."""
    choice, file = request.form.get("picture", Picture.AS_IT_IS.value), request.files.get("file")
    if choice == UPLOAD or (file is not None and file.filename):
        if file is None or not file.filename:
            raise FieldError("file", "Choose a picture first.")
        return drawn("file", file.stream.read(BYTES_AT_MOST + 1), focus)
    runtime = current_runtime()
    fetcher = open_fetcher(runtime.database, runtime.settings)
    may_be_cropped = choice in {Picture.AS_IT_IS.value, Picture.ARTICLES.value}
    if may_be_cropped and focus is not None and focus != request.form.get("focus_was"):
        kept = Picture(choice)
        return to_crop(runtime.database, fetcher, issue_id, article_id, focus, kept)
    if choice in {each.value for each in Picture}:
        return Picture(choice)
    return fetched_candidate(runtime.database, fetcher, article_id, mark_in(choice), focus)


def _page(
    issue_id: int,
    article_id: int,
    error: FieldError | None = None,
    # Handed in, for of a form that is too large nothing may be read.
    form: Mapping[str, str] = NOTHING_TYPED,
) -> Response:
    with current_runtime().database.reading() as session:
        issue = found_issue(session, issue_id)
        refuse_without(Role.EDITOR, issue.newsletter_id)
        story = next((each for each in issue.stories if each.article_id == article_id), None)
        if story is None:
            raise NotFoundError("That story is not in this issue.")
        alt, focus = alt_for(story), story.own_focus or MIDDLE
        thumbnail = story.own_thumbnail if story.own_picture else story.article.thumbnail
        chosen = form.get("focus", focus if focus in PLACES else TYPED)
        left, _, top = focus.partition(",")
        return show(
            "story_picture.html",
            422 if error else 200,
            errors=(error,) if error else (),
            issue=issue,
            newsletter=issue.newsletter,
            standing=standing_of(issue, desk().now),
            story=story,
            shown=picture_for(story) or thumbnail,
            too_small=story.role is StoryRole.LEAD and thumbnail and not picture_for(story),
            others=other_candidates(story.article),
            places=PLACES,
            focus=focus,
            chosen=chosen,
            left=form.get("focus_x", left)[:3],
            top=form.get("focus_y", top)[:3],
            alt=alt,
            typed=form.get("alt", alt)[:ALT_SHOWN_AT_MOST],
        )

"""Pictures that are sent by a form: of a bounded size, and drawn anew before they are kept.

Each has a form of its own, so that no words are lost with a picture that cannot be used.
"""

from flask import Response, current_app, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import Forbidden, RequestEntityTooLarge
from werkzeug.wrappers import Response as AnyResponse

from digest.desk.audit import record
from digest.errors import FieldError, NotFoundError
from digest.models import Newsletter, Publication, Role
from digest.newsroom.intake.media import store_media
from digest.newsroom.intake.pictures import (
    BYTES_AT_MOST,
    MARK,
    PORTRAIT,
    Encoded,
    PictureError,
    Shape,
    crop_and_encode,
)
from digest.newsroom.newsletters import ensure_publication
from digest.web.context import current_runtime
from digest.web.desk.newsletters import newsletter_page, owned_newsletter
from digest.web.desk.paper import paper_page
from digest.web.desk.signed_in import ID, actor, desk, desk_blueprint, refuse_without

# More than a picture may have: one that is a little too large is read, and told so on its page.
LARGEST_UPLOAD = 2 * BYTES_AT_MOST + 64 * 1024

upload_pages = desk_blueprint("desk_uploads", __name__, largest_form=LARGEST_UPLOAD)


@upload_pages.post(f"/newsletters/<{ID}:newsletter_id>/portrait")
def set_portrait(newsletter_id: int) -> AnyResponse:
    """Give a newsletter its editor's portrait, or take it away."""
    refuse_without(Role.OWNER, newsletter_id)
    now, remove = desk().now, request.form.get("action") == "remove"
    try:
        picture = None if remove else _uploaded("portrait", PORTRAIT)
    except FieldError as error:
        return newsletter_page(newsletter_id, (error,))
    with current_runtime().database.transaction() as session:
        newsletter = owned_newsletter(session, newsletter_id, lock=True)
        kept = store_media(session, picture, now, lasting=True) if picture else None
        if newsletter.editor_portrait != kept:
            newsletter.editor_portrait = kept
            record(
                session,
                actor(session),
                "newsletter edit",
                Newsletter.__tablename__,
                newsletter_id,
                now=now,
                newsletter_id=newsletter_id,
                fields=("editor_portrait",),
            )
    to = url_for("desk_newsletters.show_one", newsletter_id=newsletter_id, done="pictured")
    return redirect(to, 303)


@upload_pages.post("/paper/mark")
def set_mark() -> AnyResponse:
    """Give the paper its mark."""
    refuse_without(Role.OWNER)
    now = desk().now
    try:
        picture = _uploaded("mark", MARK)
        with current_runtime().database.transaction() as session:
            mark = store_media(session, picture, now, lasting=True)
            ensure_publication(session, mark=mark)
            who, table = actor(session), Publication.__tablename__
            record(session, who, "publication edit", table, 1, now=now, fields=("mark",))
    except FieldError as error:
        return paper_page((error,))
    return redirect(url_for("desk_paper.show_paper", done="pictured"), 303)


@upload_pages.errorhandler(RequestEntityTooLarge)
def tell_too_large(_: RequestEntityTooLarge) -> ResponseReturnValue:
    """Say it on the page that the form stands on: nothing of what was sent was read."""
    try:
        return _page_too_large()
    except (Forbidden, NotFoundError) as error:
        # What a handler raises is handled by nobody else.
        return current_app.handle_user_exception(error)


def _page_too_large() -> Response:
    sentence = f"The picture is larger than {BYTES_AT_MOST // 1_000_000} MB."
    newsletter_id = (request.view_args or {}).get("newsletter_id")
    if newsletter_id is None:
        refuse_without(Role.OWNER)
        return paper_page((FieldError("mark", sentence),))
    return newsletter_page(newsletter_id, (FieldError("portrait", sentence),))


def _uploaded(field: str, shape: Shape) -> Encoded:
    """Return a picture that was sent, in its shape: before a transaction is open.

    Raises:
        FieldError: none was sent, or it cannot be used; says why.
    """
    file = request.files.get(field)
    if file is None or not file.filename:
        raise FieldError(field, "Choose a picture first.")
    try:
        picture = crop_and_encode(file.stream.read(BYTES_AT_MOST + 1), shape)
    except PictureError as error:
        raise FieldError(field, str(error)) from None
    if picture is None:
        raise FieldError(field, f"It needs at least {shape.at_least} pixels each way.")
    return picture

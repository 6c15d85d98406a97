"""An issue as one reader gets it, for whoever may see readers; each look is logged.

Who is meant is sent by POST, so that no address stands in the address of a page. The frame's own
request writes the log as well: it may be opened without the page around it.
"""

from flask import Response, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from digest.delivery.controls.as_reader import AsRead
from digest.desk.readers import note_search, show_as_reader
from digest.errors import FieldError, NotFoundError, RefusedError
from digest.models import Issue, Role
from digest.readers.data.finding import find_reader_or_id
from digest.tick import links
from digest.web.context import current_runtime
from digest.web.desk.compose import found_issue
from digest.web.desk.preview import framed
from digest.web.desk.reader_record import reader_or_404
from digest.web.desk.seeing import View, asked_view
from digest.web.desk.signed_in import ID, actor, desk, desk_blueprint, refuse_without, show
from digest.web.desk.standing import standing_of

LONGEST = 320

as_reader_pages = desk_blueprint("as_reader", __name__)


@as_reader_pages.get(f"/issues/<{ID}:issue_id>/as-reader")
def ask_who(issue_id: int) -> Response:
    """Ask which reader is meant."""
    return _page(issue_id)


@as_reader_pages.post(f"/issues/<{ID}:issue_id>/as-reader")
def choose(issue_id: int) -> AnyResponse:
    """Find the `reader`, by their whole address or their id."""
    typed = request.form.get("reader", "")[:LONGEST]
    try:
        with current_runtime().database.transaction() as session:
            refuse_without(Role.READERS, found_issue(session, issue_id).newsletter_id)
            note_search(session, actor(session), now=desk().now)
        with current_runtime().database.reading() as session:
            # Whom they may not see is told of as one who is not there.
            reader = reader_or_404(session, find_reader_or_id(session, typed).id)
            reader_id = reader.id
    except NotFoundError:
        sentence = "There is no such reader. Type the whole address, or the reader’s number."
        return _page(issue_id, FieldError("reader", sentence), typed=typed)
    page = url_for("as_reader.show_as", issue_id=issue_id, reader_id=reader_id)
    return redirect(page, 303)


@as_reader_pages.get(f"/issues/<{ID}:issue_id>/as-reader/<{ID}:reader_id>")
def show_as(issue_id: int, reader_id: int) -> Response:
    """Show the email in a frame, in the six views, and whether they get it at all."""
    try:
        with current_runtime().database.transaction() as session:
            remark = _seen(session, issue_id, reader_id).remark
    except RefusedError as error:
        return _page(issue_id, FieldError("reader", str(error)))
    return _page(issue_id, reader_id=reader_id, remark=remark)


@as_reader_pages.get(f"/issues/<{ID}:issue_id>/as-reader/<{ID}:reader_id>/email")
def email(issue_id: int, reader_id: int) -> Response:
    """Show the email alone, for that frame."""
    with current_runtime().database.transaction() as session:
        issue = found_issue(session, issue_id)
        return framed(issue, lambda: _seen(session, issue_id, reader_id).preview)


def _seen(session: Session, issue_id: int, reader_id: int) -> AsRead:
    issue: Issue = found_issue(session, issue_id)
    refuse_without(Role.READERS, issue.newsletter_id)
    reader, now = reader_or_404(session, reader_id), desk().now
    ours = links(current_runtime())
    return show_as_reader(session, actor(session), issue, reader, links=ours, now=now)


def _page(
    issue_id: int,
    error: FieldError | None = None,
    *,
    typed: str = "",
    reader_id: int | None = None,
    remark: str = "",
) -> Response:
    with current_runtime().database.reading() as session:
        issue = found_issue(session, issue_id)
        refuse_without(Role.READERS, issue.newsletter_id)
        return show(
            "as_reader.html",
            422 if error else 200,
            errors=(error,) if error else (),
            issue=issue,
            newsletter=issue.newsletter,
            standing=standing_of(issue, desk().now),
            typed=typed,
            reader_id=reader_id,
            remark=remark,
            views=list(View),
            view=asked_view("preview", View.PHONE),
        )

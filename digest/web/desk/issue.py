"""One issue: how it stands, what is in it and why, how it looks, and approving it."""

from flask import Response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from digest.delivery.controls.previewing import preview_issue
from digest.desk.audit import record
from digest.errors import FieldError, NotFoundError, RefusedError
from digest.models import Issue, IssueState, Role
from digest.newsroom.issues.approving import approve
from digest.tick import links
from digest.web.context import current_runtime
from digest.web.desk.signed_in import ID, actor, desk, desk_blueprint, refuse_without, show
from digest.web.desk.standing import standing_of

# What is shown in the frame is an issue's own markup: it may run nothing, and reach nothing.
PREVIEW_POLICY = (
    "default-src 'none'; img-src 'self' https: data:; style-src 'unsafe-inline'; sandbox; "
    "frame-ancestors 'self'"
)

desk_issue_pages = desk_blueprint("desk_issue", __name__)


@desk_issue_pages.get(f"/issues/<{ID}:issue_id>")
def show_issue(issue_id: int) -> Response:
    """Show one issue."""
    return _shown(issue_id)


@desk_issue_pages.get(f"/issues/<{ID}:issue_id>/preview")
def preview(issue_id: int) -> Response:
    """Show the email as its readers get it, for the frame of the issue's page."""
    runtime = current_runtime()
    with runtime.database.reading() as session:
        issue = _found(session, issue_id)
        to = issue.newsletter.editor_email
        try:
            html = preview_issue(session, issue, to, links=links(runtime), now=desk().now).html
        except RefusedError as error:
            html = render_template("desk/no_preview.html", sentence=str(error))
    response = Response(html)
    response.headers["Content-Security-Policy"] = PREVIEW_POLICY
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    return response


@desk_issue_pages.post(f"/issues/<{ID}:issue_id>/approve")
def take_approval(issue_id: int) -> AnyResponse:
    """Approve a draft: it goes out by itself, at its time."""
    try:
        with current_runtime().database.transaction() as session:
            issue = _found(session, issue_id)
            refuse_without(Role.EDITOR, issue.newsletter_id)
            who = actor(session)
            approve(session, issue, who.name, desk().now)
            record(
                session,
                who,
                "issue approve",
                Issue.__tablename__,
                issue.id,
                newsletter_id=issue.newsletter_id,
                now=desk().now,
                fields=("state", "approved_at", "approved_by"),
            )
    except RefusedError as error:
        return _shown(issue_id, (FieldError("issue", str(error)),))
    return redirect(url_for("desk_issue.show_issue", issue_id=issue_id, done="1"), 303)


def _found(session: Session, issue_id: int) -> Issue:
    issue = session.get(Issue, issue_id)
    # Whoever may not look is told no more than that there is none.
    if issue is None or not desk().may(Role.VIEWER, issue.newsletter_id):
        raise NotFoundError("There is no such issue.")
    return issue


def _shown(issue_id: int, errors: tuple[FieldError, ...] = ()) -> Response:
    with current_runtime().database.reading() as session:
        issue = _found(session, issue_id)
        standing = standing_of(issue, desk().now)
        stories = [(story, story.title or story.article.title) for story in issue.stories]
        sections = {
            story.id: story.section or story.article.section or "" for story in issue.stories
        }
        newsletter = issue.newsletter
        may_approve = (
            issue.state is IssueState.DRAFT
            and bool(stories)
            and desk().may(Role.EDITOR, issue.newsletter_id)
        )
        return show(
            "issue.html",
            422 if errors else 200,
            errors=errors,
            issue=issue,
            newsletter=newsletter,
            standing=standing,
            stories=stories,
            sections=sections,
            may_approve=may_approve,
            done="Approved." if request.args.get("done") else "",
        )

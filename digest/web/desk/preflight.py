"""Checking an issue's links, and accepting what preflight warns of."""

from flask import redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from digest.desk.audit import record
from digest.errors import FieldError, RefusedError
from digest.models import AcceptedFinding, Issue, Role
from digest.newsroom.issues.history import Editor
from digest.preflight.accepting import accept
from digest.preflight.watching import look_now
from digest.web.context import current_runtime
from digest.web.desk.asking import asking
from digest.web.desk.compose import compose_page, found_issue
from digest.web.desk.signed_in import ID, actor, desk, desk_blueprint, refuse_without

preflight_pages = desk_blueprint("preflight", __name__)


@preflight_pages.post(f"/issues/<{ID}:issue_id>/preflight")
def check_now(issue_id: int) -> AnyResponse:
    """Ask the issue's links whether they answer, and show what was found."""
    runtime = current_runtime()
    with runtime.database.reading() as session:
        _found(session, issue_id)
    url = runtime.settings.public_url
    try:
        with asking() as fetcher:
            look_now(runtime.database, issue_id, fetcher=fetcher, public_url=url, now=desk().now)
    except RefusedError as error:
        return _refused(issue_id, error)
    return _back(issue_id)


@preflight_pages.post(f"/issues/<{ID}:issue_id>/preflight/accept")
def accept_finding(issue_id: int) -> AnyResponse:
    """Let a warning stand as it is, by name."""
    runtime = current_runtime()
    try:
        with runtime.database.transaction() as session:
            issue = _found(session, issue_id)
            row = accept(
                session,
                issue,
                request.form.get("code", ""),
                Editor(desk().user.name, desk().user.id),
                desk().now,
                public_url=runtime.settings.public_url,
            )
            if row.at == desk().now:
                record(
                    session,
                    actor(session),
                    "issue accept",
                    AcceptedFinding.__tablename__,
                    row.id,
                    newsletter_id=issue.newsletter_id,
                    now=desk().now,
                )
    except RefusedError as error:
        return _refused(issue_id, error)
    return _back(issue_id)


def _found(session: Session, issue_id: int) -> Issue:
    issue = found_issue(session, issue_id)
    refuse_without(Role.EDITOR, issue.newsletter_id)
    return issue


def _refused(issue_id: int, error: RefusedError) -> AnyResponse:
    return compose_page(issue_id, (FieldError("preflight", str(error)),))


def _back(issue_id: int) -> AnyResponse:
    return redirect(f"{url_for('desk_issue.show_issue', issue_id=issue_id)}#preflight", 303)

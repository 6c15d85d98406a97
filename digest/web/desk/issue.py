"""One issue: how it stands, what is in it and why, how it looks, and approving it."""

from flask import Response, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from digest.delivery.controls.as_reader import editions_of
from digest.desk.audit import record_issue
from digest.errors import FieldError, RefusedError
from digest.models import Role
from digest.newsroom.issues.approving import approve
from digest.newsroom.issues.filling import fill
from digest.newsroom.issues.history import Editor
from digest.web.context import current_runtime
from digest.web.desk.approval import approval_shown
from digest.web.desk.asking import ask_first
from digest.web.desk.compose import (
    found_issue,
    issue_shown,
    may_compose,
    version_looked_at,
)
from digest.web.desk.compose_page import said, show_composing
from digest.web.desk.findings import found_of, look_over_first
from digest.web.desk.seeing import View, asked_edition, seen, tested
from digest.web.desk.signed_in import (
    ID,
    actor,
    carried_on,
    carries_on,
    desk,
    desk_blueprint,
    refuse_without,
    show,
)
from digest.web.desk.standing import standing_of

desk_issue_pages = desk_blueprint("desk_issue", __name__)


@desk_issue_pages.get(f"/issues/<{ID}:issue_id>")
@carries_on()
def show_issue(issue_id: int) -> Response:
    """Show one issue; to whoever may change it, with all that changes it."""
    return _shown(issue_id)


@desk_issue_pages.post(f"/issues/<{ID}:issue_id>/fill")
def take_wish(issue_id: int) -> AnyResponse:
    """Let the rule pick the stories of an empty draft."""
    try:
        with current_runtime().database.transaction() as session:
            issue = found_issue(session, issue_id)
            refuse_without(Role.EDITOR, issue.newsletter_id)
            who, now = actor(session), desk().now
            fill(session, issue, Editor(who.name, desk().user.id), now)
            record_issue(session, who, "issue compose", issue, now=now, fields=("stories",))
    except RefusedError as error:
        return _shown(issue_id, (FieldError("stories", str(error)),))
    return redirect(url_for("desk_issue.show_issue", issue_id=issue_id, _anchor="stories"), 303)


@desk_issue_pages.post(f"/issues/<{ID}:issue_id>/approve")
def take_approval(issue_id: int) -> AnyResponse:
    """Approve a draft: it goes out by itself, at its time."""
    try:
        ask_first(issue_id)
        with current_runtime().database.transaction() as session:
            issue = found_issue(session, issue_id)
            refuse_without(Role.EDITOR, issue.newsletter_id)
            who = actor(session)
            looked_at, user_id = version_looked_at(), desk().user.id
            approve(session, issue, who.name, desk().now, version=looked_at, user_id=user_id)
            look_over_first(session, issue)
            record_issue(
                session,
                who,
                "issue approve",
                issue,
                now=desk().now,
                fields=("state", "approved_at", "approved_by"),
            )
    except RefusedError as error:
        return _shown(issue_id, (FieldError("preflight", str(error)),))
    return redirect(url_for("desk_issue.show_issue", issue_id=issue_id, approved="1"), 303)


def _shown(issue_id: int, errors: tuple[FieldError, ...] = ()) -> Response:
    with carried_on() as session:
        issue = issue_shown(session, issue_id)
        if may_compose(issue):
            return show_composing(session, issue, errors)
        standing = standing_of(issue, desk().now)
        stories = [(story, story.headline) for story in issue.stories]
        sections = {
            story.id: story.section or story.article.section or "" for story in issue.stories
        }
        newsletter = issue.newsletter
        return show(
            "issue.html",
            422 if errors else 200,
            errors=errors,
            issue=issue,
            newsletter=newsletter,
            standing=standing,
            stories=stories,
            sections=sections,
            preflight=found_of(session, issue),
            approval=approval_shown(session, issue),
            done="Approved." if request.args.get("approved") else said(session, issue) or tested(),
            may_test=desk().may(Role.EDITOR, issue.newsletter_id) and bool(stories),
            editions=editions_of(session, issue),
            edition=asked_edition(),
            **seen(issue, View.DESKTOP),
        )

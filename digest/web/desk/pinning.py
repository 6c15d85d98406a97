"""Pinning an article to a coming issue: the page that asks to which, and taking a pin back."""

from collections.abc import Callable
from dataclasses import dataclass

from flask import Response, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as AnyResponse

from digest.desk.audit import record_issue
from digest.errors import FieldError, NotFoundError, RefusedError
from digest.models import BEFORE_FREEZE, Article, Issue, Role
from digest.newsroom.issues.history import Editor, Outcome
from digest.newsroom.issues.pinning import may_be_pinned_to, pin, unpin
from digest.newsroom.issues.planning import Planned, coming
from digest.web.context import current_runtime
from digest.web.desk.calendar import anchor_of, found_newsletter, issue_meant
from digest.web.desk.signed_in import ID, actor, desk, desk_blueprint, refuse_without, show
from digest.web.desk.standing import moment

NO_ARTICLE = "There is no such article."

pinning_pages = desk_blueprint("pinning", __name__)


@dataclass(frozen=True)
class Choice:
    """A coming issue, when it goes out, and whether the story is pinned to it already."""

    planned: Planned
    when: str
    has_it: bool


VERBS: dict[str, Callable[..., Outcome]] = {"pin": pin, "unpin": unpin}


@pinning_pages.get(f"/pins/<{ID}:newsletter_id>")
def show_pinning(newsletter_id: int) -> Response:
    """Ask which coming issue an `article` is to be in; without one, say how to choose it."""
    typed = request.args.get("article", "").strip()
    if not typed:
        return _how_to(newsletter_id)
    try:
        article_id = _article_id(typed)
    except BadRequest:
        # An address that somebody typed is no form.
        raise NotFoundError(NO_ARTICLE) from None
    return _page(newsletter_id, article_id)


@pinning_pages.post(f"/pins/<{ID}:newsletter_id>/<any(pin, unpin):action>")
def act(newsletter_id: int, action: str) -> AnyResponse:
    """Pin the `article` to an `issue`, or to the one of a day, `on`; or take that back."""
    article_id = _article_id(request.form.get("article", ""))
    try:
        with current_runtime().database.transaction() as session:
            newsletter = found_newsletter(session, newsletter_id)
            refuse_without(Role.EDITOR, newsletter_id)
            if newsletter.retired_at is not None:
                raise RefusedError(f"{newsletter.name} is retired, and has no calendar any more.")
            who, now = actor(session), desk().now
            issue = issue_meant(session, newsletter, request.form.get("issue", ""))
            by = Editor(desk().user.name, desk().user.id)
            VERBS[action](session, issue, article_id, by, now)
            record_issue(session, who, f"issue {action}", issue, now=now, fields=("stories",))
            anchor = anchor_of(None, issue)
    except RefusedError as error:
        return _page(newsletter_id, article_id, FieldError("coming", str(error)))
    page = url_for("calendar.show_calendar", newsletter_id=newsletter_id, done=action)
    return redirect(f"{page}#{anchor}", 303)


def _article_id(typed: str) -> int:
    if not (typed.isascii() and typed.isdecimal() and len(typed) < 16):
        raise BadRequest("This form is not whole. Go back, load the page again, and go on.")
    return int(typed)


def _how_to(newsletter_id: int) -> Response:
    with current_runtime().database.reading() as session:
        newsletter = found_newsletter(session, newsletter_id)
        refuse_without(Role.EDITOR, newsletter_id)
        planned = coming(session, newsletter, desk().now)
        # Its articles stand beside an issue that can be composed.
        made = [each.issue for each in planned if each.issue and each.issue.state in BEFORE_FREEZE]
        return show(
            "pinning_how.html",
            newsletter=newsletter,
            issue=made[0] if made else None,
            when=moment(made[0].send_at, newsletter) if made else "",
        )


def _page(newsletter_id: int, article_id: int, error: FieldError | None = None) -> Response:
    with current_runtime().database.reading() as session:
        newsletter = found_newsletter(session, newsletter_id)
        refuse_without(Role.EDITOR, newsletter_id)
        article = _found(session, article_id)
        choices = [
            Choice(each, moment(each.send_at, newsletter), _has(each.issue, article_id))
            for each in may_be_pinned_to(session, newsletter, desk().now)
        ]
        return show(
            "pinning.html",
            422 if error else 200,
            errors=(error,) if error else (),
            newsletter=newsletter,
            article=article,
            choices=choices,
            pin_here=url_for("pinning.act", newsletter_id=newsletter_id, action="pin"),
        )


def _found(session: Session, article_id: int) -> Article:
    article = session.get(Article, article_id)
    if article is None:
        raise NotFoundError(NO_ARTICLE)
    return article


def _has(issue: Issue | None, article_id: int) -> bool:
    stories = issue.stories if issue is not None else []
    return any(story.article_id == article_id and story.is_by_hand for story in stories)

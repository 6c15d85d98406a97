"""Composing an issue: its words, its stories, and the articles to choose from.

Every button belongs to a form, which works without a script. After each the browser is sent back
to where it was pressed; the address names the change, and the page says what it did.
"""

from collections.abc import Callable, Iterable
from typing import Any

from flask import Response, redirect, request, url_for
from sqlalchemy.orm import Session, joinedload
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as AnyResponse

from digest.desk.audit import record
from digest.errors import FieldError, NotFoundError, RefusedError
from digest.models import (
    BEFORE_FREEZE,
    Issue,
    Role,
    StoryRole,
)
from digest.newsroom.issues.editing import bring_back, edit_issue, edit_story
from digest.newsroom.issues.history import (
    ISSUE_TEXTS,
    STORY_TEXTS,
    Editor,
    Outcome,
)
from digest.newsroom.issues.looking import look_at_issue
from digest.newsroom.issues.ordering import (
    drop_story,
    pick_article,
    place_story,
    set_role,
    shift_story,
)
from digest.newsroom.issues.presence import come_in
from digest.web.context import current_runtime
from digest.web.desk.compose_page import show_composing
from digest.web.desk.presence import others_here
from digest.web.desk.signed_in import ID, actor, desk, desk_blueprint, refuse_without, show
from digest.web.desk.standing import is_leaving

# A note in any script, percent-encoded, and what it was.
LARGEST_FORM = 512 * 1024

compose_pages = desk_blueprint("compose", __name__, largest_form=LARGEST_FORM)

Verb = Callable[[Session, Issue, Editor], Outcome]


def may_compose(issue: Issue) -> bool:
    """Tell whether whoever asks may change an issue, and whether it can still be changed."""
    waits = issue.state in BEFORE_FREEZE and not is_leaving(issue, desk().now)
    return waits and desk().may(Role.EDITOR, issue.newsletter_id)


@compose_pages.post(f"/issues/<{ID}:issue_id>/words")
def save_words(issue_id: int) -> AnyResponse:
    """Save subject, preheader, note and last thing: those that were changed on the page."""
    typed = texts_typed([each.value for each in ISSUE_TEXTS])
    return carry_out(
        issue_id,
        lambda session, issue, by: edit_issue(
            session, issue, typed, by, desk().now, version=version_looked_at()
        ),
        back_to="words",
        typed=typed,
    )


@compose_pages.post(f"/issues/<{ID}:issue_id>/here")
def be_here(issue_id: int) -> Response:
    """Note that the page is open; answer with who else is in the issue."""
    with current_runtime().database.transaction() as session:
        issue = found_issue(session, issue_id)
        refuse_without(Role.EDITOR, issue.newsletter_id)
        come_in(session, issue_id, desk().user.id, desk().now)
        others = others_here(session, issue)
        return show("here.html", others=others, zone=issue.newsletter.zone)


@compose_pages.post(f"/issues/<{ID}:issue_id>/pick")
def pick(issue_id: int) -> AnyResponse:
    """Put an article in."""
    article_id = _number("article")
    return carry_out(
        issue_id,
        lambda session, issue, by: pick_article(session, issue, article_id, by, desk().now),
        back_to=f"pool-{article_id}",
    )


@compose_pages.post(f"/issues/<{ID}:issue_id>/stories/<{ID}:article_id>")
def change_story(issue_id: int, article_id: int) -> AnyResponse:
    """Move a story, set it otherwise, drop it, or change its words for this issue."""
    what, now = request.form.get("action", ""), desk().now
    typed: dict[str, str] = {}
    if what in {"up", "down"}:
        steps = -1 if what == "up" else 1

        def verb(session: Session, issue: Issue, by: Editor) -> Outcome:
            return shift_story(session, issue, article_id, steps, by, now)

    elif what == "place":
        to = _number("to")

        def verb(session: Session, issue: Issue, by: Editor) -> Outcome:
            return place_story(session, issue, article_id, to, by, now)

    elif what == "drop":

        def verb(session: Session, issue: Issue, by: Editor) -> Outcome:
            return drop_story(session, issue, article_id, by, now)

    elif what == "role":
        role = _role()

        def verb(session: Session, issue: Issue, by: Editor) -> Outcome:
            return set_role(session, issue, article_id, role, by, now)

    else:
        names = [each.value for each in STORY_TEXTS]
        typed = dict.fromkeys(names, "") if what == "own" else texts_typed(names)

        def verb(session: Session, issue: Issue, by: Editor) -> Outcome:
            return edit_story(
                session, issue, article_id, typed, by, now, version=version_looked_at()
            )

    back_to = "stories" if what == "drop" else f"story-{article_id}"
    return carry_out(issue_id, verb, back_to=back_to, typed=typed, article_id=article_id)


@compose_pages.post(f"/issues/<{ID}:issue_id>/history/<{ID}:change_id>")
def take_back(issue_id: int, change_id: int) -> AnyResponse:
    """Bring a text of the history back."""
    before = request.form.get("text") == "before"
    return carry_out(
        issue_id,
        lambda session, issue, by: bring_back(
            session, issue, change_id, by, desk().now, version=version_looked_at(), before=before
        ),
        back_to="history",
    )


def found_issue(session: Session, issue_id: int) -> Issue:
    """Return an issue that whoever asks may look at.

    Raises:
        NotFoundError: there is none, or it is none of theirs, and they are told no more than that.
    """
    return _theirs(session.get(Issue, issue_id, options=[joinedload(Issue.newsletter)]))


def issue_shown(session: Session, issue_id: int) -> Issue:
    """Return one with all that its page shows of it, and only to be looked at (`look_at_issue`).

    Raises:
        NotFoundError: as `found_issue`.
    """
    return _theirs(look_at_issue(session, issue_id))


def _theirs(issue: Issue | None) -> Issue:
    if issue is None or not desk().may(Role.VIEWER, issue.newsletter_id):
        raise NotFoundError("There is no such issue.")
    return issue


def carry_out(
    issue_id: int,
    verb: Verb,
    *,
    back_to: str,
    typed: dict[str, str] | None = None,
    article_id: int | None = None,
    otherwise: Callable[[FieldError], None] | None = None,
) -> AnyResponse:
    """Do it in one transaction and log it; send the browser back, or to a choice of two texts.

    `otherwise`: is told what is wrong, for who shows it on a page of their own.
    """
    try:
        with current_runtime().database.transaction() as session:
            issue = found_issue(session, issue_id)
            refuse_without(Role.EDITOR, issue.newsletter_id)
            who = actor(session)
            by = Editor(desk().user.name, desk().user.id)
            outcome = verb(session, issue, by)
            come_in(session, issue_id, desk().user.id, desk().now)
            if outcome.fields:
                record(
                    session,
                    who,
                    "issue edit",
                    Issue.__tablename__,
                    issue_id,
                    newsletter_id=issue.newsletter_id,
                    now=desk().now,
                    fields=outcome.fields,
                )
            changes = [change.id for change in outcome.changes if change.taken]
            lost = [change.id for change in outcome.conflicts]
    except (FieldError, RefusedError) as error:
        wrong = error if isinstance(error, FieldError) else FieldError(back_to, str(error))
        if otherwise is not None:
            otherwise(wrong)
        return compose_page(issue_id, (wrong,), typed=typed, article_id=article_id)
    if lost:
        return redirect(url_for("conflict.show_conflict", issue_id=issue_id, change=lost), 303)
    names = ("words", "section", "source")
    asked: dict[str, Any] = {name: request.args.get(name) or None for name in names}
    page = url_for("desk_issue.show_issue", issue_id=issue_id, done=changes or None, **asked)
    return redirect(f"{page}#{back_to}", 303)


def texts_typed(names: Iterable[str]) -> dict[str, str]:
    """Return what was changed on the page: a field that holds what it came with was not touched."""
    form = request.form
    typed = {name: form[name] for name in names if name in form}
    return {
        name: text
        for name, text in typed.items()
        if is_changed(form.get(f"{name}_was", "\0"), text)
    }


def is_changed(before: str, after: str) -> bool:
    """Tell whether two texts differ, but for how a browser sends lines."""
    return _plain(before) != _plain(after)


def _plain(text: str) -> str:
    # Browsers send lines with CR LF, whatever the page held.
    return text.replace("\r\n", "\n").strip()


def version_looked_at() -> int:
    """Return the version of the issue that the form's page showed."""
    return _number("version")


def _number(name: str) -> int:
    text = request.form.get(name, "")
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise BadRequest("This form is not whole. Go back, load the page again, and go on.")
    return int(text)


def _role() -> StoryRole:
    try:
        return StoryRole(request.form.get("role", ""))
    except ValueError:
        raise BadRequest("A story is a lead, a story or a brief.") from None


def compose_page(
    issue_id: int,
    errors: tuple[FieldError, ...] = (),
    *,
    typed: dict[str, str] | None = None,
    article_id: int | None = None,
) -> Response:
    """Show an issue to whoever may change it. `typed`: what could not be saved, shown again."""
    with current_runtime().database.reading() as session:
        issue = issue_shown(session, issue_id)
        return show_composing(session, issue, errors, typed=typed or {}, article_id=article_id)

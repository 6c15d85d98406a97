"""Two texts for one field, side by side, and which of them goes out."""

from dataclasses import dataclass

from flask import Response

from digest import prose
from digest.models import Issue, IssueChange, Role
from digest.newsroom.issues.editing import TEXTS, own_text
from digest.newsroom.issues.history import find_change, list_changes
from digest.web.context import current_runtime
from digest.web.desk.compose import found_issue
from digest.web.desk.compose_page import MOST_CHANGES, ids_named
from digest.web.desk.signed_in import ID, desk, desk_blueprint, refuse_without, show
from digest.web.desk.standing import lasts, standing_of

conflict_pages = desk_blueprint("conflict", __name__)


@conflict_pages.get(f"/issues/<{ID}:issue_id>/conflict")
def show_conflict(issue_id: int) -> Response:
    """Show what was not taken beside what stands, with the choice."""
    asked = ids_named("change")
    with current_runtime().database.reading() as session:
        issue = found_issue(session, issue_id)
        refuse_without(Role.EDITOR, issue.newsletter_id)
        lost = [find_change(session, issue, each) for each in asked]
        changes = list_changes(session, issue, MOST_CHANGES)
        return show(
            "conflict.html",
            issue=issue,
            newsletter=issue.newsletter,
            standing=standing_of(issue, desk().now),
            conflicts=[_conflict(issue, each, changes) for each in lost if not each.taken],
        )


@dataclass(frozen=True)
class Conflict:
    """Two texts for one field. `question` says who was first; `theirs` is what stands."""

    change: IssueChange
    question: str
    name: str
    theirs: str
    dropped: bool


def _conflict(issue: Issue, lost: IssueChange, changes: list[IssueChange]) -> Conflict:
    story = next((each for each in issue.stories if each.article_id == lost.article_id), None)
    dropped = lost.article_id is not None and story is None
    same = [
        each
        for each in changes
        if each.taken
        and each.article_id == lost.article_id
        and (each.field == "stories" if dropped else each.field == lost.field)
    ]
    who, ago = (same[0].by, _ago(same[0])) if same else ("Somebody", "")
    field = TEXTS[lost.field]
    if dropped:
        question = f"{who} dropped the story {ago}. Does it go out after all?"
        stands = ""
    else:
        of = f" of “{prose.cut(story.article.title, 80)}”" if story else ""
        question = f"{who} changed the {field.name}{of} {ago}. Which one goes out?"
        own = own_text(story, lost.field) if story else None
        stands = getattr(story or issue, field.column) or own or ""
    return Conflict(lost, question, field.name, stands, dropped)


def _ago(change: IssueChange) -> str:
    return f"{lasts(desk().now - change.at)} ago"

"""An issue as its readers get it, in the frame of its page.

What is in the frame is made from an issue's own texts. It has a policy of its own, by which it may
run nothing and reach nothing, and counts as a page of nobody's: our cookies are not its.
"""

import re
from collections.abc import Callable

from flask import Response, render_template, request
from markupsafe import escape
from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from digest.delivery.controls.previewing import Preview, preview_issue
from digest.errors import FieldError, RefusedError
from digest.models import Issue, Role, Story
from digest.newsroom.issues.editing import lay_on
from digest.newsroom.issues.history import ISSUE_TEXTS, STORY_TEXTS
from digest.settings.values import origin_of
from digest.tick import links
from digest.web.context import current_runtime
from digest.web.desk.compose import LARGEST_FORM, found_issue
from digest.web.desk.seeing import View, asked_edition, asked_view
from digest.web.desk.signed_in import ID, desk, desk_blueprint, refuse_without
from digest.web.framing import with_links_in_new_tabs

POLICY = (
    "default-src 'none'; img-src {pictures}; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'; sandbox; frame-ancestors 'self'"
)
STYLE = re.compile(r"(<style\b[^>]*>)(.*?)(</style>)", re.DOTALL)
DARK = re.compile(r"@media\s*\(prefers-color-scheme:\s*dark\)")
# As the mail says that it has both, in its head and on its root.
BOTH = re.compile(r'(<meta name="color-scheme" content=")light dark|(color-scheme:\s*)light dark')

preview_pages = desk_blueprint("desk_preview", __name__, largest_form=LARGEST_FORM)


@preview_pages.get(f"/issues/<{ID}:issue_id>/preview")
def preview(issue_id: int) -> Response:
    """Show the email, for the frame of the issue's page."""
    with current_runtime().database.reading() as session:
        return _framed(session, _found(session, issue_id))


@preview_pages.post(f"/issues/<{ID}:issue_id>/preview")
def preview_typed(issue_id: int) -> Response:
    """Show the email with what is being typed, which nothing keeps."""
    form = request.form
    texts = {each.value: form[each] for each in ISSUE_TEXTS if each in form}
    with current_runtime().database.reading() as session:
        issue = _found(session, issue_id)
        refuse_without(Role.EDITOR, issue.newsletter_id)
        of_stories = {
            story.article_id: {
                each.value: form[f"{each}-{story.article_id}"]
                for each in STORY_TEXTS
                if f"{each}-{story.article_id}" in form
            }
            for story in issue.stories
        }
        # What is laid on an issue here must never be written.
        with session.no_autoflush:
            try:
                lay_on(issue, texts, of_stories)
            except FieldError as error:
                return _framed_sentence(error.sentence)
            return _framed(session, issue)


def _found(session: Session, issue_id: int) -> Issue:
    # All that is shown at once: this page is asked for while somebody types.
    whole = selectinload(Issue.stories).joinedload(Story.article)
    loaded = session.scalar(select(Issue).where(Issue.id == issue_id).options(whole))
    return found_issue(session, loaded.id if loaded else issue_id)


def _framed(session: Session, issue: Issue) -> Response:
    to, edition = issue.newsletter.editor_email, asked_edition()
    return framed(issue, lambda: previewed(session, issue, to, rendering_id=edition))


def framed(issue: Issue, write: Callable[[], Preview]) -> Response:
    """Show what `write` returns in the view that is asked for; or why it is refused."""
    view = asked_view("as", View.PHONE)
    try:
        shown = write()
    except RefusedError as error:
        return _framed_sentence(str(error))
    if view in {View.TEXT, View.SOURCE}:
        # The message is 7-bit, whatever its words.
        text = shown.text if view is View.TEXT else shown.eml.decode("ascii", "backslashreplace")
        return _sealed(render_template("desk/preview_text.html", text=text, view=view))
    html = with_links_in_new_tabs(_in_colours(shown.html, dark=view is View.DARK))
    html = _marked(html, issue, request.args.get("at", ""))
    return _sealed(html, pictures=view is not View.NO_IMAGES)


def _framed_sentence(sentence: str) -> Response:
    return _sealed(render_template("desk/no_preview.html", sentence=sentence))


def _sealed(html: str, *, pictures: bool = True) -> Response:
    response = Response(html)
    ours = f"'self' {origin_of(current_runtime().settings.public_url)}"
    policy = POLICY.format(pictures=ours if pictures else "'none'")
    response.headers["Content-Security-Policy"] = policy
    # Said by `frame-ancestors` too; this stands for older browsers, and instead of DENY.
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    return response


def _marked(html: str, issue: Issue, at: str) -> str:
    """Put an anchor "at" before a story's first link, by the id of its article."""
    story = next((each for each in issue.stories if str(each.article_id) == at), None)
    if story is None:
        return html
    before, link, after = html.partition(f'href="{escape(story.url or story.article.url)}"')
    start = before.rfind("<")
    # Not the link itself: it would take the focus from whoever is typing beside it.
    anchor = '<span id="at" style="scroll-margin-top:64px"></span>'
    return f"{before[:start]}{anchor}{before[start:]}{link}{after}" if link else html


def _in_colours(html: str, *, dark: bool) -> str:
    """Decide by the tab, and not by the editor's own computer, in which colours a mail is shown."""
    html = STYLE.sub(
        lambda found: found[1] + DARK.sub(f"@media {'all' if dark else 'not all'}", found[2])
        + found[3],
        html,
    )  # fmt: skip
    head, body, rest = html.partition("<body")
    only = "dark" if dark else "light"
    return BOTH.sub(lambda found: f"{found[1] or found[2]}{only}", head) + body + rest


def previewed(
    session: Session, issue: Issue, to: str, *, rendering_id: int | None = None
) -> Preview:
    return preview_issue(
        session,
        issue,
        to,
        links=links(current_runtime()),
        now=desk().now,
        signatory=current_runtime().signatory,
        rendering_id=rendering_id,
    )

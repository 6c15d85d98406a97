"""The part of the story that the editor plays: over HTTP, by the forms of the desk, once let in."""

from collections.abc import Sequence
from email.message import EmailMessage
from types import TracebackType
from typing import Self

from digest.cli.proof import both_parts, expect
from digest.cli.visitor import Form, Page, Visitor
from digest.models import Issue, Story
from digest.prose import curly

# Put behind the headline that the article has.
AFTERTHOUGHT = ", and what came of it"


class EditorAtTheDesk:
    """Signs in by the demo's link, good once, and changes issues by what stands on their pages."""

    def __init__(self, url: str, desk_path: str) -> None:
        self._browser = Visitor(url)
        self._path = desk_path

    def __enter__(self) -> Self:
        self._browser.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._browser.__exit__(kind, error, traceback)

    def signs_in(self) -> None:
        """Press the button behind the link.

        Raises:
            StoryError: the link did not let the editor in, or lets in a second time.
        """
        door = self._browser.open(self._path)
        expect(bool(door.forms), "a button behind the link to the desk", f"a page {door.status}")
        answer = self._browser.send(door, door.forms[0])
        expect(answer.status == 303, "303 to whoever presses it first", str(answer.status))
        again = self._browser.send(door, door.forms[0])
        expect(again.status == 410, "410 to whoever presses it again", str(again.status))
        week = self._browser.open("/desk/")
        expect(week.status == 200, "This week at /desk/", f"{week.status}, “{week.heading}”")

    def swaps_second_and_third(self, issue: Issue) -> None:
        """Move the second story down by its button."""
        second = issue.stories[1]
        page = self._open(issue)
        self._press(page, self._form(page, second, "action"), action="down")

    def changes_headline(self, issue: Issue, story: Story) -> str:
        """Write another headline for this issue only; return it."""
        headline = story.article.title + AFTERTHOUGHT
        page = self._open(issue)
        form = self._form(page, story, "headline")
        self._press(page, form, action="words", headline=headline)
        return headline

    def _open(self, issue: Issue) -> Page:
        page = self._browser.open(f"/desk/issues/{issue.id}")
        expect(page.status == 200, "the issue at the desk", f"{page.status}, “{page.heading}”")
        return page

    def _form(self, page: Page, story: Story, field: str) -> Form:
        end = f"/stories/{story.article_id}"
        found = [
            each
            for each in page.forms
            if each.action.partition("?")[0].endswith(end) and field in each.names
        ]
        expect(bool(found), f"a form with “{field}” for “{story.article.title}”", "none")
        return found[0]

    def _press(self, page: Page, form: Form, **typed: str) -> None:
        answer = self._browser.send(page, form, **typed)
        expect(answer.status == 303, "303 to what the editor changed", str(answer.status))


def expect_order(message: EmailMessage, headlines: Sequence[str]) -> None:
    """Expect both parts of a mail to hold headlines in this order.

    Raises:
        StoryError: they do not.
    """
    for part, name in zip(both_parts(message), ("text", "HTML"), strict=True):
        shown, after = " ".join(part.split()).casefold(), 0
        for headline in headlines:
            at = shown.find(" ".join(curly(headline).split()).casefold(), after)
            expect(at >= 0, f"“{headline}” in its place in the {name} part", "it is not there")
            after = at + 1

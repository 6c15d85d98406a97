"""Two editors at once, in every order: nothing typed is missing from the history."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digest.errors import RefusedError
from digest.models import Issue, IssueState, Newsletter, StoryRole
from digest.newsroom.issues.editing import bring_back, edit_issue, edit_story
from digest.newsroom.issues.history import Editor, list_changes
from digest.newsroom.issues.ordering import (
    drop_story,
    pick_article,
    place_story,
    set_role,
    shift_story,
)
from tests.factories import NOW, make_issue
from tests.newsroom.issues.conftest import SLUGS, Shared

IN_AT_FIRST = 4

# Few places and few fields, so that the two meet.
place = st.integers(0, len(SLUGS) - 1)
step = st.one_of(
    st.tuples(st.just("issue"), st.sampled_from(["subject", "note"])),
    st.tuples(st.just("story"), place, st.sampled_from(["headline", "section"])),
    st.tuples(st.just("pick"), place),
    st.tuples(st.just("drop"), place),
    st.tuples(st.just("place"), place, st.integers(-1, 7)),
    st.tuples(st.just("shift"), place, st.sampled_from([-1, 1])),
    st.tuples(st.just("role"), place, st.sampled_from(list(StoryRole))),
    st.tuples(st.just("back"), st.integers(0, 30)),
    # The editor loads the page again, and knows all that was done.
    st.tuples(st.just("look")),
)


class Table:
    """An issue at which two editors work, each with a page of their own that may be stale."""

    def __init__(self, session: Any, newsletter: Newsletter, articles: list[int]) -> None:
        self.session, self.articles = session, articles
        self.issue = make_issue(session, newsletter, [], IssueState.DRAFT, occurrence_on=None)
        self.issue.composed_at = NOW
        for article in articles[:IN_AT_FIRST]:
            pick_article(session, self.issue, article, Editor("Digest’s rule"), NOW)
        self.seen = [self.issue.version] * 2
        self.typed: set[str] = set()

    def act(self, who: int, what: tuple[Any, ...], number: int) -> None:
        by = Editor(("Imara", "Joss")[who])
        text = f"{by.name} {number}"
        at: dict[str, Any] = {"version": self.seen[who]}
        try:
            match what:
                case ("issue", name):
                    self.typed.add(text)
                    edit_issue(self.session, self.issue, {name: text}, by, NOW, **at)
                case ("story", slug, name):
                    edit_story(
                        self.session, self.issue, self.articles[slug], {name: text}, by, NOW, **at
                    )
                    self.typed.add(text)
                case ("pick", slug):
                    pick_article(self.session, self.issue, self.articles[slug], by, NOW)
                case ("drop", slug):
                    drop_story(self.session, self.issue, self.articles[slug], by, NOW)
                case ("place", slug, to):
                    place_story(self.session, self.issue, self.articles[slug], to, by, NOW)
                case ("shift", slug, steps):
                    shift_story(self.session, self.issue, self.articles[slug], steps, by, NOW)
                case ("role", slug, role):
                    set_role(self.session, self.issue, self.articles[slug], role, by, NOW)
                case ("back", which):
                    changes = list_changes(self.session, self.issue, 100)
                    change = changes[which % len(changes)]
                    bring_back(self.session, self.issue, change.id, by, NOW, **at)
                case _:
                    self.seen[who] = self.issue.version
        except RefusedError:
            # A person is told so, and nothing was changed; a story that never was in has no text.
            pass

    def holds(self) -> None:
        self.session.expire_all()
        stories = self.issue.stories
        assert [story.position for story in stories] == list(range(1, len(stories) + 1))
        leads = [story for story in stories if story.role is StoryRole.LEAD]
        assert len(leads) <= 1
        assert not leads or leads[0] is stories[0]
        history = list_changes(self.session, self.issue, 1000)
        assert self.typed <= {change.after for change in history}
        # What stands in the issue is what the history says of it.
        for name in ("subject", "note"):
            told = [each.after for each in history if each.field == name and each.taken]
            assert getattr(self.issue, name) == (told[0] if told else None)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=st.lists(st.tuples(st.integers(0, 1), step), max_size=25))
def test_whatever_two_editors_do_no_text_is_missing(
    shared: Shared, steps: list[tuple[int, tuple[Any, ...]]]
) -> None:
    with shared.database.reading() as session:
        newsletter = session.get_one(Newsletter, shared.newsletter_id)
        table = Table(session, newsletter, shared.articles)
        for number, (who, what) in enumerate(steps):
            table.act(who, what, number)
            table.holds()
        assert session.get(Issue, table.issue.id) is not None

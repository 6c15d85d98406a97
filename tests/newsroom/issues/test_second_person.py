"""Where a second person is asked for: whoever wrote never approves, and every edit voids."""

import dataclasses
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from digest.database.transactions import Database
from digest.desk.audit import OPERATOR
from digest.desk.users import Granted, create_user
from digest.errors import FieldError, RefusedError
from digest.models import Approval, Issue, IssueState, Newsletter, Role, StoryRole
from digest.newsroom.finding import values_of
from digest.newsroom.issues.approving import BY_ITSELF, approval_of, approve
from digest.newsroom.issues.composing import compose
from digest.newsroom.issues.editing import bring_back, edit_issue, edit_story
from digest.newsroom.issues.history import Editor, list_changes
from digest.newsroom.issues.moving import move
from digest.newsroom.issues.ordering import drop_story, pick_article, set_role, shift_story
from digest.newsroom.issues.scheduling import schedule, send_now
from digest.newsroom.newsletters import edit_newsletter
from tests.factories import NOW, make_article, make_issue, make_newsletter
from tests.newsroom.issues.conftest import Shared

place = st.integers(0, 4)
edit = st.one_of(
    st.tuples(st.just("note")),
    st.tuples(st.just("headline"), place),
    st.tuples(st.just("pick"), place),
    st.tuples(st.just("drop"), place),
    st.tuples(st.just("shift"), place),
    st.tuples(st.just("role"), place, st.sampled_from(list(StoryRole))),
    st.tuples(st.just("back"), st.integers(0, 20)),
    st.tuples(st.just("compose")),
)
approval = st.sampled_from([("approve",), ("look",), ("send",)])
step = st.tuples(st.integers(0, 1), st.one_of(edit, approval, approval))


def make_users(session: Session, *names: str) -> list[Editor]:
    made = [
        create_user(
            session, OPERATOR, f"{name.lower()}@example.org", name, [Granted(Role.OWNER)], now=NOW
        )
        for name in names
    ]
    return [Editor(each.name, each.id) for each in made]


class Desk:
    """An issue, and two users who edit it and try to approve it, each as they last saw it."""

    def __init__(self, session: Session, newsletter: Newsletter, articles: Sequence[int]) -> None:
        self.session, self.articles = session, articles
        newsletter.approval = Approval.SECOND_PERSON
        self.issue = make_issue(session, newsletter, [], IssueState.DRAFT, occurrence_on=None)
        compose(session, self.issue, NOW)
        self.users = make_users(session, "Imara", "Joss")
        self.seen = [self.issue.version] * 2
        self.wrote: set[int | None] = set()

    def act(self, who: int, what: tuple[Any, ...], number: int) -> None:
        issue, by = self.issue, self.users[who]
        before = issue.version
        try:
            match what:
                case ("look",):
                    self.seen[who] = issue.version
                case ("approve" | "send",):
                    self._approve(who, by, what[0])
                case _:
                    self._edit(by, what, number)
        except RefusedError:
            assert issue.version == before
            return
        if issue.version != before:
            self.wrote.add(by.user_id)
            assert issue.approved_at is None, "every edit voids"
            assert issue.state is IssueState.DRAFT

    def _approve(self, who: int, by: Editor, what: str) -> None:
        if what == "send" and self.issue.approved_at is None:
            send_now(self.session, self.issue, by.name, NOW, user_id=by.user_id)
        elif what == "approve":
            seen = self.seen[who]
            approve(self.session, self.issue, by.name, NOW, version=seen, user_id=by.user_id)
            assert seen == self.issue.version
        else:
            return
        assert by.user_id not in self.wrote
        told = approval_of(self.session, self.issue)
        assert told is not None
        assert (told.version, told.user_id) == (self.issue.version, by.user_id)

    def _edit(self, by: Editor, what: tuple[Any, ...], number: int) -> None:
        session, issue = self.session, self.issue
        match what:
            case ("note",):
                edit_issue(session, issue, {"note": f"{by.name} {number}"}, by, NOW)
            case ("headline", slug):
                texts = {"headline": f"{by.name} {number}"}
                edit_story(session, issue, self.articles[slug], texts, by, NOW)
            case ("pick", slug):
                pick_article(session, issue, self.articles[slug], by, NOW)
            case ("drop", slug):
                drop_story(session, issue, self.articles[slug], by, NOW)
            case ("shift", slug):
                shift_story(session, issue, self.articles[slug], 1, by, NOW)
            case ("role", slug, role):
                set_role(session, issue, self.articles[slug], role, by, NOW)
            case ("back", which):
                changes = list_changes(session, issue, 100)
                bring_back(session, issue, changes[which % len(changes)].id, by, NOW)
            case _:
                compose(session, issue, NOW, again=True, asked_by=by)

    def holds(self) -> None:
        self.session.expire_all()
        approved = self.issue.approved_at is not None
        assert (self.issue.state is IssueState.SCHEDULED) == approved
        told = approval_of(self.session, self.issue)
        assert (told is not None) == approved
        if told is not None:
            assert told.user_id not in self.wrote, "nobody approves what they wrote in"
            assert told.version == self.issue.version, "what stands is what was looked at"


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=st.lists(step, min_size=1, max_size=20))
def test_nobody_approves_what_they_wrote_in_and_every_edit_voids(
    shared: Shared, steps: list[tuple[int, tuple[Any, ...]]]
) -> None:
    with shared.database.reading() as session:
        desk = Desk(session, session.get_one(Newsletter, shared.newsletter_id), shared.articles)
        for number, (who, what) in enumerate(steps):
            desk.act(who, what, number)
            desk.holds()


def add_draft(database: Database, approval: Approval) -> tuple[int, list[Editor]]:
    with database.transaction() as session:
        newsletter = make_newsletter(session, approval=approval)
        articles = [make_article(session, slug) for slug in ("port", "cold", "roofs")]
        issue = make_issue(session, newsletter, articles, IssueState.DRAFT)
        return issue.id, make_users(session, "Imara", "Joss")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_operator_may_override_and_everybody_reads_why(database: Database) -> None:
    issue_id, [imara, joss] = add_draft(database, Approval.SECOND_PERSON)
    with database.transaction() as session:
        issue = session.get_one(Issue, issue_id)
        edit_issue(session, issue, {"note": "Good morning."}, imara, NOW)
        for by in (imara, Editor("root")):
            with pytest.raises(RefusedError, match="second person"):
                approve(session, issue, by.name, NOW, user_id=by.user_id)
            with pytest.raises(RefusedError, match="second person"):
                send_now(session, issue, by.name, NOW, user_id=by.user_id)
        for reason in ("", "  ", "r" * 301):
            with pytest.raises(FieldError, match="Say why"):
                approve(session, issue, "root", NOW, override=reason)
        approve(session, issue, "root", NOW, override="Joss is\n ill")
        told = approval_of(session, issue)
        assert told is not None
        assert (told.by, told.words) == (
            "root", "Version 1 is approved without a second person. The reason: Joss is ill.",
        )  # fmt: skip
        edit_issue(session, issue, {"note": "Good evening."}, imara, NOW)
        assert approval_of(session, issue) is None
        assert list_changes(session, issue, 1)[0].words == (
            "What root approved was changed, so that is void. It has to be approved again."
        )
        approve(session, issue, joss.name, NOW, user_id=joss.user_id)
        assert (issue.state, issue.approved_by) == (IssueState.SCHEDULED, "Joss")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_where_nobody_asks_for_a_second_person_there_is_nothing_to_override(
    database: Database,
) -> None:
    issue_id, [imara, _] = add_draft(database, Approval.REQUIRED)
    with database.transaction() as session:
        issue = session.get_one(Issue, issue_id)
        edit_issue(session, issue, {"note": "Good morning."}, imara, NOW)
        with pytest.raises(RefusedError, match="nothing to override"):
            approve(session, issue, "root", NOW, override="Because.")
        approve(session, issue, imara.name, NOW, user_id=imara.user_id)
        assert issue.state is IssueState.SCHEDULED


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_stricter_policy_voids_what_it_would_not_have_allowed(database: Database) -> None:
    issue_id, [imara, joss] = add_draft(database, Approval.AUTOMATIC)
    with database.transaction() as session:
        issue = session.get_one(Issue, issue_id)
        edit_issue(session, issue, {"note": "Good morning."}, imara, NOW)

        def becomes(approval: Approval) -> IssueState:
            values = dataclasses.replace(values_of(issue.newsletter), approval=approval)
            edit_newsletter(session, issue.newsletter, values, NOW)
            return issue.state

        approve(session, issue, BY_ITSELF, NOW)
        assert becomes(Approval.REQUIRED) is IssueState.DRAFT
        approve(session, issue, imara.name, NOW, user_id=imara.user_id)
        assert becomes(Approval.SECOND_PERSON) is IssueState.DRAFT
        assert list_changes(session, issue, 1)[0].words == (
            "The newsletter’s approval is stricter now: what Imara did is void."
        )
        approve(session, issue, joss.name, NOW, user_id=joss.user_id)
        assert becomes(Approval.REQUIRED) is IssueState.SCHEDULED
        assert becomes(Approval.SECOND_PERSON) is IssueState.SCHEDULED
        becomes(Approval.AUTOMATIC)
        edit_issue(session, issue, {"note": "Good evening."}, imara, NOW)
        assert (issue.state, issue.approved_at) == (IssueState.SCHEDULED, None)
        assert becomes(Approval.REQUIRED) is IssueState.DRAFT
        # One that is held comes back as approved, so it is asked just so.
        approve(session, issue, imara.name, NOW, user_id=imara.user_id)
        move(session, issue, IssueState.HELD, reason="It was due long ago.")
        assert becomes(Approval.SECOND_PERSON) is IssueState.HELD
        with pytest.raises(RefusedError, match="second person"):
            send_now(session, issue, imara.name, NOW, user_id=imara.user_id)
        schedule(session, issue, NOW + timedelta(1), NOW)
        assert (issue.state, issue.approved_at) == (IssueState.DRAFT, None)

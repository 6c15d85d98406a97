"""Withdrawn stories leave the issues that wait, and the next best takes their place."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from digest.database.transactions import Database
from digest.delivery.ledger.freezing import prepare
from digest.models import (
    Approval,
    Article,
    Issue,
    IssueState,
    LeftOut,
    Newsletter,
    Notice,
    NoticeKind,
    Story,
    StoryRole,
)
from digest.newsroom.issues.agenda import keep_agenda
from digest.newsroom.issues.approving import approve
from digest.newsroom.issues.composing import compose
from digest.newsroom.issues.replacing import remove
from tests.factories import NOW, make_article, make_issue, make_newsletter
from tests.newsroom.intake.test_fetching_sources import at_once
from tests.newsroom.issues.test_composing import SLUGS, make_articles, picture

# A Saturday at seven in London.
SEND_AT = datetime(2026, 11, 21, 7, 0, tzinfo=UTC)
LATE = timedelta(hours=12)
TEN_MINUTES_BEFORE = SEND_AT - timedelta(minutes=10)


class Draft:
    """A composed issue of four stories, and two more articles that could be in it."""

    def __init__(self, database: Database, **newsletter: Any) -> None:
        self.database = database
        with database.transaction() as session:
            made = make_newsletter(
                session, story_count=4, calendar_since=SEND_AT + timedelta(hours=1), **newsletter
            )
            make_articles(session, *SLUGS[:6])
            issue = make_issue(
                session, made, [], IssueState.DRAFT, send_at=SEND_AT,
                compose_at=SEND_AT - timedelta(days=1),
                closes_at=SEND_AT - timedelta(hours=1),
            )  # fmt: skip
            compose(session, issue, NOW)
            self.id = issue.id

    def change(self, act: Callable[[Session, Issue], object]) -> None:
        with self.database.transaction() as session:
            act(session, session.get_one(Issue, self.id))

    def withdraw(self, *slugs: str) -> None:
        """As asking the page does."""
        with self.database.transaction() as session:
            for slug in slugs:
                self._article(session, slug).withdrawn_at = TEN_MINUTES_BEFORE

    def remove(self, *slugs: str) -> list[str]:
        with self.database.transaction() as session:
            articles = [self._article(session, slug) for slug in slugs]
            changed = remove(session, articles, "Imara", NOW)
            return [str(issue.state) for issue, _ in changed]

    def tick(self, now: datetime = TEN_MINUTES_BEFORE) -> None:
        keep_agenda(self.database, now, late=LATE)

    def stories(self) -> list[tuple[str, str]]:
        with self.database.reading() as session:
            found = session.scalars(
                select(Story).where(Story.issue_id == self.id).order_by(Story.position)
            ).all()
            assert [story.position for story in found] == list(range(1, len(found) + 1))
            return [(slug_of(story.article), str(story.role)) for story in found]

    def issue(self) -> Issue:
        with self.database.reading() as session:
            return session.get_one(Issue, self.id)

    def notices(self) -> list[str]:
        with self.database.reading() as session:
            return [str(kind) for kind in session.scalars(select(Notice.kind).order_by(Notice.id))]

    def _article(self, session: Session, slug: str) -> Article:
        ends = Article.url.endswith(f"/{slug}")
        return session.scalars(select(Article).where(ends)).one()


def slug_of(article: Article) -> str:
    return article.url.rpartition("/")[2]


@pytest.fixture
def draft(database: Database) -> Draft:
    return Draft(database)


FOUR = [("port", "lead"), ("cold", "story"), ("roofs", "story"), ("bat", "story")]


def test_what_the_rule_picked_is_replaced_by_the_next_best(draft: Draft) -> None:
    assert draft.stories() == FOUR
    draft.withdraw("cold")
    draft.tick()

    assert [slug for slug, _ in draft.stories()] == ["port", "roofs", "bat", "ledgers"]
    assert [role for _, role in draft.stories()] == [role for _, role in FOUR]
    with draft.database.reading() as session:
        last = session.scalars(
            select(Story).where(Story.issue_id == draft.id).order_by(Story.position.desc())
        ).first()
        assert last is not None
        assert last.why.endswith("It takes the place of “The story of the cold”.")
    assert draft.issue().state is IssueState.SCHEDULED, "approved at its close, as ever"
    assert draft.notices() == []


def test_it_is_what_composing_anew_would_have_made_of_it(database: Database) -> None:
    draft = Draft(database)
    with database.transaction() as session:
        # A large picture, so that there is a question who leads.
        draft._article(session, "bat").lead_image = picture(session)
        draft._article(session, "port").withdrawn_at = NOW
    draft.change(lambda session, issue: compose(session, issue, NOW, again=True))
    anew = draft.stories()
    with database.transaction() as session:
        draft._article(session, "port").withdrawn_at = None
        draft._article(session, "bat").lead_image = None
    draft.change(lambda session, issue: compose(session, issue, NOW, again=True))
    assert draft.stories() == FOUR
    with database.transaction() as session:
        draft._article(session, "bat").lead_image = "a" * 64
    draft.withdraw("port")
    draft.tick()
    assert draft.stories() == anew
    assert anew[0] == ("bat", "lead")


def test_of_several_all_are_replaced_while_there_are_others(draft: Draft) -> None:
    draft.withdraw("port", "bat", "roofs")
    draft.tick()
    assert [slug for slug, _ in draft.stories()] == ["cold", "ledgers", "librarian"]
    assert draft.stories()[0] == ("cold", "lead")
    assert draft.notices() == [NoticeKind.STORY_WITHDRAWN], "one was not replaced"


def test_a_replacement_that_is_withdrawn_in_turn_is_replaced(draft: Draft) -> None:
    draft.withdraw("cold")
    draft.tick()
    draft.withdraw("ledgers")
    draft.tick()
    assert [slug for slug, _ in draft.stories()] == ["port", "roofs", "bat", "librarian"]


@pytest.mark.parametrize("touch", ["picked_by", "blurb"])
def test_what_a_person_picked_or_wrote_is_left_out_and_the_editor_is_told_once(
    draft: Draft, touch: str
) -> None:
    draft.change(lambda _, issue: setattr(issue.stories[1], touch, "Imara"))
    draft.withdraw("cold")
    draft.tick()
    draft.tick()

    assert draft.stories() == [("port", "lead"), ("roofs", "story"), ("bat", "story")]
    assert draft.notices() == [NoticeKind.STORY_WITHDRAWN]
    with draft.database.reading() as session:
        [left_out] = session.scalars(select(LeftOut))
        assert (left_out.title, left_out.by_hand) == ("The story of the cold", True)


def test_beside_what_a_person_set_the_new_story_stands_where_the_old_one_stood(
    draft: Draft,
) -> None:
    def set_one(_: Session, issue: Issue) -> None:
        issue.stories[1].role, issue.stories[1].picked_by = StoryRole.BRIEF, "Imara"

    draft.change(set_one)
    draft.withdraw("roofs")
    draft.tick()
    assert draft.stories() == [
        ("port", "lead"), ("cold", "brief"), ("ledgers", "story"), ("bat", "story")
    ]  # fmt: skip


def test_a_lead_that_a_person_picked_hands_over_to_the_next(draft: Draft) -> None:
    draft.change(lambda _, issue: setattr(issue.stories[0], "picked_by", "Imara"))
    draft.withdraw("port")
    draft.tick()
    assert draft.stories() == [("cold", "lead"), ("roofs", "story"), ("bat", "story")]


def test_a_lead_that_is_withdrawn_makes_way_for_one_lead_only(draft: Draft) -> None:
    def pick_two(_: Session, issue: Issue) -> None:
        issue.stories[3].picked_by = "Imara"

    with draft.database.transaction() as session:
        draft._article(session, "ledgers").lead_image = picture(session)
    draft.change(pick_two)
    draft.withdraw("port")
    draft.tick()
    assert draft.stories() == [
        ("ledgers", "lead"), ("cold", "story"), ("roofs", "story"), ("bat", "story")
    ]  # fmt: skip


def test_where_approval_is_required_nothing_goes_out_that_nobody_approved(
    database: Database,
) -> None:
    draft = Draft(database, approval=Approval.REQUIRED)
    draft.change(lambda session, issue: approve(session, issue, "Imara", NOW))
    draft.withdraw("cold")
    draft.tick()
    assert [slug for slug, _ in draft.stories()] == ["port", "roofs", "bat"]
    assert draft.notices() == [NoticeKind.STORY_WITHDRAWN]
    assert draft.issue().state is IssueState.SCHEDULED


def test_with_too_few_left_it_is_held_and_says_why(draft: Draft) -> None:
    def pick_all(_: Session, issue: Issue) -> None:
        for story in issue.stories:
            story.picked_by = "Imara"

    draft.change(pick_all)
    draft.withdraw("port", "cold")
    draft.tick()
    draft.tick()
    issue = draft.issue()
    assert issue.state is IssueState.HELD
    assert issue.reason == (
        "“The story of the port” and “The story of the cold” were withdrawn. Now only 2 stories "
        "are left, and it needs at least 3."
    )
    assert draft.notices() == [NoticeKind.HELD], "which says it all"


def test_removing_takes_out_at_once_and_tells_nobody_else(draft: Draft) -> None:
    assert draft.remove("cold") == ["draft"]
    assert [slug for slug, _ in draft.stories()] == ["port", "roofs", "bat", "ledgers"]
    draft.tick(NOW + timedelta(minutes=1))
    assert draft.notices() == []
    draft.change(lambda session, issue: compose(session, issue, NOW, again=True))
    assert "cold" not in dict(draft.stories())


def test_of_several_that_are_removed_none_takes_the_place_of_another(draft: Draft) -> None:
    assert draft.remove("cold", "ledgers") == ["draft"]
    assert [slug for slug, _ in draft.stories()] == ["port", "roofs", "bat", "librarian"]
    with draft.database.reading() as session:
        assert [each.title for each in session.scalars(select(LeftOut))] == [
            "The story of the cold"
        ]


def test_what_has_gone_out_stays_as_it_is(database: Database) -> None:
    with database.transaction() as session:
        newsletter = make_newsletter(session)
        article = make_article(session, "port")
        issue = make_issue(session, newsletter, [article], IssueState.SENT, number=1)
        assert remove(session, [article], "Imara", NOW) == []
        assert len(issue.stories) == 1


def test_hidden_ones_and_those_of_a_retired_source_are_not_picked(database: Database) -> None:
    draft = Draft(database)
    with database.transaction() as session:
        draft._article(session, "ledgers").hidden_at = NOW
    draft.withdraw("cold")
    draft.tick()
    assert [slug for slug, _ in draft.stories()] == ["port", "roofs", "bat", "librarian"]


def test_two_ticks_at_once_replace_it_once(draft: Draft) -> None:
    draft.withdraw("cold")
    at_once(2, draft.tick)
    draft.tick()
    assert [slug for slug, _ in draft.stories()] == ["port", "roofs", "bat", "ledgers"]
    with draft.database.reading() as session:
        assert len(session.scalars(select(LeftOut)).all()) == 1


def test_a_held_issue_is_seen_to_as_well(draft: Draft) -> None:
    def hold(_: Session, issue: Issue) -> None:
        issue.state, issue.reason = IssueState.HELD, "A person held it."

    draft.change(hold)
    draft.withdraw("cold")
    draft.tick()
    assert [slug for slug, _ in draft.stories()] == ["port", "roofs", "bat", "ledgers"]
    assert (draft.issue().state, draft.issue().reason) == (IssueState.HELD, "A person held it.")


def test_of_a_held_issue_too_its_editor_is_told_what_nothing_took_the_place_of(
    draft: Draft,
) -> None:
    def hold(_: Session, issue: Issue) -> None:
        issue.state, issue.reason = IssueState.HELD, "A person held it."
        issue.stories[1].picked_by = "Imara"

    draft.change(hold)
    draft.tick(NOW)
    draft.withdraw("cold")
    draft.tick()
    draft.tick()
    assert draft.notices() == [NoticeKind.HELD, NoticeKind.STORY_WITHDRAWN]


def test_another_newsletters_issue_keeps_its_own(draft: Draft) -> None:
    with draft.database.transaction() as session:
        other = make_newsletter(session, "brief", calendar_since=SEND_AT + timedelta(hours=1))
        make_issue(
            session, other, [draft._article(session, "port")], IssueState.DRAFT, composed_at=NOW
        )
        assert session.get_one(Newsletter, other.id).story_min == 3
    draft.withdraw("cold")
    draft.tick(NOW - timedelta(hours=2))
    with draft.database.reading() as session:
        other_issue = session.scalars(
            select(Issue).join(Newsletter).where(Newsletter.slug == "brief")
        ).one()
        assert [slug_of(story.article) for story in other_issue.stories] == ["port"]


def test_what_is_being_frozen_just_now_goes_out_and_is_only_marked(database: Database) -> None:
    with database.transaction() as session:
        articles = [make_article(session, slug) for slug in ("port", "cold", "roofs")]
        issue_id = make_issue(session, make_newsletter(session), articles).id
        port = articles[0].id
    freezing, removed = threading.Event(), []

    def hold(*arguments: Any) -> None:
        if arguments[2].startswith("INSERT INTO rendering"):
            freezing.set()
            time.sleep(0.3)

    event.listen(database.engine, "before_cursor_execute", hold)

    def take_back() -> None:
        freezing.wait(10)
        with database.transaction() as session:
            removed.extend(remove(session, [session.get_one(Article, port)], "Imara", NOW))

    person = threading.Thread(target=take_back)
    person.start()
    assert prepare(database, issue_id, now=NOW, public_url="http://x.example", inbound_domain=None)
    person.join()
    assert removed == []
    with database.reading() as session:
        frozen = session.get_one(Issue, issue_id)
        assert (frozen.state, len(frozen.stories)) == (IssueState.FROZEN, 3)
        assert session.get_one(Article, port).withdrawn_by == "Imara"

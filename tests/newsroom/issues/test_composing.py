import threading
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from digest.database.transactions import Database
from digest.errors import RefusedError
from digest.models import (
    Article,
    Delivery,
    DeliveryState,
    Issue,
    IssueState,
    Media,
    Newsletter,
    Source,
    Story,
    StoryRole,
)
from digest.newsroom.issues.composing import compose, create_issue, create_special, pick, roles
from tests.factories import NOW, make_article, make_issue, make_newsletter

SATURDAY = date(2026, 11, 21)
SLUGS = ("port", "cold", "roofs", "bat", "ledgers", "librarian", "tunnels", "lighthouse")


def make_articles(session: Session, *slugs: str, **changes: object) -> list[Article]:
    """Add articles of a section each, every one an hour older than the one before."""
    made = []
    for hours, slug in enumerate(slugs, start=1):
        seen = NOW - timedelta(hours=hours)
        values: dict[str, object] = {"section": slug.title()}
        values |= {"published_at": seen, "first_seen_at": seen}
        made.append(make_article(session, slug, **(values | changes)))
    return made


def draft(session: Session, story_count: int = 8) -> Issue:
    newsletter = make_newsletter(session, story_count=story_count)
    return create_issue(session, newsletter, SATURDAY, NOW)


def slugs_of(issue: Issue) -> list[str]:
    return [story.article.url.rpartition("/")[2] for story in issue.stories]


def picture(session: Session, key: str = "a" * 64) -> str:
    session.add(
        Media(hash=key, content_type="image/png", width=1, height=1, content=b"", created_at=NOW)
    )
    session.flush()
    return key


# Making an issue.


def test_an_issue_has_the_moments_of_its_slot(database: Database) -> None:
    with database.transaction() as session:
        issue = draft(session)

    assert issue.send_at == datetime(2026, 11, 21, 7, 0, tzinfo=UTC)
    assert issue.compose_at == datetime(2026, 11, 20, 7, 0, tzinfo=UTC)
    assert issue.closes_at == datetime(2026, 11, 21, 6, 0, tzinfo=UTC)
    assert (issue.occurrence_on, issue.dateline) == (SATURDAY, SATURDAY)
    assert (issue.state, issue.number) == (IssueState.DRAFT, None)


def test_the_issue_of_a_date_is_made_once(database: Database) -> None:
    with database.transaction() as session:
        one = draft(session)
    with database.transaction() as session:
        newsletter = session.scalars(select(Newsletter)).one()
        other = create_issue(session, newsletter, SATURDAY, NOW)

    assert one.id == other.id


def test_two_ticks_at_once_make_one_issue(database: Database) -> None:
    with database.transaction() as session:
        newsletter_id = make_newsletter(session).id
    together = threading.Barrier(4)
    made: list[int] = []

    def tick() -> None:
        together.wait()
        with database.transaction() as session:
            newsletter = session.get_one(Newsletter, newsletter_id)
            made.append(create_issue(session, newsletter, SATURDAY, NOW).id)

    threads = [threading.Thread(target=tick) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(made) == 4
    assert len(set(made)) == 1
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Issue)) == 1


def test_special_editions_stand_outside_of_the_calendar(database: Database) -> None:
    with database.transaction() as session:
        regular = draft(session)
        newsletter = regular.newsletter
        moments = (regular.send_at, regular.send_at + timedelta(minutes=1))
        specials = [create_special(session, newsletter, at, NOW) for at in moments]

    assert [special.occurrence_on for special in specials] == [None, None]
    assert [special.dateline for special in specials] == [SATURDAY, SATURDAY]


def test_a_special_edition_in_the_past_is_refused(database: Database) -> None:
    with database.transaction() as session:
        newsletter = make_newsletter(session)
        with pytest.raises(RefusedError, match="passed"):
            create_special(session, newsletter, NOW - timedelta(hours=1), NOW)


# Picking its stories.


def test_stories_are_picked_freshest_first_and_each_says_why(database: Database) -> None:
    with database.transaction() as session:
        make_articles(session, *reversed(SLUGS))
        issue = draft(session)
        compose(session, issue, NOW)

    with database.reading() as session:
        kept = session.get_one(Issue, issue.id)
        assert slugs_of(kept) == list(reversed(SLUGS))
        assert [story.position for story in kept.stories] == [1, 2, 3, 4, 5, 6, 7, 8]
        assert [story.role for story in kept.stories] == [
            StoryRole.LEAD,
            *[StoryRole.STORY] * 3,
            *[StoryRole.BRIEF] * 4,
        ]
        assert kept.composed_at == NOW
        assert kept.state is IssueState.DRAFT
        assert kept.stories[1].why == "Published 2 hours ago, the first from Tunnels."
        for story in kept.stories:
            assert story.why.endswith(".")
            assert story.title is None, "the words are copied when the issue is frozen"


def test_no_more_stories_than_the_newsletter_wants(database: Database) -> None:
    with database.transaction() as session:
        make_articles(session, *SLUGS)
        issue = draft(session, story_count=5)
        compose(session, issue, NOW)
        assert slugs_of(issue) == list(SLUGS[:5])


def test_the_lead_is_the_highest_placed_with_a_large_picture(database: Database) -> None:
    with database.transaction() as session:
        articles = make_articles(session, *SLUGS)
        articles[2].lead_image = articles[5].lead_image = picture(session)
        issue = draft(session)
        compose(session, issue, NOW)
        assert slugs_of(issue)[:4] == ["roofs", "port", "cold", "bat"]
        assert issue.stories[0].why.startswith("It leads: the highest placed with a large picture.")


def test_a_section_that_is_in_already_gives_way(database: Database) -> None:
    with database.transaction() as session:
        port, cold, _ = make_articles(session, "port", "cold", "roofs")
        port.section = cold.section = "World"
        issue = draft(session, story_count=3)
        compose(session, issue, NOW)
        assert slugs_of(issue) == ["port", "roofs", "cold"]
        assert issue.stories[2].why == "Published 2 hours ago, number 2 from World."


def test_a_sources_priority_counts_as_days(database: Database) -> None:
    with database.transaction() as session:
        source = Source(url="https://h.example/f", name="Wire", next_fetch_at=NOW, created_at=NOW)
        source.priority = -3
        session.add(source)
        session.flush()
        make_articles(session, "port", source_id=source.id)
        older = NOW - timedelta(days=2)
        make_articles(session, "cold", "bat", published_at=older, first_seen_at=older)
        issue = draft(session)
        compose(session, issue, NOW)
        assert slugs_of(issue) == ["bat", "cold", "port"]
        assert "Wire ranks behind other sources" in issue.stories[2].why


def test_composing_by_the_same_articles_gives_the_same_issue(database: Database) -> None:
    with database.transaction() as session:
        make_articles(session, *SLUGS)
        issue = draft(session)
        compose(session, issue, NOW)
        first = slugs_of(issue)
        compose(session, issue, NOW, again=True)
        assert slugs_of(issue) == first


def test_what_has_no_date_counts_from_when_it_was_first_seen_and_says_so(
    database: Database,
) -> None:
    with database.transaction() as session:
        make_articles(session, "port", "cold", "roofs", "bat")
        [undated] = make_articles(session, "lamp", published_at=None)
        undated.first_seen_at = NOW - timedelta(hours=2, minutes=30)
        make_articles(session, "sea", published_at=None, first_seen_at=NOW)
        issue = draft(session)
        compose(session, issue, NOW)
        assert slugs_of(issue) == ["sea", "port", "cold", "lamp", "roofs", "bat"]
        assert issue.stories[0].why.endswith(
            "Undated, first seen within the hour, the first from Sea."
        )
        assert issue.stories[3].why == "Undated, first seen 2 hours ago, the first from Lamp."
        assert "Published" not in issue.stories[0].why


# What may be in it.


def test_what_came_undated_with_a_first_fetch_is_never_picked(database: Database) -> None:
    with database.transaction() as session:
        make_articles(session, *SLUGS[:4], published_at=None, first_seen_at=NOW, backlog=True)
        make_articles(session, *SLUGS[4:])
        issue = draft(session)
        compose(session, issue, NOW)
        assert slugs_of(issue) == list(SLUGS[4:])


def test_essays_without_a_date_make_no_issue(database: Database) -> None:
    with database.transaction() as session:
        make_articles(session, *SLUGS, published_at=None, first_seen_at=NOW, backlog=True)
        issue = draft(session)
        compose(session, issue, NOW)
        assert issue.state is IssueState.SKIPPED
        assert "no new articles" in (issue.reason or "")


def test_what_was_first_seen_too_long_ago_is_too_old_without_a_date_too(
    database: Database,
) -> None:
    long_ago = NOW - timedelta(days=15)
    with database.transaction() as session:
        fresh = make_articles(session, "port", "cold", "roofs")
        make_articles(session, "bat", published_at=None, first_seen_at=long_ago)
        issue = draft(session)
        compose(session, issue, NOW)
        assert len(slugs_of(issue)) == len(fresh)


def test_an_article_that_the_newsletter_has_sent_never_comes_again(database: Database) -> None:
    with database.transaction() as session:
        articles = make_articles(session, *SLUGS)
        newsletter = make_newsletter(session)
        for state in (IssueState.FROZEN, IssueState.SENDING, IssueState.SENT, IssueState.PARKED):
            sent = articles.pop()
            make_issue(session, newsletter, [sent], state, occurrence_on=None, composed_at=NOW)
        issue = create_issue(session, newsletter, SATURDAY, NOW)
        compose(session, issue, NOW)
        assert slugs_of(issue) == list(SLUGS[:4])


def test_an_article_that_waits_in_another_issue_is_not_taken_twice(database: Database) -> None:
    with database.transaction() as session:
        articles = make_articles(session, *SLUGS)
        newsletter = make_newsletter(session)
        for state in (IssueState.DRAFT, IssueState.SCHEDULED, IssueState.HELD):
            make_issue(session, newsletter, [articles.pop()], state, occurrence_on=None)
        issue = create_issue(session, newsletter, SATURDAY, NOW)
        compose(session, issue, NOW)
        assert slugs_of(issue) == list(SLUGS[:5])


def test_what_another_newsletter_sent_may_come(database: Database) -> None:
    with database.transaction() as session:
        articles = make_articles(session, *SLUGS)
        another = make_newsletter(session, "another")
        make_issue(session, another, articles, IssueState.SENT)
        issue = draft(session)
        compose(session, issue, NOW)
        assert slugs_of(issue) == list(SLUGS)


@pytest.mark.parametrize("state", [IssueState.SKIPPED, IssueState.CANCELLED])
def test_an_issue_that_reached_nobody_gives_its_articles_back(
    database: Database, state: IssueState
) -> None:
    with database.transaction() as session:
        articles = make_articles(session, *SLUGS)
        newsletter = make_newsletter(session)
        make_issue(session, newsletter, articles[:3], state)
        issue = create_issue(session, newsletter, SATURDAY, NOW)
        compose(session, issue, NOW)
        assert slugs_of(issue) == list(SLUGS)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("state", "given_back"),
    [
        (DeliveryState.ACCEPTED, False),
        (DeliveryState.BOUNCED, False),
        (DeliveryState.IN_DOUBT, False),
        (DeliveryState.CANCELLED, True),
        (DeliveryState.FAILED, True),
    ],
)
def test_an_issue_that_was_cancelled_in_the_middle_keeps_what_somebody_got(
    database: Database, state: DeliveryState, given_back: bool
) -> None:
    with database.transaction() as session:
        articles = make_articles(session, *SLUGS)
        newsletter = make_newsletter(session)
        cancelled = make_issue(session, newsletter, articles[:3], IssueState.CANCELLED)
        session.add(
            Delivery(
                issue_id=cancelled.id,
                subscriber_id=1,
                rendering_id=1,
                state=state,
                released_at=NOW,
                next_attempt_at=NOW,
            )
        )
        issue = create_issue(session, newsletter, SATURDAY, NOW)
        compose(session, issue, NOW)
        assert ("port" in slugs_of(issue)) is given_back


def test_only_what_came_in_since_the_last_issue_was_composed(database: Database) -> None:
    with database.transaction() as session:
        articles = make_articles(session, *SLUGS)
        newsletter = make_newsletter(session)
        composed_at = NOW - timedelta(hours=5, minutes=30)
        make_issue(
            session,
            newsletter,
            [articles[-1]],
            IssueState.SENT,
            composed_at=composed_at,
            frozen_at=NOW - timedelta(hours=2),
        )
        issue = create_issue(session, newsletter, SATURDAY, NOW)
        compose(session, issue, NOW)
        assert slugs_of(issue) == list(SLUGS[:5])


def test_what_is_too_old_never_comes(database: Database) -> None:
    with database.transaction() as session:
        fresh = make_articles(session, "port", "cold", "roofs")
        make_articles(session, "bat", published_at=NOW - timedelta(days=15))
        issue = draft(session)
        compose(session, issue, NOW)
        assert len(slugs_of(issue)) == len(fresh)


# Too few.


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (0, "There were no new articles yet, and it needs at least 3."),
        (1, "There was only one new article yet, and it needs at least 3."),
        (2, "There were only 2 new articles yet, and it needs at least 3."),
    ],
)
def test_an_issue_with_too_few_stories_is_skipped_with_the_reason(
    database: Database, found: int, reason: str
) -> None:
    with database.transaction() as session:
        make_articles(session, *SLUGS[:found])
        issue = draft(session)
        compose(session, issue, NOW)

    with database.reading() as session:
        kept = session.get_one(Issue, issue.id)
        assert (kept.state, kept.reason) == (IssueState.SKIPPED, reason)
        assert session.scalar(select(func.count()).select_from(Story)) == 0


def test_a_skipped_issue_can_be_composed_when_more_has_come(database: Database) -> None:
    with database.transaction() as session:
        issue = draft(session)
        compose(session, issue, NOW)
        make_articles(session, *SLUGS[:3])
        compose(session, issue, NOW)
        assert (issue.state, issue.reason) == (IssueState.DRAFT, None)
        assert len(issue.stories) == 3


# When it may be done.


def test_composing_twice_by_mistake_is_refused_and_changes_nothing(database: Database) -> None:
    with database.transaction() as session:
        make_articles(session, *SLUGS)
        issue = draft(session)
        compose(session, issue, NOW)
        issue.stories[0].blurb = "The editor’s own words."
    with pytest.raises(RefusedError, match="already"), database.transaction() as session:
        compose(session, session.get_one(Issue, issue.id), NOW)

    with database.reading() as session:
        assert session.get_one(Issue, issue.id).stories[0].blurb == "The editor’s own words."


@pytest.mark.parametrize(
    "state",
    [state for state in IssueState if state not in (IssueState.DRAFT, IssueState.SKIPPED)],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_only_a_draft_is_composed(database: Database, state: IssueState) -> None:
    with database.transaction() as session:
        articles = make_articles(session, *SLUGS)
        issue = make_issue(session, make_newsletter(session), articles[:3], state, number=7)
        with pytest.raises(RefusedError, match=state):
            compose(session, issue, NOW, again=True)
        assert len(issue.stories) == 3


def test_what_was_cancelled_before_its_freeze_may_be_composed_after_all(
    database: Database,
) -> None:
    with database.transaction() as session:
        articles = make_articles(session, *SLUGS)
        issue = make_issue(
            session,
            make_newsletter(session),
            articles[:3],
            IssueState.CANCELLED,
            reason="imara cancelled it.",
            composed_at=NOW,
            approved_at=NOW,
            approved_by="imara",
        )
        compose(session, issue, NOW)
        assert slugs_of(issue) == list(SLUGS)
        assert (issue.state, issue.reason) == (IssueState.DRAFT, None)
        assert (issue.approved_at, issue.approved_by) == (None, None), "it is approved anew"


def test_two_who_compose_at_once_pick_once(database: Database) -> None:
    with database.transaction() as session:
        make_articles(session, *SLUGS)
        issue_id = draft(session).id
    together = threading.Barrier(2)
    refused: list[RefusedError] = []

    def composing() -> None:
        together.wait()
        try:
            with database.transaction() as session:
                compose(session, session.get_one(Issue, issue_id), NOW)
        except RefusedError as error:
            refused.append(error)

    threads = [threading.Thread(target=composing) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(refused) == 1
    with database.reading() as session:
        assert len(session.get_one(Issue, issue_id).stories) == 8


# The rule itself.


@given(st.integers(0, 40))
def test_every_number_of_stories_has_a_composed_layout(count: int) -> None:
    layout = roles(count)
    stories, briefs = layout.count(StoryRole.STORY), layout.count(StoryRole.BRIEF)

    assert len(layout) == count
    assert layout == sorted(layout, key=list(StoryRole).index)
    assert layout.count(StoryRole.LEAD) == min(count, 1)
    assert briefs != 1
    assert stories <= 4
    assert count < 3 or stories >= 2


ARTICLES = st.builds(
    Article,
    id=st.integers(1, 10**6),
    section=st.sampled_from([None, "World", "Science", "Work"]),
    published_at=st.none() | st.timedeltas(timedelta(0), timedelta(days=14)).map(NOW.__sub__),
    first_seen_at=st.timedeltas(timedelta(0), timedelta(days=14)).map(NOW.__sub__),
    lead_image=st.sampled_from([None, "a" * 64]),
)


@given(st.lists(ARTICLES, max_size=30, unique_by=lambda found: found.id), st.integers(1, 12))
def test_picks_are_as_many_as_there_can_be_each_once_the_lead_with_a_picture(
    candidates: list[Article], count: int
) -> None:
    picks = pick(candidates, count, NOW)
    picked = [found.article for found in picks]

    assert len(picked) == min(count, len(candidates))
    assert len({found.id for found in picked}) == len(picked)
    if any(found.lead_image for found in picked):
        assert picked[0].lead_image is not None
    for found in picks:
        assert 0 < len(found.why) <= 500

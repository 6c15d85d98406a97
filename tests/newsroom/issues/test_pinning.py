"""Pinning to a coming issue: it is in when that is composed, whatever happens to the issue."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from digest.database.transactions import Database
from digest.delivery.rendering.editor_view import view_for_editor
from digest.errors import NotFoundError, RefusedError
from digest.models import Article, Issue, IssueState, Newsletter, StoryRole
from digest.newsroom.issues.agenda import keep_agenda
from digest.newsroom.issues.approving import approve
from digest.newsroom.issues.composing import compose, create_special
from digest.newsroom.issues.filling import fill
from digest.newsroom.issues.history import Editor, list_changes
from digest.newsroom.issues.ordering import pick_article, set_role
from digest.newsroom.issues.pinning import (
    may_be_pinned_to,
    next_to_pin_to,
    pin,
    pinned_to,
    pins_of,
    unpin,
)
from digest.newsroom.issues.scheduling import schedule, send_now
from digest.newsroom.issues.skipping import issue_of, skip, take_up
from digest.preflight.stories import too_few, withdrawn
from tests.factories import make_article, make_newsletter

# Saturdays at seven in London, composed a day ahead.
SATURDAY, LATER = date(2026, 11, 14), date(2026, 11, 21)
SEND_AT = datetime(2026, 11, 14, 7, 0, tzinfo=UTC)
MONDAY = SEND_AT - timedelta(days=5)
DAY, WEEK = timedelta(days=1), timedelta(days=7)
IMARA = Editor("Imara")
LATE = timedelta(hours=12)
SLUGS = ("port", "cold", "roofs", "bat", "ledgers")


class House:
    """A newsletter of four stories, five articles of Monday, and an editor who pins."""

    def __init__(self, database: Database) -> None:
        self.database = database
        with database.transaction() as session:
            self.newsletter_id = make_newsletter(
                session, created_at=MONDAY, calendar_since=MONDAY, story_count=4
            ).id
            self.articles = {
                slug: make_article(
                    session,
                    slug,
                    title=slug,
                    section=slug,
                    first_seen_at=MONDAY - timedelta(hours=hours),
                    published_at=MONDAY - timedelta(hours=hours),
                ).id
                for hours, slug in enumerate(SLUGS)
            }

    def pin(self, slug: str, on: date = LATER) -> int:
        with self.database.transaction() as session:
            issue = self.issue_of(session, on)
            pin(session, issue, self.articles[slug], IMARA, MONDAY)
            return issue.id

    def issue_of(self, session: object, on: date) -> Issue:
        newsletter = session.get_one(Newsletter, self.newsletter_id)  # type: ignore[attr-defined]
        return issue_of(session, newsletter, on, MONDAY)  # type: ignore[arg-type]

    def mark(self, slug: str, **values: object) -> None:
        with self.database.transaction() as session:
            for name, value in values.items():
                setattr(session.get_one(Article, self.articles[slug]), name, value)

    def tick(self, at: datetime) -> None:
        keep_agenda(self.database, at, late=LATE)

    def stories(self, issue_id: int) -> list[str]:
        with self.database.reading() as session:
            stories = session.get_one(Issue, issue_id).stories
            return [f"{each.headline}{'*' * (each.role is StoryRole.LEAD)}" for each in stories]

    def history(self, issue_id: int) -> list[str]:
        with self.database.reading() as session:
            found = list_changes(session, session.get_one(Issue, issue_id), 20)
            return [change.words for change in reversed(found)]


@pytest.fixture
def house(database: Database) -> House:
    return House(database)


def test_what_is_pinned_is_in_that_issue_and_in_no_other(house: House) -> None:
    later = house.pin("port")
    assert house.pin("cold") == later
    house.tick(SEND_AT - timedelta(hours=24))
    with house.database.reading() as session:
        newsletter = session.get_one(Newsletter, house.newsletter_id)
        first = issue_of(session, newsletter, SATURDAY, MONDAY).id
        assert house.articles["cold"] in {
            story.article_id for story in pins_of(session.get_one(Issue, later))
        }
        waiting = may_be_pinned_to(session, newsletter, SEND_AT - timedelta(hours=24))
        assert [each.on for each in waiting][:2] == [LATER, LATER + WEEK], "the first is composed"
    assert house.stories(first) == ["roofs*", "bat", "ledgers"], "pinned elsewhere"
    house.mark("roofs", withdrawn_at=SEND_AT)
    with house.database.transaction() as session:
        for slug in ("moon", "tide", "reef"):
            make_article(session, slug, title=slug, first_seen_at=SEND_AT, published_at=SEND_AT)
    house.tick(SEND_AT + WEEK - timedelta(hours=24))
    # The rule's lead, then what was pinned, as it was pinned, then the rest, four in all.
    stories = house.stories(later)
    assert (len(stories), stories[1:3]) == (4, ["port", "cold"])
    assert house.history(later) == [
        "“port” is pinned to the issue of 21 November 2026.",
        "“cold” is pinned to the issue of 21 November 2026.",
        "Composed: four stories, of which a person chose two.",
    ]
    with house.database.transaction() as session:
        issue = session.get_one(Issue, later)
        assert [story.why for story in issue.stories][1:3] == ["Pinned by Imara."] * 2
        with pytest.raises(RefusedError, match="have been picked already: pick or drop it there"):
            pin(session, issue, house.articles["bat"], IMARA, MONDAY)
        compose(session, issue, SEND_AT + WEEK, again=True)
        assert {"port", "cold"} <= {story.headline for story in issue.stories}


def test_where_all_are_pinned_the_first_leads_unless_a_person_said_which(house: House) -> None:
    for slug in SLUGS:
        issue_id = house.pin(slug, SATURDAY)
    with house.database.transaction() as session:
        issue = session.get_one(Issue, issue_id)
        fill(session, issue, IMARA, MONDAY)
    assert house.stories(issue_id) == ["port*", "cold", "roofs", "bat", "ledgers"]
    other = house.pin("bat")
    with house.database.transaction() as session:
        issue = session.get_one(Issue, other)
        set_role(session, issue, house.articles["bat"], StoryRole.LEAD, IMARA, MONDAY)
        pick_article(session, issue, house.articles["cold"], IMARA, MONDAY)
        pick_article(session, issue, house.articles["roofs"], IMARA, MONDAY)
        compose(session, issue, MONDAY)
    assert house.stories(other) == ["bat*", "cold", "roofs"]


def test_what_is_hidden_or_withdrawn_by_then_is_left_out_and_said(house: House) -> None:
    for slug in ("port", "cold", "roofs"):
        issue_id = house.pin(slug, SATURDAY)
    house.mark("cold", hidden_at=MONDAY)
    house.mark("roofs", withdrawn_at=MONDAY)
    with house.database.transaction() as session:
        make_article(session, "moon", title="moon", first_seen_at=MONDAY, published_at=MONDAY)
    house.tick(MONDAY)
    with house.database.reading() as session:
        issue = session.get_one(Issue, issue_id)
        assert (issue.state, issue.reason) == (IssueState.DRAFT, None), "the rule has yet to pick"
        mail = view_for_editor(issue, MONDAY, "")
        assert mail.left_out == ("“roofs” was withdrawn. A person had chosen it.",)
        assert mail.outlook.startswith("The rest is picked on Friday 13 November")
    house.mark("port", withdrawn_at=MONDAY)
    house.tick(SEND_AT - timedelta(hours=24))
    assert house.stories(issue_id) == ["moon*", "bat", "ledgers"]
    assert house.history(issue_id)[-1] == (
        "Composed: three stories. “port”, which a person had chosen, is withdrawn, and left out. "
        "“cold”, which a person had chosen, is hidden, and left out."
    )
    with house.database.reading() as session:
        mail = view_for_editor(session.get_one(Issue, issue_id), SEND_AT, "")
        assert "“cold” is hidden. A person had chosen it." in mail.left_out
        findings = [each.sentence for each in withdrawn(session.get_one(Issue, issue_id))]
    assert [words.partition(" before")[0] for words in findings] == [
        "“roofs” was picked by a person, and withdrawn at its source",
        "“port” was picked by a person, and withdrawn at its source",
        "“cold” was picked by a person, and hidden",
    ]


def test_a_pin_moves_with_its_issue_and_waits_with_a_skipped_one(house: House) -> None:
    issue_id = house.pin("ledgers", SATURDAY)
    with house.database.transaction() as session:
        issue = session.get_one(Issue, issue_id)
        schedule(session, issue, SEND_AT + timedelta(days=1), MONDAY)
        skip(session, issue, IMARA, MONDAY, reason="Away.")
        assert [story.headline for story in pins_of(issue)] == ["ledgers"]
        for verb in (pin, unpin):
            with pytest.raises(
                RefusedError, match="Take the issue of 15 November 2026 up again first"
            ):
                verb(session, issue, house.articles["port"], IMARA, MONDAY)
        newsletter = session.get_one(Newsletter, house.newsletter_id)
        assert next_to_pin_to(session, newsletter, MONDAY).occurrence_on == LATER
        take_up(session, issue, MONDAY)
    house.tick(SEND_AT)
    assert house.stories(issue_id) == ["port*", "ledgers", "cold", "roofs"]


def test_what_the_rule_had_picked_before_it_was_skipped_may_be_pinned(house: House) -> None:
    house.tick(SEND_AT - timedelta(hours=24))
    with house.database.transaction() as session:
        issue = house.issue_of(session, SATURDAY)
        assert len(issue.stories) == 4
        skip(session, issue, IMARA, MONDAY)
        take_up(session, issue, MONDAY)
        roofs = house.articles["roofs"]
        with pytest.raises(RefusedError, match="not pinned to the issue of 14 November 2026"):
            unpin(session, issue, roofs, IMARA, MONDAY)
        pin(session, issue, roofs, IMARA, MONDAY)
        assert [story.headline for story in pins_of(issue)] == ["roofs"]
        assert sorted(story.position for story in issue.stories) == [1, 2, 3, 4]
        for slug in ("moon", "tide", "reef", "kelp"):
            make_article(session, slug, title=slug, first_seen_at=SEND_AT, published_at=SEND_AT)
        issue_id = issue.id
    house.tick(SEND_AT - timedelta(hours=23))
    assert "roofs" in house.stories(issue_id)


def test_pins_alone_are_approved_once_the_rest_is_picked_or_there_is_no_room_for_it(
    house: House,
) -> None:
    for slug in ("port", "cold", "roofs"):
        issue_id = house.pin(slug, SATURDAY)
    with house.database.transaction() as session:
        issue = session.get_one(Issue, issue_id)
        [found] = too_few(issue)
        assert (found.blocks, found.sentence) == (
            False,
            "It is not composed yet, and has three of its four stories. Let us pick the rest "
            "(digest issue compose): before that it cannot be approved.",
        )
        for verb in (approve, send_now):
            with pytest.raises(RefusedError, match=r"three of its four stories\. Let us pick"):
                verb(session, issue, "Imara", MONDAY)
        assert issue.state is IssueState.DRAFT
        with session.begin_nested() as tried:
            send_now(session, issue, "Imara", MONDAY, special=True)
            assert issue.state.value == "scheduled", "those alone, and another on its day"
            tried.rollback()
        pick_article(session, issue, house.articles["bat"], IMARA, MONDAY)
        assert list(too_few(issue)) == []
        approve(session, issue, "Imara", MONDAY)
        assert may_be_pinned_to(session, issue.newsletter, MONDAY)[0].on == LATER
        with pytest.raises(RefusedError, match="pick or drop it there"):
            pin(session, issue, house.articles["ledgers"], IMARA, MONDAY)


def test_a_special_edition_may_be_what_was_chosen_for_it_and_no_more(house: House) -> None:
    with house.database.transaction() as session:
        newsletter = session.get_one(Newsletter, house.newsletter_id)
        issue = create_special(session, newsletter, SEND_AT, MONDAY)
        for slug in ("port", "cold", "roofs"):
            pick_article(session, issue, house.articles[slug], IMARA, MONDAY)
        [found] = too_few(issue)
        assert "Let us pick the rest (digest issue compose), or leave it at that." in found.sentence
        approve(session, issue, "Imara", MONDAY)
        assert issue.state is IssueState.SCHEDULED


def test_a_pin_is_taken_back(house: House) -> None:
    issue_id = house.pin("port")
    house.pin("cold")
    with house.database.transaction() as session:
        issue = session.get_one(Issue, issue_id)
        newsletter = issue.newsletter
        with pytest.raises(RefusedError, match="“port” is pinned to the issue of 21 November 2026"):
            pin(session, issue, house.articles["port"], IMARA, MONDAY)
        port = house.articles["port"]
        assert pinned_to(session, newsletter, port, MONDAY) == issue
        said = unpin(session, issue, port, IMARA, MONDAY).sentence
        assert said == "“port” is not pinned to the issue of 21 November 2026 any more."
        assert [(each.headline, each.position) for each in issue.stories] == [("cold", 1)]
        with pytest.raises(RefusedError, match="not pinned to the issue of 21 November 2026"):
            unpin(session, issue, port, IMARA, MONDAY)
        with pytest.raises(NotFoundError, match="pinned to no coming issue"):
            pinned_to(session, newsletter, port, MONDAY)
        session.get_one(Article, port).hidden_at = MONDAY
        with pytest.raises(RefusedError, match="“port” is hidden"):
            pin(session, issue, port, IMARA, MONDAY)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("at", "on", "sent"),
    [
        # Clocks go back in the night before; in the hour that comes twice; forward; in the gap.
        (time(7, 0), date(2026, 10, 25), datetime(2026, 10, 25, 7, 0, tzinfo=UTC)),
        (time(1, 30), date(2026, 10, 25), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        (time(7, 0), date(2027, 3, 28), datetime(2027, 3, 28, 6, 0, tzinfo=UTC)),
        (time(1, 30), date(2027, 3, 28), datetime(2027, 3, 28, 1, 0, tzinfo=UTC)),
    ],
)
def test_a_pin_that_was_set_before_the_clocks_change_goes_out_by_the_clocks_of_its_day(
    database: Database, at: time, on: date, sent: datetime
) -> None:
    before = sent - 6 * DAY
    with database.transaction() as session:
        newsletter = make_newsletter(
            session, created_at=before, calendar_since=before, weekday=6, local_time=at
        )
        seen = {"first_seen_at": sent - 3 * DAY, "published_at": sent - 3 * DAY}
        pinned = make_article(session, "port", title="port", **seen).id
        for slug in SLUGS[1:]:
            make_article(session, slug, **seen)
        issue = issue_of(session, newsletter, on, before)
        pin(session, issue, pinned, IMARA, before)
        issue_id, composed, closes = issue.id, issue.compose_at, issue.closes_at
        assert issue.send_at == sent
        assert composed < closes < sent

    def stands(moment: datetime) -> tuple[IssueState, int]:
        keep_agenda(database, moment, late=LATE)
        with database.reading() as session:
            issue = session.get_one(Issue, issue_id)
            assert pinned in {each.article_id for each in issue.stories}
            assert (issue.occurrence_on, issue.send_at) == (on, sent)
            return issue.state, len(issue.stories)

    minute = timedelta(minutes=1)
    assert stands(composed - minute) == (IssueState.DRAFT, 1)
    assert stands(composed) == (IssueState.DRAFT, 5)
    assert stands(closes - minute)[0] is IssueState.DRAFT
    assert stands(closes)[0] is IssueState.SCHEDULED

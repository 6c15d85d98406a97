"""What the tick does for issues, seen from the rows it leaves."""

import threading
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from digest.database.transactions import Database
from digest.desk.audit import OPERATOR
from digest.desk.users import Granted, create_user
from digest.models import (
    Approval,
    Article,
    Issue,
    IssueState,
    Newsletter,
    Notice,
    NoticeKind,
    Role,
    Story,
)
from digest.newsroom.issues.agenda import keep_agenda
from digest.newsroom.issues.approving import approve
from digest.newsroom.issues.editing import edit_issue
from digest.newsroom.issues.history import Editor
from digest.newsroom.issues.scheduling import schedule
from digest.newsroom.issues.skipping import skip, take_up
from tests.factories import make_article, make_newsletter

# Saturdays at seven in London; the 14th of November 2026 is one.
SEND_AT = datetime(2026, 11, 14, 7, 0, tzinfo=UTC)
LATE = timedelta(hours=12)


def set_up(database: Database, articles: int = 4, **changes: object) -> None:
    with database.transaction() as session:
        make_newsletter(
            session, created_at=SEND_AT - timedelta(days=60),
            calendar_since=SEND_AT - timedelta(days=6), **changes,  # type: ignore[arg-type]
        )  # fmt: skip
        for number in range(articles):
            make_article(session, f"story-{number}")


def tick(database: Database, now: datetime) -> None:
    keep_agenda(database, now, late=LATE)


def issues(database: Database) -> list[Issue]:
    with database.reading() as session:
        return list(session.scalars(select(Issue).order_by(Issue.send_at)))


def count(database: Database, model: type[Story] | type[Notice]) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def test_nothing_happens_before_it_is_time_to_compose(database: Database) -> None:
    set_up(database)
    tick(database, SEND_AT - timedelta(hours=24, minutes=1))
    assert [
        i.occurrence_on for i in issues(database) if i.occurrence_on == date(2026, 11, 14)
    ] == []


def test_an_issue_is_composed_then_approved_by_itself(database: Database) -> None:
    set_up(database)
    tick(database, SEND_AT - timedelta(hours=24))
    issue = issues(database)[-1]
    assert (issue.occurrence_on, issue.state) == (date(2026, 11, 14), IssueState.DRAFT)
    assert count(database, Story) == 4
    assert issue.approved_at is None
    tick(database, SEND_AT - timedelta(hours=1))
    issue = issues(database)[-1]
    assert issue.state is IssueState.SCHEDULED
    assert issue.approved_by == "Digest, by itself"


def test_the_last_slot_is_not_made_up_for_when_the_calendar_is_younger(database: Database) -> None:
    set_up(database)
    with database.transaction() as session:
        session.execute(update(Newsletter).values(calendar_since=SEND_AT + timedelta(minutes=1)))
    tick(database, SEND_AT + timedelta(hours=1))
    assert issues(database) == []


def test_with_too_few_stories_it_is_skipped_and_says_why(database: Database) -> None:
    set_up(database, articles=2)
    tick(database, SEND_AT - timedelta(hours=2))
    issue = issues(database)[-1]
    assert issue.state is IssueState.SKIPPED
    assert issue.reason is not None
    assert "needs at least 3" in issue.reason
    assert count(database, Story) == 0
    tick(database, SEND_AT)
    assert issues(database)[-1].state is IssueState.SKIPPED


def test_where_approval_is_required_the_editor_is_told_of_the_draft(database: Database) -> None:
    set_up(database, approval=Approval.REQUIRED)
    for minutes in (0, 1, 2):
        tick(database, SEND_AT - timedelta(hours=24) + timedelta(minutes=minutes))
    with database.reading() as session:
        [notice] = session.scalars(select(Notice))
    assert (notice.kind, notice.to_address) == (NoticeKind.DRAFT_READY, "imara@halyard.example")


def notices(database: Database) -> list[tuple[NoticeKind, str | None]]:
    with database.reading() as session:
        found = session.scalars(select(Notice).order_by(Notice.id)).all()
        return [(each.kind, each.to_address) for each in found]


def test_every_editor_is_told_once_of_the_draft_and_once_before_it_closes(
    database: Database,
) -> None:
    set_up(database)
    with database.transaction() as session:
        newsletter = session.scalars(select(Newsletter)).one()
        other = make_newsletter(session, "climate", retired_at=SEND_AT)
        for name, grants in (
            ("olive@example.org", [Granted(Role.OWNER)]),
            ("everywhere@example.org", [Granted(Role.EDITOR)]),
            ("here@example.org", [Granted(Role.EDITOR, newsletter), Granted(Role.VIEWER)]),
            ("elsewhere@example.org", [Granted(Role.EDITOR, other)]),
            ("Imara@halyard.example", [Granted(Role.EDITOR)]),
            ("gone@example.org", [Granted(Role.EDITOR)]),
        ):
            user = create_user(session, OPERATOR, name, "Somebody", grants, now=SEND_AT)
        user.disabled_at = SEND_AT
    editors = ["imara@halyard.example", "everywhere@example.org", "here@example.org"]
    ready = [(NoticeKind.DRAFT_READY, each) for each in editors]
    soon = [(NoticeKind.REMINDER, each) for each in editors]
    for hours, minutes in ((24, 0), (23, 59), (4, 1)):
        tick(database, SEND_AT - timedelta(hours=hours, minutes=minutes))
    assert notices(database) == ready
    for hours in (4, 3, 2):
        tick(database, SEND_AT - timedelta(hours=hours))
    assert notices(database) == ready + soon
    tick(database, SEND_AT - timedelta(hours=1))
    assert issues(database)[-1].state is IssueState.SCHEDULED
    assert notices(database) == ready + soon


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_of_what_is_approved_nobody_is_reminded_until_it_is_changed_and_moved(
    database: Database,
) -> None:
    set_up(database, approval=Approval.REQUIRED)
    tick(database, SEND_AT - timedelta(hours=24))
    with database.transaction() as session:
        issue = session.scalars(select(Issue)).one()
        approve(session, issue, "Imara", SEND_AT - timedelta(hours=20))
    tick(database, SEND_AT - timedelta(hours=2))
    assert [kind for kind, _ in notices(database)] == [NoticeKind.DRAFT_READY]
    with database.transaction() as session:
        issue = session.scalars(select(Issue)).one()
        edit_issue(session, issue, {"note": "Wait."}, Editor("Joss"), SEND_AT)
    for minutes in (119, 118):
        tick(database, SEND_AT - timedelta(minutes=minutes))
    assert [kind for kind, _ in notices(database)][1:] == [NoticeKind.REMINDER]
    with database.transaction() as session:
        issue = session.scalars(select(Issue)).one()
        schedule(session, issue, SEND_AT + timedelta(days=1), SEND_AT - timedelta(minutes=110))
    for hours in (0, -21):
        tick(database, SEND_AT - timedelta(hours=hours))
    assert [kind for kind, _ in notices(database)][1:] == [NoticeKind.REMINDER] * 2


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_of_a_week_that_is_taken_up_again_the_new_draft_is_told_of(database: Database) -> None:
    set_up(database)
    tick(database, SEND_AT - timedelta(hours=24))
    with database.transaction() as session:
        issue, by = session.scalars(select(Issue)).one(), Editor("Imara")
        skip(session, issue, by, SEND_AT - timedelta(hours=23))
        take_up(session, issue, SEND_AT - timedelta(hours=22))
    for minutes in (0, 1):
        tick(database, SEND_AT - timedelta(hours=21, minutes=minutes))
    assert [kind for kind, _ in notices(database)] == [NoticeKind.DRAFT_READY] * 2


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_closes_soon_after_it_is_composed_is_told_of_halfway(database: Database) -> None:
    set_up(database, compose_hours=3, close_hours=1)
    for minutes in (180, 121):
        tick(database, SEND_AT - timedelta(minutes=minutes))
    assert [kind for kind, _ in notices(database)] == [NoticeKind.DRAFT_READY]
    tick(database, SEND_AT - timedelta(minutes=120))
    assert [kind for kind, _ in notices(database)][1:] == [NoticeKind.REMINDER]


def test_unapproved_at_its_time_it_is_held_and_the_editor_is_told(database: Database) -> None:
    set_up(database, approval=Approval.REQUIRED)
    tick(database, SEND_AT - timedelta(hours=2))
    tick(database, SEND_AT)
    tick(database, SEND_AT + timedelta(minutes=1))
    issue = issues(database)[-1]
    assert issue.state is IssueState.HELD
    assert issue.reason == "Nobody approved it by Saturday 14 November at 07:00."
    with database.reading() as session:
        kinds = session.scalars(select(Notice.kind).order_by(Notice.id)).all()
    assert kinds == [NoticeKind.DRAFT_READY, NoticeKind.HELD]


def test_after_a_short_downtime_it_still_goes_out(database: Database) -> None:
    set_up(database)
    tick(database, SEND_AT + timedelta(hours=11, minutes=59))
    assert issues(database)[-1].state is IssueState.SCHEDULED


def test_after_a_long_downtime_it_is_held_and_a_person_decides(database: Database) -> None:
    set_up(database)
    tick(database, SEND_AT + timedelta(days=3))
    issue = issues(database)[-1]
    assert issue.occurrence_on == date(2026, 11, 14)
    assert issue.state is IssueState.HELD
    assert issue.reason == "It was due on Saturday 14 November at 07:00."
    assert count(database, Notice) == 1


def test_after_weeks_of_downtime_only_the_last_slot_is_made(database: Database) -> None:
    set_up(database)
    tick(database, SEND_AT + timedelta(days=30))
    # 12 December is over by two days; the next, on the 19th, is not to be composed yet.
    assert [issue.occurrence_on for issue in issues(database)] == [date(2026, 12, 12)]


def test_a_scheduled_issue_that_nobody_sent_in_time_is_held(database: Database) -> None:
    set_up(database)
    tick(database, SEND_AT - timedelta(minutes=30))
    assert issues(database)[-1].state is IssueState.SCHEDULED
    tick(database, SEND_AT + LATE + timedelta(minutes=1))
    held = next(i for i in issues(database) if i.occurrence_on == date(2026, 11, 14))
    assert held.state is IssueState.HELD


def test_two_ticks_at_once_make_one_issue(database: Database) -> None:
    set_up(database)
    errors: list[BaseException] = []

    def once() -> None:
        try:
            tick(database, SEND_AT - timedelta(hours=20))
        except BaseException as error:  # noqa: BLE001 - shown by the assertion below
            errors.append(error)

    threads = [threading.Thread(target=once) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len([i for i in issues(database) if i.occurrence_on == date(2026, 11, 14)]) == 1
    assert count(database, Story) == 4


def test_a_week_later_the_next_issue_repeats_no_story(database: Database) -> None:
    set_up(database, story_min=1)
    tick(database, SEND_AT - timedelta(minutes=30))
    with database.transaction() as session:
        session.execute(update(Issue).values(state=IssueState.SENT, frozen_at=SEND_AT, number=1))
        make_article(
            session, "new", first_seen_at=SEND_AT + timedelta(days=1),
            published_at=SEND_AT + timedelta(days=1),
        )  # fmt: skip
    tick(database, SEND_AT + timedelta(days=6, hours=1))
    with database.reading() as session:
        new = session.scalars(
            select(Article.url).join(Story).join(Issue).where(Issue.state == IssueState.DRAFT)
        ).all()
    assert new == ["https://halyard.example/a/new"]


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        # London leaves summer time on 25 October 2026, and enters it on 28 March 2027.
        (date(2026, 10, 24), datetime(2026, 10, 24, 6, 0, tzinfo=UTC)),
        (date(2026, 10, 31), datetime(2026, 10, 31, 7, 0, tzinfo=UTC)),
        (date(2027, 4, 3), datetime(2027, 4, 3, 6, 0, tzinfo=UTC)),
    ],
)
def test_it_goes_out_at_the_promised_local_time(
    database: Database, day: date, expected: datetime
) -> None:
    set_up(database, articles=0)
    with database.transaction() as session:
        session.execute(update(Newsletter).values(calendar_since=expected - timedelta(days=6)))
    tick(database, expected - timedelta(hours=3))
    found = next(issue for issue in issues(database) if issue.occurrence_on == day)
    assert found.send_at == expected


def test_the_slot_of_a_cancelled_issue_stays_empty(database: Database) -> None:
    set_up(database)
    tick(database, SEND_AT - timedelta(hours=24))
    with database.transaction() as session:
        session.execute(update(Issue).values(state=IssueState.CANCELLED, reason="Not this week."))
    for hours in (-23, -1, 0, 1, 13):
        tick(database, SEND_AT + timedelta(hours=hours))
    assert [(i.occurrence_on, i.state) for i in issues(database)] == [
        (date(2026, 11, 14), IssueState.CANCELLED)
    ]
    assert [kind for kind, _ in notices(database)] == [NoticeKind.DRAFT_READY]

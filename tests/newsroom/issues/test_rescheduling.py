"""A newsletter's day, time or zone changes: its issues follow, or keep their times and say why."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import select

from digest.database.transactions import Database
from digest.models import Article, Issue, IssueState, Newsletter
from digest.newsroom.finding import values_of
from digest.newsroom.issues.agenda import keep_agenda
from digest.newsroom.issues.composing import create_issue, create_special
from digest.newsroom.issues.history import Editor
from digest.newsroom.issues.pinning import pin
from digest.newsroom.newsletters import edit_newsletter
from tests.factories import make_article, make_newsletter

# A Wednesday; the newsletter comes on Saturdays at seven, in London.
NOW = datetime(2026, 12, 2, 12, 0, tzinfo=UTC)
SATURDAY = date(2026, 12, 5)


def set_up(database: Database, **changes: object) -> int:
    """Make a newsletter and its draft of Saturday, with `changes`."""
    with database.transaction() as session:
        newsletter = make_newsletter(session, calendar_since=NOW - timedelta(days=3))
        for slug in ("port", "cold", "roofs"):
            make_article(session, slug, published_at=NOW, first_seen_at=NOW)
        issue = create_issue(session, newsletter, SATURDAY, NOW)
        for name, value in changes.items():
            setattr(issue, name, value)
        return issue.id


def edit(database: Database, now: datetime = NOW, **changes: object) -> list[tuple[int, str]]:
    with database.transaction() as session:
        newsletter = session.scalars(select(Newsletter)).one()
        values = replace(values_of(newsletter), **changes)  # type: ignore[arg-type]
        followed = edit_newsletter(session, newsletter, values, now)
        return [(each.issue.id, each.kept_because) for each in followed]


def issues(database: Database) -> list[Issue]:
    with database.reading() as session:
        return list(session.scalars(select(Issue).order_by(Issue.send_at)))


def tick_for_a_week(database: Database) -> None:
    for hours in range(0, 24 * 7, 6):
        keep_agenda(database, NOW + timedelta(hours=hours), late=timedelta(hours=12))


def test_a_draft_moves_to_the_new_time(database: Database) -> None:
    issue_id = set_up(database)

    assert edit(database, local_time=time(9)) == [(issue_id, "")]
    [issue] = issues(database)
    assert issue.send_at == datetime(2026, 12, 5, 9, tzinfo=UTC)
    assert issue.closes_at == issue.send_at - timedelta(hours=1)
    assert issue.compose_at == issue.send_at - timedelta(hours=24)


@pytest.mark.parametrize(
    ("weekday", "day"),
    [
        (4, date(2026, 12, 4)),  # Friday: the day before
        (6, date(2026, 12, 6)),
        (2, date(2026, 12, 9)),  # Wednesday's time has passed, so the next
        (1, date(2026, 12, 8)),
    ],
)
def test_a_draft_moves_to_the_new_day_and_no_second_one_is_made(
    database: Database, weekday: int, day: date
) -> None:
    issue_id = set_up(database)

    assert edit(database, weekday=weekday) == [(issue_id, "")]
    tick_for_a_week(database)
    first = issues(database)[0]
    assert (first.id, first.occurrence_on, first.dateline) == (issue_id, day, day)
    assert [i.occurrence_on for i in issues(database) if i.send_at < NOW + timedelta(days=7)] == [
        day
    ]


def test_a_draft_moves_with_the_zone(database: Database) -> None:
    issue_id = set_up(database)

    assert edit(database, zone="America/Vancouver") == [(issue_id, "")]
    assert issues(database)[0].send_at == datetime(2026, 12, 5, 14, tzinfo=UTC)


@pytest.mark.parametrize(
    ("changes", "because"),
    [
        ({"subject": "Salt"}, "somebody has written in it"),
        ({"note": "Dear reader"}, "somebody has written in it"),
        ({"state": IssueState.SCHEDULED, "approved_at": NOW}, "it is approved"),
        ({"state": IssueState.HELD, "reason": "Late."}, "it is held"),
        (
            {"send_at": datetime(2026, 12, 5, 11, tzinfo=UTC)},
            "somebody gave it a time of its own",
        ),
    ],
)
def test_what_somebody_touched_keeps_its_time_and_is_named(
    database: Database, changes: dict[str, object], because: str
) -> None:
    issue_id = set_up(database, **changes)
    [before] = issues(database)

    assert edit(database, weekday=4, local_time=time(18)) == [(issue_id, because)]
    [after] = issues(database)
    assert (after.send_at, after.dateline) == (before.send_at, before.dateline)
    tick_for_a_week(database)
    fridays = [issue for issue in issues(database) if issue.occurrence_on == date(2026, 12, 4)]
    assert [issue.id for issue in fridays] == [issue_id], "none is made beside it"


def test_a_new_time_that_has_passed_today_moves_nothing(database: Database) -> None:
    issue_id = set_up(database)
    morning = datetime(2026, 12, 5, 6, 30, tzinfo=UTC)

    assert edit(database, morning, local_time=time(6)) == [(issue_id, "the new time has passed")]
    assert issues(database)[0].send_at == datetime(2026, 12, 5, 7, tzinfo=UTC)


def test_each_draft_finds_a_day_of_its_own(database: Database) -> None:
    first = set_up(database)
    with database.transaction() as session:
        newsletter = session.scalars(select(Newsletter)).one()
        second = create_issue(session, newsletter, date(2026, 12, 12), NOW).id

    assert edit(database, weekday=0) == [(first, ""), (second, "")]
    assert [i.occurrence_on for i in issues(database)] == [date(2026, 12, 7), date(2026, 12, 14)]


def test_specials_and_other_changes_move_nothing(database: Database) -> None:
    issue_id = set_up(database)
    with database.transaction() as session:
        newsletter = session.scalars(select(Newsletter)).one()
        create_special(session, newsletter, NOW + timedelta(days=1), NOW)
    before = [issue.send_at for issue in issues(database)]

    assert edit(database, name="Another name") == []
    assert [issue.send_at for issue in issues(database)] == before
    assert edit(database, local_time=time(9)) == [(issue_id, "")]
    assert issues(database)[0].send_at == before[0]


def test_what_is_pinned_moves_with_its_issue(database: Database) -> None:
    issue_id = set_up(database)
    with database.transaction() as session:
        port = session.scalars(select(Article.id).limit(1)).one()
        pin(session, session.get_one(Issue, issue_id), port, Editor("Imara"), NOW)

    assert edit(database, weekday=4) == [(issue_id, "")]
    [issue] = issues(database)
    assert issue.occurrence_on == date(2026, 12, 4)

"""When the next issue comes: by the calendar, but for what was moved or has used its slot up."""

from datetime import UTC, date, datetime, timedelta

import pytest

from digest.database.transactions import Database
from digest.models import Issue, IssueState, Newsletter
from digest.newsroom.issues.coming import next_send_at
from tests.factories import NOW, make_newsletter

# An hour after NOW: Saturdays at seven in London, in winter.
FIRST = datetime(2026, 11, 14, 7, tzinfo=UTC)


@pytest.fixture
def newsletter(database: Database) -> Newsletter:
    with database.transaction() as session:
        return make_newsletter(session)


def add(database: Database, newsletter: Newsletter, day: date | None, **fields: object) -> None:
    values = {
        "newsletter_id": newsletter.id,
        "occurrence_on": day,
        "dateline": day or NOW.date(),
        "compose_at": NOW,
        "closes_at": NOW,
        "send_at": FIRST,
        "created_at": NOW,
    }
    with database.transaction() as session:
        session.add(Issue(**(values | fields)))


def coming(database: Database, newsletter: Newsletter, after: datetime = NOW) -> datetime:
    with database.reading() as session:
        return next_send_at(session, session.get_one(Newsletter, newsletter.id), after)


def test_the_calendar_says_it_where_there_is_no_issue_yet(
    database: Database, newsletter: Newsletter
) -> None:
    assert coming(database, newsletter) == FIRST
    assert coming(database, newsletter, FIRST) == FIRST + timedelta(days=7)
    assert coming(database, newsletter, FIRST - timedelta(seconds=1)) == FIRST


@pytest.mark.parametrize("state", list(IssueState))
def test_a_slot_that_is_used_up_does_not_come(
    database: Database, newsletter: Newsletter, state: IssueState
) -> None:
    over = {IssueState.SENDING, IssueState.SENT, IssueState.SKIPPED, IssueState.CANCELLED}
    add(database, newsletter, FIRST.date(), state=state)

    assert coming(database, newsletter) == FIRST + timedelta(days=7 if state in over else 0)


def test_an_issue_that_was_moved_comes_when_it_will(
    database: Database, newsletter: Newsletter
) -> None:
    late = FIRST + timedelta(hours=11)
    add(database, newsletter, FIRST.date(), state=IssueState.SCHEDULED, send_at=late)

    assert coming(database, newsletter) == late
    assert coming(database, newsletter, FIRST + timedelta(hours=1)) == late
    assert coming(database, newsletter, late) == FIRST + timedelta(days=7)


def test_a_special_uses_no_slot_up(database: Database, newsletter: Newsletter) -> None:
    add(database, newsletter, None, state=IssueState.SENT)

    assert coming(database, newsletter) == FIRST

"""Leaving a week out and taking it up again; what the calendar tells of it."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from digest.database.transactions import Database
from digest.errors import FieldError, RefusedError
from digest.models import Issue, IssueState, Newsletter
from digest.newsroom.issues.agenda import keep_agenda
from digest.newsroom.issues.approving import approve
from digest.newsroom.issues.calendar import existing_moment
from digest.newsroom.issues.coming import next_send_at
from digest.newsroom.issues.composing import create_special
from digest.newsroom.issues.history import Editor, list_changes
from digest.newsroom.issues.planning import coming, past
from digest.newsroom.issues.scheduling import schedule
from digest.newsroom.issues.skipping import issue_of, skip, take_up
from tests.factories import make_article, make_newsletter

# Saturdays at seven in London.
SATURDAY = date(2026, 11, 14)
SEND_AT = datetime(2026, 11, 14, 7, 0, tzinfo=UTC)
MONDAY = SEND_AT - timedelta(days=5)
IMARA = Editor("Imara")
LATE = timedelta(hours=12)


@pytest.fixture
def newsletter_id(database: Database) -> int:
    with database.transaction() as session:
        for number in range(5):
            make_article(session, f"story-{number}", first_seen_at=MONDAY, published_at=MONDAY)
        return make_newsletter(session, created_at=MONDAY, calendar_since=MONDAY).id


def test_a_skipped_week_has_no_issue_until_it_is_taken_up_again(
    database: Database, newsletter_id: int
) -> None:
    with database.transaction() as session:
        newsletter = session.get_one(Newsletter, newsletter_id)
        issue = issue_of(session, newsletter, SATURDAY, MONDAY)
        skip(session, issue, IMARA, MONDAY, reason="A\n holiday")
        assert (issue.state, issue.reason) == (
            IssueState.SKIPPED, "Imara skipped it: A holiday.",
        )  # fmt: skip
        assert next_send_at(session, newsletter, MONDAY) == SEND_AT + timedelta(days=7)
        issue_id = issue.id
    keep_agenda(database, SEND_AT - timedelta(hours=20), late=LATE)
    with database.transaction() as session:
        issue = session.get_one(Issue, issue_id)
        assert issue.state is IssueState.SKIPPED
        with pytest.raises(RefusedError, match="is skipped already: Imara skipped it"):
            skip(session, issue, IMARA, MONDAY)
        take_up(session, issue, SEND_AT - timedelta(hours=20))
    keep_agenda(database, SEND_AT - timedelta(hours=20), late=LATE)
    with database.transaction() as session:
        issue = session.get_one(Issue, issue_id)
        assert (issue.state, len(issue.stories)) == (IssueState.DRAFT, 5)
        with pytest.raises(RefusedError, match="is not skipped; it is draft"):
            take_up(session, issue, MONDAY)
        approve(session, issue, "Joss", MONDAY)
        skip(session, issue, IMARA, MONDAY)
        assert issue.approved_at is None
        [void] = list_changes(session, issue, 1)
        assert void.words == "It was skipped, so what Joss approved is void."
        with pytest.raises(RefusedError, match="Its time has passed"):
            take_up(session, issue, SEND_AT)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_is_no_coming_date_is_refused_in_a_sentence(
    database: Database, newsletter_id: int
) -> None:
    with database.transaction() as session:
        newsletter = session.get_one(Newsletter, newsletter_id)
        for on, said in (
            (date(2026, 11, 16), "comes on Saturday, and 2026-11-16 is a Monday"),
            (date(2026, 11, 7), "Saturday 7 November 2026 is over"),
            (date(2032, 11, 13), "more than two years ahead"),
        ):
            with pytest.raises(RefusedError, match=said):
                issue_of(session, newsletter, on, MONDAY)
        issue = issue_of(session, newsletter, SATURDAY, MONDAY)
        with pytest.raises(FieldError, match="at most 300 characters"):
            skip(session, issue, IMARA, MONDAY, reason="r" * 301)
        create_special(session, newsletter, SEND_AT + timedelta(days=2), MONDAY)
        with pytest.raises(RefusedError, match="for that moment already"):
            create_special(session, newsletter, SEND_AT + timedelta(days=2), MONDAY)
    with pytest.raises(FieldError, match="Europe/London skip 01:30 on Sunday 28 March 2027"):
        existing_moment(date(2027, 3, 28), time(1, 30), "Europe/London")


def test_the_calendar_has_what_comes_and_what_was(database: Database, newsletter_id: int) -> None:
    with database.transaction() as session:
        newsletter = session.get_one(Newsletter, newsletter_id)
        first = issue_of(session, newsletter, SATURDAY, MONDAY)
        schedule(session, first, SEND_AT + timedelta(days=1), MONDAY)
        assert first.compose_at == SEND_AT, "a day before it goes out, as ever"
        second = issue_of(session, newsletter, SATURDAY + timedelta(days=7), MONDAY)
        skip(session, second, IMARA, MONDAY)
        special = create_special(session, newsletter, SEND_AT + timedelta(days=2), MONDAY)
        lines = coming(session, newsletter, MONDAY)
        assert [(each.send_at, each.issue) for each in lines[:4]] == [
            (SEND_AT + timedelta(days=1), first),
            (SEND_AT + timedelta(days=2), special),
            (SEND_AT + timedelta(days=7), second),
            (SEND_AT + timedelta(days=14), None),
        ]
        assert (lines[0].moved_from, lines[1].moved_from) == (SEND_AT, None)
        assert len(lines) == 9
        assert past(session, newsletter, MONDAY, at_most=9) == []
        later = SEND_AT + timedelta(days=30)
        assert past(session, newsletter, later, at_most=9) == [second]
        # What waits is to come, however late it is.
        assert [each.issue for each in coming(session, newsletter, later)][:2] == [first, special]

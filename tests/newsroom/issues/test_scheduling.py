from datetime import UTC, date, datetime, timedelta

import pytest

from digest.database.transactions import Database
from digest.errors import RefusedError
from digest.models import BEFORE_FREEZE, Issue, IssueState
from digest.newsroom.issues.scheduling import schedule, send_now
from tests.factories import NOW, make_article, make_issue, make_newsletter

TOO_LATE = [state for state in IssueState if state not in BEFORE_FREEZE]
SUNDAY = datetime(2026, 11, 15, 7, 0, tzinfo=UTC)


def add_issue(database: Database, state: IssueState, **changes: object) -> int:
    with database.transaction() as session:
        articles = [make_article(session, slug) for slug in ("port", "cold", "roofs")]
        return make_issue(session, make_newsletter(session), articles, state, **changes).id


def read(database: Database, issue_id: int) -> Issue:
    with database.reading() as session:
        return session.get_one(Issue, issue_id)


@pytest.mark.parametrize("state", [IssueState.DRAFT, IssueState.SCHEDULED])
def test_a_new_time_moves_the_issue_and_nothing_else(database: Database, state: IssueState) -> None:
    issue_id = add_issue(database, state)
    with database.transaction() as session:
        schedule(session, session.get_one(Issue, issue_id), SUNDAY, NOW)

    issue = read(database, issue_id)
    assert (issue.state, issue.send_at) == (state, SUNDAY)
    assert issue.closes_at == SUNDAY - timedelta(hours=1)
    # The issue stays Saturday's in the calendar, and shows the day on which it goes out.
    assert (issue.occurrence_on, issue.dateline) == (date(2026, 11, 14), date(2026, 11, 15))


@pytest.mark.parametrize(
    ("approved_at", "state"), [(None, IssueState.DRAFT), (NOW, IssueState.SCHEDULED)]
)
def test_a_held_issue_is_taken_up_again(
    database: Database, approved_at: datetime | None, state: IssueState
) -> None:
    issue_id = add_issue(database, IssueState.HELD, reason="Too late.", approved_at=approved_at)
    with database.transaction() as session:
        schedule(session, session.get_one(Issue, issue_id), SUNDAY, NOW)

    issue = read(database, issue_id)
    assert (issue.state, issue.reason) == (state, None)


def test_a_time_that_has_passed_is_refused(database: Database) -> None:
    issue_id = add_issue(database, IssueState.DRAFT)
    with pytest.raises(RefusedError, match="passed"), database.transaction() as session:
        schedule(session, session.get_one(Issue, issue_id), NOW, NOW)

    assert read(database, issue_id).send_at == NOW


@pytest.mark.parametrize("state", BEFORE_FREEZE)
def test_an_issue_sent_now_is_approved_and_due(database: Database, state: IssueState) -> None:
    early = NOW - timedelta(days=2)
    issue_id = add_issue(database, state, reason="Too late.")
    with database.transaction() as session:
        send_now(session, session.get_one(Issue, issue_id), "imara", early)

    issue = read(database, issue_id)
    assert (issue.state, issue.reason) == (IssueState.SCHEDULED, None)
    assert issue.compose_at == issue.closes_at == issue.send_at == early
    assert (issue.approved_by, issue.approved_at) == ("imara", early)
    assert (issue.occurrence_on, issue.dateline) == (date(2026, 11, 14), date(2026, 11, 12))


def test_sending_keeps_who_approved_it_before(database: Database) -> None:
    issue_id = add_issue(
        database, IssueState.SCHEDULED, approved_at=NOW - timedelta(hours=2), approved_by="joss"
    )
    with database.transaction() as session:
        send_now(session, session.get_one(Issue, issue_id), "imara", NOW)

    assert read(database, issue_id).approved_by == "joss"


def test_an_issue_without_stories_is_not_sent(database: Database) -> None:
    with database.transaction() as session:
        issue = make_issue(session, make_newsletter(session), [], IssueState.DRAFT)
        with pytest.raises(RefusedError, match="no stories"):
            send_now(session, issue, "imara", NOW)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("state", TOO_LATE)
def test_what_has_left_can_neither_be_moved_nor_sent_again(
    database: Database, state: IssueState
) -> None:
    issue_id = add_issue(database, state, reason="The relay is away.")
    with database.transaction() as session:
        issue = session.get_one(Issue, issue_id)
        with pytest.raises(RefusedError, match=state):
            schedule(session, issue, SUNDAY, NOW)
        with pytest.raises(RefusedError, match=r"The relay is away\."):
            send_now(session, issue, "imara", NOW)

    assert read(database, issue_id).state is state

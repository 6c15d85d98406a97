import pytest

from digest.database.transactions import Database
from digest.errors import RefusedError
from digest.models import Issue, IssueState
from digest.newsroom.issues.approving import approve
from tests.factories import NOW, make_article, make_issue, make_newsletter


def add_issue(database: Database, state: IssueState, **changes: object) -> int:
    with database.transaction() as session:
        articles = [make_article(session, slug) for slug in ("port", "cold", "roofs")]
        return make_issue(session, make_newsletter(session), articles, state, **changes).id


def test_an_approved_draft_is_scheduled_and_says_who_approved_it(database: Database) -> None:
    issue_id = add_issue(database, IssueState.DRAFT)
    with database.transaction() as session:
        approve(session, session.get_one(Issue, issue_id), "imara", NOW)

    with database.reading() as session:
        issue = session.get_one(Issue, issue_id)
    assert issue.state is IssueState.SCHEDULED
    assert (issue.approved_by, issue.approved_at) == ("imara", NOW)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("state", [state for state in IssueState if state != IssueState.DRAFT])
def test_only_a_draft_is_approved(database: Database, state: IssueState) -> None:
    issue_id = add_issue(database, state, reason="It was not approved in time.")
    with pytest.raises(RefusedError, match=state), database.transaction() as session:
        approve(session, session.get_one(Issue, issue_id), "imara", NOW)

    with database.reading() as session:
        issue = session.get_one(Issue, issue_id)
    assert (issue.state, issue.approved_by) == (state, None)


def test_a_held_issue_says_what_to_do(database: Database) -> None:
    issue_id = add_issue(database, IssueState.HELD, reason="It was not approved in time.")
    with pytest.raises(RefusedError) as refused, database.transaction() as session:
        approve(session, session.get_one(Issue, issue_id), "imara", NOW)

    assert str(refused.value) == (
        "It is held: It was not approved in time. Send it now, or schedule it for a new time."
    )


def test_an_issue_without_stories_is_not_approved(database: Database) -> None:
    with database.transaction() as session:
        issue = make_issue(session, make_newsletter(session), [], IssueState.DRAFT)
        with pytest.raises(RefusedError, match="no stories"):
            approve(session, issue, "imara", NOW)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_what_somebody_else_did_meanwhile_is_not_undone(database: Database) -> None:
    issue_id = add_issue(database, IssueState.DRAFT)
    with database.transaction() as session:
        seen = session.get_one(Issue, issue_id)
        with database.transaction() as other:
            other.get_one(Issue, issue_id).state = IssueState.CANCELLED
        with pytest.raises(RefusedError, match="Somebody else"):
            approve(session, seen, "imara", NOW)

    with database.reading() as session:
        assert session.get_one(Issue, issue_id).state is IssueState.CANCELLED

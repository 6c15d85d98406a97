"""Where a database lives: recorded while it is empty, and not believed where it cannot be known."""

from collections.abc import Callable

import pytest
from sqlalchemy import delete, select

from digest import home
from digest.database.transactions import Database
from digest.errors import RefusedError
from digest.migrations import downgrade, upgrade
from digest.models import Home, IssueState
from digest.newsroom.issues.approving import approve
from digest.newsroom.issues.scheduling import schedule, send_now
from digest.runtime import open_runtime
from tests.factories import NOW, make_article, make_issue, make_newsletter, make_settings
from tests.home.conftest import look


def test_a_new_database_learns_where_it_lives(database: Database) -> None:
    open_runtime(make_settings(database.url)).close()
    assert not look(database.url).moved
    open_runtime(make_settings(database.url)).close()
    with database.reading() as session:
        assert len(session.scalars(select(Home)).all()) <= 2, "not once more for each start"


def test_what_holds_a_newsletter_and_does_not_know_is_not_believed(paper: Database) -> None:
    with paper.transaction() as session:
        session.execute(delete(Home))
    open_runtime(make_settings(paper.url)).close()
    found = look(paper.url)
    assert found.moved
    assert "does not say yet where it lives" in found.why


def test_nobody_can_send_from_it_by_hand(paper: Database) -> None:
    with paper.transaction() as session:
        newsletter = make_newsletter(session, "other")
        stories = [make_article(session, "port")]
        draft = make_issue(session, newsletter, stories, IssueState.DRAFT, composed_at=NOW)
        session.execute(delete(Home))
    with paper.reading() as session:
        session.add(draft)
        acts: list[Callable[[], None]] = [
            lambda: approve(session, draft, "Imara", NOW),
            lambda: send_now(session, draft, "Imara", NOW),
            lambda: schedule(session, draft, NOW.replace(year=2027), NOW),
        ]
        for act in acts:
            with pytest.raises(RefusedError, match="digest doctor"):
                act()


def test_a_move_that_is_recorded_is_no_move_any_more(paper: Database) -> None:
    with paper.transaction() as session:
        session.execute(delete(Home))
        home.record(session, NOW)
    assert not look(paper.url).moved


def test_one_of_before_this_was_recorded_is_not_believed_when_it_is_upgraded(
    database: Database,
) -> None:
    upgrade(database.url)
    with database.transaction() as session:
        make_newsletter(session)
    downgrade(database.url, "0001")
    upgrade(database.url)
    assert look(database.url).moved, "it may be a backup of that time"

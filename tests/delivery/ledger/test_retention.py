"""Old deliveries become totals; whatever else was promised of an old issue goes on."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, func, select, text, update

from digest.clock import months_before
from digest.database.tables import database_now
from digest.database.transactions import Database
from digest.delivery.ledger import partitions
from digest.delivery.ledger.reporting import Report, report
from digest.delivery.ledger.retention import SLICE, fold_deliveries, fold_due
from digest.delivery.ledger.watching import watched_issues
from digest.models import (
    Attempt,
    Delivery,
    DeliveryState,
    Issue,
    IssueState,
    IssueTotal,
    Rendering,
    Story,
    Subscription,
)
from digest.newsroom.issues.composing import compose, create_issue
from digest.readers.preferences.leaving import leave
from digest.tokens import Purpose
from tests.delivery.conftest import Press, readers
from tests.factories import NOW, RING, make_issue, make_newsletter

A_YEAR_ON = NOW + timedelta(days=366)
ENDINGS: tuple[tuple[DeliveryState, str | None, int | None], ...] = (
    (DeliveryState.ACCEPTED, None, 250),
    (DeliveryState.ACCEPTED, None, 250),
    (DeliveryState.BOUNCED, None, 550),
    (DeliveryState.COMPLAINED, None, None),
    (DeliveryState.FAILED, "refused", 550),
    (DeliveryState.FAILED, "refused", 552),
    (DeliveryState.FAILED, "gave_up", 451),
    (DeliveryState.EXCLUDED, "left", None),
    (DeliveryState.EXCLUDED, "left", None),
    (DeliveryState.CANCELLED, None, None),
    (DeliveryState.IN_DOUBT, None, 250),
)


def old_issue(press: Press, state: IssueState = IssueState.SENT, **changes: object) -> int:
    """Freeze an issue, let its deliveries end in every way, and let the watch over it end."""
    issue_id = press.frozen_issue(*readers(len(ENDINGS)))
    with press.database.transaction() as session:
        rows = session.scalars(select(Delivery).order_by(Delivery.subscriber_id)).all()
        for row, (ending, reason, code) in zip(rows, ENDINGS, strict=True):
            row.state, row.reason, row.code = ending, reason, code
            session.add(
                Attempt(
                    issue_id=issue_id, subscriber_id=row.subscriber_id, at=NOW,
                    outcome="retry", stage="RCPT",
                )
            )  # fmt: skip
        values = {"state": state, "sent_at": NOW, "watched_until": NOW + timedelta(days=3)}
        session.execute(update(Issue).values(**(values | changes)))
    return issue_id


def fold(
    press: Press,
    now: datetime = A_YEAR_ON,
    months: int = 12,
    go_on: Callable[[], bool] = lambda: True,
) -> None:
    fold_deliveries(press.database, now=now, months=months, go_on=go_on)


def is_due(press: Press, now: datetime = A_YEAR_ON, months: int = 12) -> bool:
    with press.database.reading() as session:
        return fold_due(session, now, months)


def told(press: Press, issue_id: int) -> Report:
    with press.database.reading() as session:
        return report(session, session.get_one(Issue, issue_id))


def rows_left(press: Press, model: type[Delivery | Attempt | IssueTotal | Rendering]) -> int:
    with press.database.reading() as session:
        return session.scalars(select(func.count()).select_from(model)).one()


def test_the_report_is_the_same_before_and_after(press: Press) -> None:
    issue_id = old_issue(press)
    before = told(press, issue_id)
    assert is_due(press)
    fold(press)
    assert told(press, issue_id) == before
    assert before.adds_up
    assert before.reasons == (
        ("left", 2), ("cancelled", 1), ("gave_up (451)", 1), ("refused (550)", 1),
        ("refused (552)", 1),
    )  # fmt: skip
    issue = press.issue(issue_id)
    assert (issue.folded_at, issue.cleared_at) == (A_YEAR_ON, A_YEAR_ON)
    assert (rows_left(press, Delivery), rows_left(press, Attempt)) == (0, 0)
    assert rows_left(press, Rendering) == 1, "what was sent can still be shown"
    assert not is_due(press)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_its_partition_is_dropped(press: Press) -> None:
    issue_id = old_issue(press)
    with press.database.transaction() as session:
        partitions.add(session, 10_000)
    fold(press)
    with press.database.reading() as session:
        for of, there in ((issue_id, False), (10_000, True)):
            found = session.scalar(
                text("SELECT to_regclass(:name) IS NOT NULL"), {"name": f"delivery_{of}"}
            )
            assert found is there


def test_not_before_its_time_and_never_where_all_is_kept(press: Press) -> None:
    old_issue(press)
    for now, months in ((NOW + timedelta(days=364), 12), (A_YEAR_ON, 13), (A_YEAR_ON, 0)):
        assert not is_due(press, now, months)
        fold(press, now, months)
    assert rows_left(press, Delivery) == len(ENDINGS)


@pytest.mark.parametrize("state", [IssueState.SENDING, IssueState.PAUSED, IssueState.PARKED])
def test_an_issue_that_is_not_over_is_left_alone(press: Press, state: IssueState) -> None:
    old_issue(press, state)
    fold(press)
    assert rows_left(press, Delivery) == len(ENDINGS)


def test_nor_is_one_that_is_still_watched_or_has_a_row_open(press: Press) -> None:
    issue_id = old_issue(press, watched_until=datetime.now(UTC) + timedelta(days=1))
    fold(press)
    assert press.issue(issue_id).folded_at is None
    with press.database.transaction() as session:
        session.execute(update(Issue).values(watched_until=NOW))
        session.execute(
            update(Delivery).where(Delivery.code == 552).values(state=DeliveryState.SENDING)
        )
    fold(press)
    assert press.issue(issue_id).folded_at is None
    assert rows_left(press, Delivery) == len(ENDINGS)


def test_a_cancelled_one_is_kept_as_long_from_when_its_end_was_seen(press: Press) -> None:
    issue_id = old_issue(press, IssueState.CANCELLED, sent_at=None)
    fold(press, NOW + timedelta(days=364))
    assert press.issue(issue_id).folded_at is None
    fold(press)
    assert press.issue(issue_id).folded_at == A_YEAR_ON


def test_two_at_once_count_once(press: Press) -> None:
    issue_id = old_issue(press)
    before = told(press, issue_id)
    folders = [threading.Thread(target=fold, args=(press,)) for _ in range(3)]
    for folder in folders:
        folder.start()
    for folder in folders:
        folder.join()
    assert told(press, issue_id) == before


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_ledger_that_is_being_read_is_not_waited_for(press: Press) -> None:
    issue_id = old_issue(press)
    with press.database.reading() as backup:
        backup.execute(text("LOCK TABLE delivery IN ACCESS SHARE MODE"))
        fold(press)
        assert press.issue(issue_id).folded_at is None, "all of it, or nothing"
        assert rows_left(press, IssueTotal) == 0
    assert is_due(press)
    fold(press)
    assert rows_left(press, Delivery) == 0


def test_rows_are_deleted_in_slices_and_a_stop_is_heeded(press: Press) -> None:
    issue_id = old_issue(press)
    with press.database.transaction() as session:
        session.execute(
            text(
                "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL"
                " SELECT n + 1 FROM numbers WHERE n < :count)"
                " INSERT INTO attempt (issue_id, subscriber_id, at, outcome, stage)"
                " SELECT :issue, n, CURRENT_TIMESTAMP, 'retry', 'RCPT' FROM numbers"
            ),
            {"issue": issue_id, "count": 2 * SLICE},
        )
    before = told(press, issue_id)
    turns = iter([True, True, False])
    fold(press, go_on=lambda: next(turns))
    assert rows_left(press, Attempt) == SLICE + len(ENDINGS)
    assert told(press, issue_id) == before
    assert is_due(press), "the rest is found again"
    deleted: list[int] = []

    def see(_: object, cursor: Any, statement: str, *__: object) -> None:
        if statement.startswith("DELETE"):
            deleted.append(cursor.rowcount)

    event.listen(press.database.engine, "after_cursor_execute", see)
    fold(press)
    assert max(deleted) == SLICE
    assert (rows_left(press, Delivery), rows_left(press, Attempt)) == (0, 0)
    assert told(press, issue_id) == before


def test_old_unsubscribe_links_go_on_working(press: Press) -> None:
    old_issue(press)
    with press.database.reading() as session:
        mailed = session.scalars(select(Subscription)).all()[0]
        link = RING.sign(Purpose.UNSUBSCRIBE, mailed.token_id)
    fold(press)
    with press.database.transaction() as session:
        assert leave(session, RING.read(Purpose.UNSUBSCRIBE, link).id, now=A_YEAR_ON).changed
    with press.database.reading() as session:
        assert session.get_one(Subscription, mailed.id).ended_at == A_YEAR_ON


@pytest.mark.parametrize(
    ("state", "given_back"), [(DeliveryState.ACCEPTED, False), (DeliveryState.CANCELLED, True)]
)
@pytest.mark.parametrize("folded", [False, True])
def test_no_story_comes_twice_after_folding(
    press: Press, state: DeliveryState, given_back: bool, folded: bool
) -> None:
    issue_id = old_issue(press, IssueState.CANCELLED)
    with press.database.transaction() as session:
        session.execute(update(Delivery).values(state=state))
    if folded:
        fold(press)
    with press.database.transaction() as session:
        old = session.get_one(Issue, issue_id)
        taken = set(session.scalars(select(Story.article_id)).all())
        issue = create_issue(session, old.newsletter, NOW.date() + timedelta(days=7), NOW)
        old.newsletter.story_min = 1
        compose(session, issue, NOW)
        assert {story.article_id for story in issue.stories} == (taken if given_back else set())


def test_a_sent_issues_stories_are_used_up_for_good(press: Press) -> None:
    issue_id = old_issue(press)
    fold(press)
    with press.database.transaction() as session:
        old = session.get_one(Issue, issue_id)
        issue = create_issue(session, old.newsletter, NOW.date() + timedelta(days=7), NOW)
        compose(session, issue, NOW)
        assert (issue.state, issue.stories) == (IssueState.SKIPPED, [])


def test_asking_costs_the_tick_no_look_at_deliveries(database: Database) -> None:
    with database.transaction() as session:
        newsletter = make_newsletter(session)
        for week in range(3):
            make_issue(session, newsletter, [], IssueState.SENT, occurrence_on=None, number=week)
    seen: list[str] = []
    event.listen(
        database.engine,
        "before_cursor_execute",
        lambda _, __, statement, *___: seen.append(statement),
    )
    with database.reading() as session:
        assert not fold_due(session, A_YEAR_ON, 12)
    assert not [statement for statement in seen if "delivery" in statement]


@given(st.integers(0, 400_000), st.integers(1, 1200))
def test_months_are_those_of_the_calendar(days: int, months: int) -> None:
    now = datetime(1970, 1, 1, 6, 30, tzinfo=UTC) + timedelta(days=days)
    before = months_before(now, months)
    assert (now.year * 12 + now.month) - (before.year * 12 + before.month) == months
    assert before.time() == now.time()
    assert before.day == now.day or (before + timedelta(days=1)).day == 1


def test_a_watched_issue_is_looked_after_for_days_and_then_no_more(press: Press) -> None:
    issue_id = old_issue(press, watched_until=None)
    with press.database.transaction() as session:
        assert watched_issues(session) == [issue_id]
        session.execute(update(Issue).values(watched_until=database_now(-1)))
        assert watched_issues(session) == []
        session.execute(update(Issue).values(state=IssueState.SENDING))
        assert watched_issues(session) == [issue_id]
        session.execute(update(Issue).values(state=IssueState.SENT))
        assert watched_issues(session) == [issue_id], "the days are counted anew"

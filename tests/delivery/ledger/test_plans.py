"""What runs each minute, or for each window, reads no row of an issue that went out long ago."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event, text, update
from sqlalchemy.orm import Session

from digest.database.transactions import Database
from digest.delivery.ledger import claiming, partitions, retention, sweeping
from digest.delivery.relay.connection import Fate, Outcome, Stage
from digest.delivery.windows import NOTHING, Told
from digest.models import Delivery, DeliveryState, Issue, IssueState
from tests.delivery.conftest import Press, readers
from tests.delivery.test_windows import opened, outcome
from tests.factories import NOW, make_issue, make_newsletter

OLD_ISSUES, OLD_ROWS, SENT_ROWS = 20, 300, 5000
BIG = 60_000
STRANGERS = """
    INSERT INTO subscriber (id, subject, language, created_at)
    SELECT 10000 + n, decode(md5(n::text), 'hex'), 'en', now() FROM generate_series(1, 20000) n
"""


def fill(press: Press, issue_id: int) -> None:
    """Add old issues, all of whose rows are final, and a good part of this one that is."""
    with press.database.transaction() as session:
        newsletter = session.get_one(Issue, issue_id).newsletter
        for week in range(OLD_ISSUES):
            old = make_issue(
                session, newsletter, [], IssueState.SENT, occurrence_on=None, number=100 + week,
                send_at=NOW - timedelta(weeks=week), watched_until=NOW - timedelta(weeks=week),
            )  # fmt: skip
            add_rows(session, "delivery", old.id, 1, OLD_ROWS)
        add_rows(session, "delivery", issue_id, 10_000, SENT_ROWS, "queued")
        # The statistics are of the freeze, when all was still to be done.
        session.execute(text("ANALYZE"))
        sent = Delivery.subscriber_id >= 10_000
        session.execute(update(Delivery).where(sent).values(state=DeliveryState.ACCEPTED))


def add_rows(
    session: Session, table: str, issue_id: int, first: int, count: int, state: str = "accepted"
) -> None:
    session.execute(
        text(
            "WITH RECURSIVE numbers (n) AS (SELECT CAST(:first AS BIGINT) UNION ALL"
            " SELECT n + 1 FROM numbers WHERE n < :last)"
            f" INSERT INTO {table} (issue_id, subscriber_id, rendering_id, state, attempts,"
            " released_at, next_attempt_at)"
            " SELECT :issue, n, 1, :state, 1, CURRENT_TIMESTAMP, CURRENT_TIMESTAMP FROM numbers"
        ),
        {"issue": issue_id, "first": first, "last": first + count - 1, "state": state},
    )


@contextmanager
def statements(database: Database) -> Iterator[list[tuple[str, Any]]]:
    seen: list[tuple[str, Any]] = []

    def see(_: Connection, __: object, statement: str, parameters: Any, *___: object) -> None:
        seen.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", see)
    try:
        yield seen
    finally:
        event.remove(database.engine, "before_cursor_execute", see)


def plan(database: Database, statement: str, parameters: Any) -> str:
    word = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "
    connection = database.engine.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute(word + statement, parameters)
        return "\n".join(str(row[-1]) for row in cursor.fetchall())
    finally:
        connection.rollback()
        connection.close()


def steps_of(press: Press, issue_id: int) -> list[Callable[[Session], object]]:
    """Return what runs each minute, or for each window, of an issue that is being sent."""
    with press.database.transaction() as session:
        claiming.start_sending(session, issue_id)
        token = claiming.claim(session, issue_id, size=20, lease_seconds=60)
        newsletter_id = session.get_one(Issue, issue_id).newsletter_id
    assert token is not None
    accepted = Outcome(1, Fate.ACCEPTED, None, Stage.FINAL_DOT)
    return [
        lambda s: sweeping.sweep_leases(s, final_dot_wait=600),
        sweeping.resume_parked,
        sweeping.issues_with_work,
        lambda s: sweeping.next_moment(s, issue_id, within=60),
        lambda s: sweeping.others_on_the_wire(s, token),
        lambda s: sweeping.close_if_done(s, issue_id, NOW),
        lambda s: retention.fold_due(s, NOW, 12),
        lambda s: claiming.claim(s, issue_id, size=20, lease_seconds=60),
        lambda s: claiming.open_window(s, issue_id, token, size=9, lease_seconds=60, now=NOW),
        lambda s: claiming.read_window(s, issue_id, token, newsletter_id, NOW),
        lambda s: claiming.record(s, issue_id, token, [accepted]),
        lambda s: claiming.release(s, issue_id, token),
        lambda s: claiming.take_window(
            s, issue_id, claiming.new_token(), size=9, lease_seconds=60, now=NOW
        ),
        lambda s: claiming.count_window(s, issue_id, token),
        lambda s: sweeping.withdraw(s, issue_id, at_most=20),
    ]


def test_no_statement_of_the_tick_or_of_a_worker_reads_old_rows(press: Press) -> None:
    issue_id = press.frozen_issue(*readers(100))
    fill(press, issue_id)
    steps = steps_of(press, issue_id)
    with statements(press.database) as seen, press.database.transaction() as session:
        for step in steps:
            step(session)
    for statement, parameters in seen:
        if "delivery" in statement:
            found = plan(press.database, statement, parameters)
            assert "Seq Scan on delivery" not in found, statement
            assert "SCAN delivery\n" not in f"{found}\n", statement


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_no_step_of_the_tick_or_of_a_worker_opens_another_issues_partition(press: Press) -> None:
    issue_id = press.frozen_issue(*readers(100))
    fill(press, issue_id)
    steps = steps_of(press, issue_id)
    locked = text(
        "SELECT DISTINCT relation::regclass::text FROM pg_locks WHERE pid = pg_backend_pid()"
        " AND relation::regclass::text ~ '^delivery_[0-9]+$'"
    )
    for step in steps:
        # Again and again: the sixth time PostgreSQL might settle for a plan that fits any issue.
        with press.database.transaction() as session:
            for _ in range(8):
                step(session)
            assert set(session.scalars(locked)) <= {f"delivery_{issue_id}"}


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_the_first_claim_after_a_freeze_reads_no_more_than_it_takes(press: Press) -> None:
    with press.database.transaction() as session:
        newsletter = make_newsletter(session)
        issue_id = make_issue(session, newsletter, [], occurrence_on=None).id
        partitions.make(session, issue_id)
        add_rows(session, partitions.name_of(issue_id), issue_id, 1, BIG, "queued")
        partitions.attach(session, issue_id)
    with statements(press.database) as seen, press.database.transaction() as session:
        claiming.claim(session, issue_id, size=20, lease_seconds=60)
    found = plan(press.database, *seen[0])
    assert "Sort" not in found
    assert "Bitmap" not in found
    assert "Seq Scan on delivery" not in found


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_tick_with_nothing_to_send_opens_no_partition_at_all(press: Press) -> None:
    issue_id = press.frozen_issue(*readers(1))
    with press.database.transaction() as session:
        session.execute(update(Issue).values(state=IssueState.SENT, watched_until=NOW))
    fill(press, issue_id)
    with statements(press.database) as seen, press.database.transaction() as session:
        sweeping.sweep_leases(session, final_dot_wait=600)
        assert sweeping.issues_with_work(session) == []
    assert not [statement for statement, _ in seen if "delivery" in statement]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_the_plans_that_a_sender_keeps_read_no_more_than_its_window(press: Press) -> None:
    """A kept plan is made for all values: one for a tenth of the table would read all of it."""
    issue_id = press.frozen_issue(*readers(100))
    with press.database.transaction() as session:
        add_rows(session, "delivery", issue_id, 10_000, 20_000, "queued")
        session.execute(text(STRANGERS))
        session.execute(text("ANALYZE"))
    scans = "SELECT relname, seq_scan FROM pg_stat_user_tables WHERE relname = ANY(%(tables)s)"
    tables = {"tables": [partitions.name_of(issue_id), "subscriber", "subscription"]}
    with opened(press, issue_id) as windows, press.database.held() as looking:

        def scanned() -> list[tuple[Any, ...]]:
            windows._held.run("SELECT pg_stat_force_next_flush()", {})
            return looking.run(scans, tables)

        before = scanned()
        told = NOTHING
        for _ in range(3):
            window = windows.turn(told, 25)
            there = windows.read(window.token)
            assert len(there) == 25
            told = Told(window.token, [outcome(reader.subscriber_id) for reader in there])
        windows.write(told)
        windows.release()
        assert scanned() == before

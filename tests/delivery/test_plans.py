"""What runs each minute, or for each window, reads no row of an issue that went out long ago."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, event, insert, text
from sqlalchemy.orm import Session

from digest.database import Database
from digest.delivery import ledger, sweeping
from digest.models import Delivery, DeliveryState, Issue, IssueState
from tests.delivery.conftest import Press, readers
from tests.factories import NOW, make_issue

OLD_ISSUES, OLD_ROWS = 20, 500


def fill(press: Press, issue_id: int) -> None:
    """Add old issues, all of whose rows are final."""
    with press.database.transaction() as session:
        newsletter = session.get_one(Issue, issue_id).newsletter
        for week in range(OLD_ISSUES):
            old = make_issue(
                session, newsletter, [], IssueState.SENT, occurrence_on=None, number=100 + week,
                send_at=NOW - timedelta(weeks=week),
            )  # fmt: skip
            final = {
                "issue_id": old.id, "rendering_id": 1, "state": DeliveryState.ACCEPTED,
                "released_at": NOW, "next_attempt_at": NOW, "attempts": 1,
            }  # fmt: skip
            session.execute(
                insert(Delivery), [{"subscriber_id": n, **final} for n in range(OLD_ROWS)]
            )
        session.execute(text("ANALYZE"))


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


def test_no_statement_of_the_tick_or_of_a_worker_reads_old_rows(press: Press) -> None:
    issue_id = press.frozen_issue(*readers(100))
    fill(press, issue_id)
    with press.database.transaction() as session:
        ledger.start_sending(session, issue_id)
        token = ledger.claim(session, issue_id, size=20, lease_seconds=60, now=NOW)
        newsletter_id = session.get_one(Issue, issue_id).newsletter_id
    assert token is not None
    steps: list[Callable[[Session], object]] = [
        lambda s: sweeping.sweep_leases(s, final_dot_wait=600),
        sweeping.resume_parked,
        sweeping.issues_with_work,
        lambda s: sweeping.next_moment(s, issue_id, within=60),
        lambda s: sweeping.others_on_the_wire(s, token),
        lambda s: sweeping.close_if_done(s, issue_id, NOW),
        lambda s: ledger.claim(s, issue_id, size=20, lease_seconds=60, now=NOW),
        lambda s: ledger.open_window(s, issue_id, token, size=9, lease_seconds=60, now=NOW),
        lambda s: ledger.read_window(s, issue_id, token, newsletter_id, NOW),
        lambda s: ledger.release(s, issue_id, token),
    ]
    with statements(press.database) as seen, press.database.transaction() as session:
        for step in steps:
            step(session)
    for statement, parameters in seen:
        if "delivery" in statement:
            found = plan(press.database, statement, parameters)
            assert "Seq Scan on delivery" not in found, statement
            assert "SCAN delivery\n" not in f"{found}\n", statement

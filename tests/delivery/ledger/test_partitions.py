"""PostgreSQL keeps each issue's deliveries in a table of its own, made whole or not at all."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from digest.database.transactions import Database
from digest.delivery.ledger import claiming, partitions
from digest.delivery.ledger.freezing import prepare
from digest.migrations import upgrade
from digest.models import DeliveryState, IssueState
from tests.delivery.conftest import Press, readers
from tests.factories import NOW, make_article, make_issue, make_newsletter, make_reader
from tests.servers.postgresql import PostgresServer, PrivatePostgres, libpq_url

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


def scheduled_issue(press: Press, slug: str, *emails: str) -> int:
    with press.database.transaction() as session:
        newsletter = make_newsletter(session, slug)
        for email in emails:
            make_reader(session, newsletter, email)
        articles = [make_article(session, f"{slug}-{n}") for n in range(3)]
        return make_issue(session, newsletter, articles).id


def tables(press: Press) -> dict[str, int]:
    """Return the partitions, and how many rows each holds."""
    with press.database.reading() as session:
        names = session.scalars(
            text(
                "SELECT inhrelid::regclass::text FROM pg_inherits"
                " WHERE inhparent = 'delivery'::regclass"
            )
        ).all()
        return {name: session.scalars(text(f"SELECT count(*) FROM {name}")).one() for name in names}


@contextmanager
def ended(threads: list[threading.Thread], within: float = 30.0) -> Iterator[None]:
    for thread in threads:
        thread.start()
    yield
    for thread in threads:
        thread.join(within)
    assert not any(thread.is_alive() for thread in threads), "somebody waits for somebody"


def test_an_issue_has_its_deliveries_in_a_table_of_its_own(press: Press) -> None:
    first = press.frozen_issue(*readers(3))
    second = scheduled_issue(press, "other", "other@example.org")
    assert press.freeze(second)
    assert tables(press) == {f"delivery_{first}": 3, f"delivery_{second}": 1}
    assert press.issue(first).audience == 3


def test_its_table_has_the_indexes_of_the_ledger_and_no_check_of_its_own(press: Press) -> None:
    issue_id = press.frozen_issue(*readers(1))
    with press.database.reading() as session:
        indexes = "SELECT count(*) FROM pg_index WHERE indrelid = CAST(:of AS regclass)"
        checks = (
            "SELECT count(*) FROM pg_constraint WHERE contype = 'c'"
            " AND conrelid = CAST(:of AS regclass)"
        )
        for query in (indexes, checks):
            own = session.scalar(text(query), {"of": f"delivery_{issue_id}"})
            assert own == session.scalar(text(query), {"of": "delivery"})


def test_a_delivery_of_an_issue_that_was_not_frozen_cannot_be_written(press: Press) -> None:
    issue_id = scheduled_issue(press, "early")
    row = {"state": "queued", "now": NOW, "issue": issue_id}
    with (
        pytest.raises(Exception, match="no partition"),
        press.database.transaction() as session,
    ):
        session.execute(
            text(
                "INSERT INTO delivery (issue_id, subscriber_id, rendering_id, state, attempts,"
                " released_at, next_attempt_at) VALUES (:issue, 1, 1, :state, 0, :now, :now)"
            ),
            row,
        )


def test_issues_that_are_frozen_at_once_do_not_wait_for_each_other_for_ever(press: Press) -> None:
    issues = [scheduled_issue(press, f"paper-{n}", f"robin{n}@example.org") for n in range(4)]
    frozen: list[bool] = []
    workers = [
        threading.Thread(target=lambda issue=issue: frozen.append(press.freeze(issue)))
        for issue in issues
    ]
    with ended(workers):
        pass
    assert frozen == [True] * 4
    assert tables(press) == {f"delivery_{issue}": 1 for issue in issues}


def test_a_freeze_waits_for_nobody_who_reads_the_ledger(press: Press) -> None:
    press.frozen_issue(*readers(2))
    issue_id = scheduled_issue(press, "other", "other@example.org")
    with press.database.reading() as backup:
        backup.execute(text("LOCK TABLE delivery IN ACCESS SHARE MODE"))
        backup.execute(text("SELECT count(*) FROM delivery"))
        with ended([threading.Thread(target=press.freeze, args=(issue_id,))]):
            pass
    assert press.issue(issue_id).state is IssueState.FROZEN


def test_workers_go_on_while_another_issue_is_being_frozen(press: Press) -> None:
    sending = press.frozen_issue(*readers(3))
    other = scheduled_issue(press, "other")
    claims: list[bytes | None] = []

    def work() -> None:
        with press.database.transaction() as session:
            claiming.start_sending(session, sending)
            claims.append(claiming.claim(session, sending, size=3, lease_seconds=60))

    with press.database.transaction() as freeze:
        partitions.add(freeze, other)
        with ended([threading.Thread(target=work)]):
            pass
    assert claims != [None]
    assert press.states(sending) == [DeliveryState.CLAIMED] * 3


def test_a_freeze_that_failed_leaves_nothing_and_can_be_done_again(press: Press) -> None:
    issue_id = scheduled_issue(press, "early", *readers(2))
    name = partitions.name_of(issue_id)
    with press.database.transaction() as session:
        session.execute(text(f"CREATE TABLE {name} (in_the_way int)"))
    with pytest.raises(ProgrammingError, match="already exists"):
        press.freeze(issue_id)
    issue = press.issue(issue_id)
    assert (issue.state, issue.number, tables(press)) == (IssueState.SCHEDULED, None, {})
    with press.database.transaction() as session:
        session.execute(text(f"DROP TABLE {name}"))
    assert press.freeze(issue_id)
    assert tables(press) == {name: 2}


def as_role(server: PostgresServer, name: str, *, owner: bool) -> str:
    """Return the URL of a database, as one who may log in and is nothing special."""
    url = server.create_database()
    with psycopg.connect(libpq_url(server.url), autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE")
        if owner:
            database = url.partition("?")[0].rpartition("/")[2]
            connection.execute(f"ALTER DATABASE {database} OWNER TO {name}")
    return url.replace("postgres@", f"{name}@")


def test_the_role_that_owns_the_tables_is_enough_and_less_is_said_in_words(
    private_postgres: Callable[[], PrivatePostgres], press: Press
) -> None:
    server = private_postgres()
    url = as_role(server, "paper", owner=True)
    upgrade(url)
    press.database = Database(url)
    issue_id = press.frozen_issue(*readers(2))
    with press.database.transaction() as session:
        assert partitions.drop(session, issue_id)
    issue_id = scheduled_issue(press, "other", "other@example.org")
    as_role(server, "stranger", owner=False)
    with press.database.transaction() as session:
        for granted in ("SELECT, INSERT, UPDATE ON ALL TABLES", "USAGE ON ALL SEQUENCES"):
            session.execute(text(f"GRANT {granted} IN SCHEMA public TO stranger"))
    strange = Database(url.replace("paper@", "stranger@"))
    try:
        assert not prepare(
            strange, issue_id, now=NOW, public_url=press.settings.public_url, inbound_domain=None
        )
    finally:
        strange.dispose()
    issue = press.issue(issue_id)
    press.database.dispose()
    assert issue.state is IssueState.HELD
    assert "Let it own the table `delivery`" in (issue.reason or "")

"""PostgreSQL: what tells a restored or copied database from the original."""

from collections.abc import Callable

import psycopg
import pytest
from sqlalchemy import make_url, text

from digest.checkup import Level
from digest.checkup.residence import look_at_home
from digest.database.transactions import Database
from digest.delivery.ledger import claiming
from digest.migrations import upgrade
from tests.delivery.conftest import Press, readers
from tests.factories import NOW, make_newsletter, make_settings
from tests.home.conftest import look
from tests.servers.postgresql import PostgresServer, PrivatePostgres, libpq_url
from tests.servers.run import Run

only_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

# As COPY does with the rows of a dump: all as it was, in another transaction.
WRITE_ANEW = """
CREATE TEMPORARY TABLE kept AS SELECT * FROM home; DELETE FROM home;
INSERT INTO home SELECT * FROM kept; DROP TABLE kept
"""


@only_postgresql
def test_neither_vacuum_nor_a_new_column_makes_it_another_one(paper: Database) -> None:
    with psycopg.connect(libpq_url(paper.url), autocommit=True) as connection:
        for statement in (
            "VACUUM FULL home",
            "VACUUM FREEZE home",
            "CLUSTER home USING pk_home",
            "ALTER TABLE home ADD COLUMN more INTEGER DEFAULT 5",
        ):
            connection.execute(statement)
            assert not look(paper.url).moved, statement


@only_postgresql
def test_rows_that_were_restored_into_the_same_tables(paper: Database) -> None:
    with paper.transaction() as session:
        session.execute(text(WRITE_ANEW))
    assert look(paper.url).why == "its rows were written anew, as by restoring a dump"


@only_postgresql
def test_a_copy_within_the_same_server(paper: Database, postgres_server: PostgresServer) -> None:
    paper.dispose()
    copy = postgres_server.create_database(template=paper.url)
    assert look(copy).why == "it lived in another database of this server"
    assert not look(paper.url).moved, "the original goes on"
    postgres_server.drop(copy)


@only_postgresql
def test_a_restore_under_a_worker_that_holds_a_claim_lets_no_window_open(
    database: Database,
) -> None:
    press = Press(database, make_settings(database.url))
    issue_id = press.frozen_issue(*readers(5))
    with database.transaction() as session:
        assert claiming.start_sending(session, issue_id)
        token = claiming.claim(session, issue_id, size=3, lease_seconds=60)
    assert token is not None
    with database.transaction() as session:
        session.execute(text(WRITE_ANEW))
    with database.transaction() as session:
        assert not claiming.open_window(session, issue_id, token, size=3, lease_seconds=60, now=NOW)
        assert claiming.claim(session, issue_id, size=2, lease_seconds=60) is None


@pytest.fixture
def plain_role(private_postgres: Callable[[], PrivatePostgres]) -> str:
    """The URL for a user without any privilege beyond its own tables."""
    url = private_postgres().create_database()
    upgrade(url)
    with psycopg.connect(libpq_url(url)) as connection:
        connection.execute("CREATE ROLE plain LOGIN")
        connection.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO plain")
        connection.execute("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO plain")
    return make_url(url).set(username="plain").render_as_string(hide_password=False)


def test_an_ordinary_user_can_read_all_of_it(plain_role: str) -> None:
    database = Database(plain_role)
    with database.transaction() as session:
        make_newsletter(session)
    database.dispose()
    found = look(plain_role)
    assert not found.moved
    assert found.unread == ()


def test_what_a_server_keeps_to_itself_is_told_and_the_rest_still_counts(plain_role: str) -> None:
    superuser = libpq_url(plain_role).replace("plain@", "postgres@")
    with psycopg.connect(superuser) as connection:
        connection.execute("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
        connection.execute("REVOKE EXECUTE ON FUNCTION pg_current_wal_lsn() FROM PUBLIC")
    database = Database(plain_role)
    with database.transaction() as session:
        make_newsletter(session)
    found = look(plain_role)
    assert not found.moved
    assert found.unread == ("system", "timeline")
    with database.reading() as session:
        fine, *warnings = look_at_home(session, NOW)
    assert fine.level is Level.FINE
    assert ["system" in each.found for each in warnings] == [True, False]
    assert "GRANT EXECUTE ON FUNCTION pg_control_system()" in warnings[0].remedy
    with database.transaction() as session:
        session.execute(text(WRITE_ANEW))
    assert look(plain_role).why == "its rows were written anew, as by restoring a dump"
    database.dispose()
    with psycopg.connect(superuser) as connection:
        connection.execute("GRANT EXECUTE ON FUNCTION pg_control_system() TO PUBLIC")
    assert "has changed" in look(plain_role).why


def test_a_standby_that_has_taken_over_is_another_server(test_run: Run) -> None:
    server = PrivatePostgres(test_run, {"fsync": "off", "wal_level": "replica"})
    server.start()
    try:
        url = server.create_database()
        upgrade(url)
        database = Database(url)
        with database.transaction() as session:
            make_newsletter(session)
        server.stop()
        server.start()
        database.dispose()
        assert not look(url).moved, "it was only stopped and started"
        server.stop()
        (server.directory / "data" / "standby.signal").touch()
        server.start()
        with psycopg.connect(libpq_url(url)) as connection:
            assert connection.execute("SELECT pg_promote()").fetchone() == (True,)
        # At once, when the control file may still have the old timeline.
        assert "has a new timeline" in look(url).why
        database.dispose()
    finally:
        server.discard()

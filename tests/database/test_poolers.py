"""PostgreSQL behind a pooler in transaction mode, and one that keeps text in a poor encoding."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from digest.database.postgresql import is_pooled
from digest.database.transactions import Database
from digest.errors import WrongEncodingError
from digest.migrations import upgrade
from digest.models import DeliveryState, IssueState
from tests.cli.conftest import CommandLine
from tests.delivery.conftest import Press, readers
from tests.factories import make_settings
from tests.scripted_smtp import ScriptedRelay
from tests.servers.pgbouncer import PgBouncer
from tests.servers.postgresql import PostgresServer, libpq_url
from tests.servers.run import Run

POSTGRESQL = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture
def pooler(test_run: Run, database_url: str) -> Iterator[PgBouncer]:
    pooler = PgBouncer(test_run, database_url)
    pooler.start()
    yield pooler
    pooler.discard()


@POSTGRESQL
def test_a_pooler_is_found_out_and_nothing_is_kept_on_its_sessions(pooler: PgBouncer) -> None:
    database = Database(pooler.url)

    def work(number: int) -> int:
        for _ in range(12):
            with database.transaction() as session:
                session.execute(text("SELECT count(*) FROM newsletter WHERE id = :id"), {"id": 1})
            with database.held() as held:
                assert held.run("SELECT %(number)s::int + 1", {"number": number}) == [(number + 1,)]
        return number

    with ThreadPoolExecutor(8) as threads:
        assert sorted(threads.map(work, range(20))) == list(range(20))
    with database.connection() as connection:
        assert is_pooled(connection.connection.driver_connection)
        assert connection.execute(text("SELECT count(*) FROM pg_prepared_statements")).scalar() == 0
        assert connection.execute(text("SHOW plan_cache_mode")).scalar() == "auto"
    database.dispose()


@POSTGRESQL
def test_postgresql_itself_is_no_pooler(database: Database) -> None:
    with database.connection() as connection:
        assert not is_pooled(connection.connection.driver_connection)


@POSTGRESQL
def test_an_issue_is_sent_through_a_pooler(pooler: PgBouncer) -> None:
    database = Database(pooler.url)
    press = Press(database, make_settings(pooler.url))
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue(*readers(120))
        press.deliver(issue_id)
        assert len(relay.messages) == 120
    assert press.issue(issue_id).state is IssueState.SENT
    assert set(press.states(issue_id)) == {DeliveryState.ACCEPTED}
    database.dispose()


def command_line(database_url: str, folder: Path) -> CommandLine:
    return CommandLine(
        {"DATABASE_URL": database_url, "DIGEST_DATA_DIR": str(folder), "REDIS_URL": "memory://"}
    )


@POSTGRESQL
def test_doctor_says_what_a_pooler_costs(pooler: PgBouncer, tmp_path: Path) -> None:
    said = command_line(pooler.url, tmp_path)("doctor", "--json")

    (found,) = [each for each in said.json["checks"] if each["check"] == "pooler"]
    assert found["level"] == "warning"
    assert "no statement is kept prepared" in found["found"]


@pytest.fixture(params=["SQL_ASCII", "LATIN1"])
def poor(request: pytest.FixtureRequest, postgres_server: PostgresServer) -> Iterator[str]:
    """A database as a cluster makes it that was set up under LANG=C, or an old one."""
    name = f"poor_{request.param.lower()}"
    with psycopg.connect(libpq_url(postgres_server.url), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name}")
        connection.execute(
            f"CREATE DATABASE {name} ENCODING '{request.param}' TEMPLATE template0 "
            "LC_COLLATE 'C' LC_CTYPE 'C'"
        )
    url = postgres_server.url.replace("/postgres?", f"/{name}?")
    yield url
    postgres_server.drop(url)


def test_a_poor_encoding_is_refused_in_words(poor: str) -> None:
    encoding = poor.partition("/poor_")[2].partition("?")[0].upper()
    for act in (lambda: upgrade(poor), lambda: Database(poor).connection().__enter__()):
        with pytest.raises(WrongEncodingError, match=f"keeps text as {encoding}.*ENCODING 'UTF8'"):
            act()


def test_commands_and_doctor_name_it(poor: str, tmp_path: Path) -> None:
    digest = command_line(poor, tmp_path)
    refused = digest("newsletter", "list")
    said = digest("doctor", "--json")

    assert refused.exit_code == 1
    assert "readers' names need UTF8" in refused.err
    (found,) = [each for each in said.json["checks"] if each["check"] == "database"]
    assert found["level"] == "failure"
    assert "TEMPLATE template0" in found["remedy"]

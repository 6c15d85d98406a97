"""A database that does not let Digest's role do all that it must, as after a hasty restore."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from digest.migrations import upgrade
from tests.cli.conftest import CommandLine
from tests.servers.postgresql import PostgresServer, libpq_url

GUEST = "digest-guest"


@pytest.fixture
def url(postgres_server: PostgresServer) -> Iterator[str]:
    """A database of the server's own user, in which a guest has made all of the tables."""
    url = postgres_server.create_database()
    with psycopg.connect(libpq_url(postgres_server.url), autocommit=True) as connection:
        connection.execute(f'CREATE ROLE "{GUEST}" LOGIN')
    as_owner(url, f'GRANT CREATE ON SCHEMA public TO "{GUEST}"')
    upgrade(as_guest(url))
    as_owner(url, f'REVOKE CREATE ON SCHEMA public FROM PUBLIC, "{GUEST}"')
    yield url
    postgres_server.drop(url)
    with psycopg.connect(libpq_url(postgres_server.url), autocommit=True) as connection:
        connection.execute(f'DROP ROLE "{GUEST}"')


def as_owner(url: str, statement: str) -> None:
    with psycopg.connect(libpq_url(url), autocommit=True) as connection:
        connection.execute(statement.encode())


def as_guest(url: str) -> str:
    return make_url(url).set(username=GUEST).render_as_string(hide_password=False)


def digest(url: str, folder: Path) -> CommandLine:
    return CommandLine(
        {"DATABASE_URL": as_guest(url), "DIGEST_DATA_DIR": str(folder), "REDIS_URL": "memory://"}
    )


def rights(url: str, folder: Path) -> list[dict[str, str]]:
    checks = digest(url, folder)("doctor", "--json").json["checks"]
    return [each for each in checks if each["check"] == "rights"]


def test_doctor_sees_that_no_table_can_be_made_and_says_what_helps(
    url: str, tmp_path: Path
) -> None:
    (found,) = rights(url, tmp_path)
    assert found["level"] == "failure"
    assert "each issue gets one" in found["found"]

    as_owner(url, found["remedy"].partition(": ")[2])
    assert rights(url, tmp_path) == []


def test_doctor_names_a_table_that_is_somebody_else_s(url: str, tmp_path: Path) -> None:
    as_owner(url, f'GRANT CREATE ON SCHEMA public TO "{GUEST}"')
    as_owner(url, "ALTER TABLE delivery OWNER TO CURRENT_USER")
    as_owner(url, f'GRANT ALL ON delivery TO "{GUEST}"')

    (found,) = rights(url, tmp_path)
    assert found["level"] == "failure"
    assert "delivery" in found["found"]
    assert "--owner" in found["remedy"]


def test_tables_that_cannot_be_read_are_told_in_words(url: str, tmp_path: Path) -> None:
    as_owner(url, "ALTER TABLE alembic_version OWNER TO CURRENT_USER")
    said = digest(url, tmp_path)("db", "upgrade")
    checks = digest(url, tmp_path)("doctor", "--json").json["checks"]

    assert said.exit_code == 1
    assert "permission denied for table alembic_version" in said.err
    assert "own the database and all of its tables" in said.err
    (found,) = [each for each in checks if each["check"] == "database"]
    assert "permission denied for table alembic_version" in found["found"]
    assert "--owner" in found["remedy"]

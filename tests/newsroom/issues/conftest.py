"""A database that all examples of a property share."""

from collections.abc import Iterator
from dataclasses import dataclass
from shutil import copy

import pytest

from digest.database.transactions import Database
from tests.factories import make_article, make_newsletter
from tests.servers.postgresql import PostgresServer

SLUGS = ("port", "cold", "roofs", "bat", "ledgers")


@dataclass(frozen=True)
class Shared:
    """A newsletter and five articles; an example is to be rolled back."""

    database: Database
    newsletter_id: int
    articles: list[int]


@pytest.fixture(params=["sqlite", "postgresql"], scope="module")
def shared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shared]:
    """One database for all examples; each is rolled back."""
    server: PostgresServer | None = None
    if request.param == "sqlite":
        file = tmp_path_factory.mktemp("shared") / "digest.sqlite"
        copy(request.getfixturevalue("sqlite_template"), file)
        url = f"sqlite:///{file}"
    else:
        server = request.getfixturevalue("postgres_server")
        assert server is not None
        url = server.create_database(template=request.getfixturevalue("postgres_template"))
    database = Database(url)
    with database.transaction() as session:
        newsletter = make_newsletter(session)
        articles = [make_article(session, slug).id for slug in SLUGS]
        ids = newsletter.id, articles
    yield Shared(database, *ids)
    database.dispose()
    if server is not None:
        server.drop(url)

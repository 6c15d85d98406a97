"""Databases with a newsletter in them, which therefore know where they live."""

from pathlib import Path

import pytest

from digest import home
from digest.database.transactions import Database
from digest.home import Whereabouts
from tests.factories import make_newsletter


def look(url: str) -> Whereabouts:
    """Look as a new process would."""
    database = Database(url)
    try:
        with database.reading() as session:
            return home.look(session)
    finally:
        database.dispose()


@pytest.fixture
def paper(database: Database) -> Database:
    with database.transaction() as session:
        make_newsletter(session)
    return database


def sqlite(path: Path) -> str:
    return f"sqlite:///{path}"

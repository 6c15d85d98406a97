"""A tick of many newsletters: as many questions as of few, and no large table read whole."""

import re
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from bench.newsstand import stock
from digest.database.transactions import Database
from digest.runtime import Runtime, open_runtime
from digest.tick import tick
from tests.delivery.ledger.test_plans import plan, statements
from tests.factories import make_settings

LARGE = {
    "article",
    "issue",
    "notice",
    "page_check",
    "source",
    "source_fetch",
    "story",
    "subscriber",
}


IDS = re.compile(r"IN \((?:%\(\w+\)s(?:::\w+)?(?:, )?|NULL)+\)( AND \(1 != 1\))?")


class SilentBell:
    def ring(self, task: str, *ids: int) -> None:
        """Nobody is there to hear it."""


@pytest.fixture
def empty(database_url: str) -> Iterator[Runtime]:
    opened = open_runtime(make_settings(database_url), bell=SilentBell())
    yield opened
    opened.close()


def asked(runtime: Runtime) -> list[str]:
    """Return what an idle tick asks the database, in the order of the alphabet."""
    tick(runtime)
    with statements(runtime.database) as seen:
        tick(runtime)
    # A list of ids is longer, and the same question.
    return sorted(IDS.sub("IN (...)", statement) for statement, _ in seen)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_an_idle_tick_asks_no_more_of_many_newsletters_than_of_few(empty: Runtime) -> None:
    stock(empty.database.url, newsletters=25, sources=100, articles=5000)
    of_many = asked(empty)
    with empty.database.transaction() as session:
        session.execute(text("UPDATE newsletter SET retired_at = now() WHERE id > 2"))
        session.execute(text("UPDATE source SET retired_at = now() WHERE id > 8"))
    assert of_many == asked(empty)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_tick_reads_no_large_table_from_end_to_end(empty: Runtime) -> None:
    database: Database = empty.database
    stock(database.url, newsletters=25, sources=1000, articles=5000)
    with database.transaction() as session:
        session.execute(text("ANALYZE"))
    tick(empty)
    with statements(database) as seen:
        tick(empty)
    for statement, values in seen:
        found = plan(database, statement, values)
        scanned = set(re.findall(r"Seq Scan on (\w+)", found))
        assert not scanned & LARGE, f"{statement}\n{found}"
        assert not any(each.startswith("delivery") for each in scanned), statement

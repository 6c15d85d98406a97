"""A row that another process may write at the same moment."""

from datetime import UTC, datetime
from threading import Barrier, Thread

import pytest
from sqlalchemy import select

from digest.database.adding import add_unless_there
from digest.database.transactions import Database
from digest.models import Heartbeat

NOW = datetime(2026, 11, 14, 6, 0, tzinfo=UTC)


def beats(database: Database) -> list[str]:
    with database.reading() as session:
        return list(session.scalars(select(Heartbeat.name).order_by(Heartbeat.name)))


def test_what_the_transaction_wrote_before_and_writes_after_stays(database: Database) -> None:
    with database.transaction() as session:
        session.add(Heartbeat(name="before", at=NOW))
        assert add_unless_there(session, Heartbeat(name="tick", at=NOW))
        # Met by its key in the table, not in the session.
        session.expunge_all()
        assert not add_unless_there(session, Heartbeat(name="tick", at=NOW))
        session.add(Heartbeat(name="after", at=NOW))
    assert beats(database) == ["after", "before", "tick"]


@pytest.mark.parametrize("first", ["commits", "rolls back"])
def test_of_two_at_the_same_moment_one_writes_it(database: Database, first: str) -> None:
    written: list[bool] = []
    added = Barrier(2, timeout=20)

    def second() -> None:
        added.wait()
        with database.transaction() as session:
            written.append(add_unless_there(session, Heartbeat(name="tick", at=NOW)))

    thread = Thread(target=second)
    thread.start()
    try:
        with database.transaction() as session:
            assert add_unless_there(session, Heartbeat(name="tick", at=NOW))
            added.wait()
            if first == "rolls back":
                raise KeyError
    except KeyError:
        pass
    thread.join(20)
    assert written == [first == "rolls back"]
    assert beats(database) == ["tick"]

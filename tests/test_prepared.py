"""Statements that the driver runs: the same rows and the same errors as by SQLAlchemy."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import bindparam, insert, literal, select, text
from sqlalchemy.exc import IntegrityError, InternalError
from sqlalchemy.orm import Session

from digest.database import Database
from digest.errors import UnavailableError
from digest.migrations import upgrade
from digest.models import Heartbeat
from digest.prepared import Prepared, Trial
from tests.asked import asked
from tests.servers.postgresql import PrivatePostgres

NOW = datetime(2026, 11, 14, 6, 0, tzinfo=UTC)
BEAT = Prepared(insert(Heartbeat).values(name=bindparam("given_name"), at=bindparam("given_at")))
FIND = Prepared(
    select(Heartbeat.name, Heartbeat.at, literal("100 %").label("sure")).where(
        Heartbeat.name == bindparam("given_name")
    )
)


def beat(session: Session, name: str, at: datetime = NOW) -> None:
    assert not BEAT.run(session.connection(), {"given_name": name, "given_at": at})


def beats(database: Database) -> list[str]:
    with database.reading() as session:
        return list(session.scalars(select(Heartbeat.name).order_by(Heartbeat.name)))


def test_rows_come_by_the_names_of_their_columns(database: Database) -> None:
    moment = NOW.astimezone().replace(microsecond=1) + timedelta(hours=1)
    with database.transaction() as session:
        beat(session, "tick", moment)
        [row] = FIND.run(session.connection(), {"given_name": "tick"})
        assert not FIND.run(session.connection(), {"given_name": "tock"})
        found = session.scalar(select(Heartbeat.at))

    assert (row.name, row.at, row.sure) == ("tick", moment, "100 %")
    assert found == moment


def test_it_is_part_of_the_transaction_around_it(database: Database) -> None:
    def fail() -> None:
        with database.transaction() as session:
            beat(session, "lost")
            assert session.scalar(select(Heartbeat.name)) == "lost"
            raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        fail()
    assert beats(database) == []


def test_what_breaks_a_rule_is_an_error_of_sqlalchemys(database: Database) -> None:
    def twice() -> None:
        with database.transaction() as session:
            beat(session, "tick")
            beat(session, "tick")

    with pytest.raises(IntegrityError):
        twice()
    assert beats(database) == []


@pytest.mark.parametrize("keep", [True, False])
def test_a_trial_is_kept_or_taken_back(database: Database, keep: bool) -> None:
    with database.transaction() as session:
        beat(session, "before")
        trial = Trial(session.connection())
        beat(session, "tried")
        trial.end(keep=keep)
        beat(session, "after")

    assert beats(database) == ["after", "before", *(["tried"] if keep else [])]


def test_a_trial_that_broke_a_rule_is_taken_back_and_the_rest_stays(database: Database) -> None:
    with database.transaction() as session:
        beat(session, "before")
        trial = Trial(session.connection())
        with pytest.raises(IntegrityError):
            beat(session, "before")
        trial.end(keep=False)
        beat(session, "after")

    assert beats(database) == ["after", "before"]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_trial_outside_a_transaction_is_a_mistake(database: Database) -> None:
    with pytest.raises(InternalError), database.transaction() as session:
        Trial(session.connection())


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_statement_is_prepared_once_and_stays_so(database: Database) -> None:
    with asked(database) as first, database.transaction() as session:
        beat(session, "first")
    with database.transaction() as session:
        beat(session, "second")
        trial = Trial(session.connection())
        beat(session, "third")
        trial.end(keep=False)
    with asked(database) as later, database.transaction() as session:
        beat(session, "fourth")

    assert [each.split()[0] for each in first] == ["BEGIN", "Parse", "Bind", "COMMIT"]
    assert [each.split()[0] for each in later] == ["BEGIN", "Bind", "COMMIT"]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("step", ["statement", "trial", "end"])
def test_a_session_that_was_ended_is_an_outage(database: Database, step: str) -> None:
    def be_ended() -> None:
        with database.transaction() as session, database.reading() as other:
            beat(session, "lost")
            mine = session.scalar(text("SELECT pg_backend_pid()"))
            trial = Trial(session.connection())
            other.execute(text(f"SELECT pg_terminate_backend({mine}, 5000)"))
            if step == "statement":
                beat(session, "late")
            elif step == "trial":
                Trial(session.connection())
            else:
                trial.end(keep=True)

    with pytest.raises(UnavailableError):
        be_ended()
    assert beats(database) == []


def test_a_stopped_postgresql_is_an_outage_until_it_is_back(
    private_postgres: Callable[[], PrivatePostgres],
) -> None:
    server = private_postgres()
    url = server.create_database()
    upgrade(url)
    database = Database(url)
    with database.transaction() as session:
        beat(session, "before")
    server.stop()
    with pytest.raises(UnavailableError), database.transaction() as session:
        beat(session, "while it is away")
    server.start()
    with database.transaction() as session:
        beat(session, "after")

    assert beats(database) == ["after", "before"]
    database.dispose()

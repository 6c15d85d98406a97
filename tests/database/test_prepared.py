"""Statements that the driver runs: the same rows and the same errors as by SQLAlchemy."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import bindparam, insert, literal, select, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError, IntegrityError, InternalError
from sqlalchemy.orm import Session

from digest.database.prepared import Prepared, tried
from digest.database.transactions import Database
from digest.errors import UnavailableError
from digest.models import Heartbeat
from tests.asked import asked
from tests.servers.postgresql import PrivatePostgres

NOW = datetime(2026, 11, 14, 6, 0, tzinfo=UTC)
BEAT = Prepared(insert(Heartbeat).values(name=bindparam("given_name"), at=bindparam("given_at")))
FIND = Prepared(
    select(Heartbeat.name, Heartbeat.at, literal("100 %").label("sure")).where(
        Heartbeat.name == bindparam("given_name")
    )
)

ON_POSTGRESQL = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


def beat(session: Session, name: str, at: datetime = NOW) -> None:
    assert not BEAT.run(session.connection(), {"given_name": name, "given_at": at})


def beat_bare(connection: Connection, name: str) -> None:
    assert not BEAT.run(connection, {"given_name": name, "given_at": NOW})


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


def test_any_of_these_are_as_many_as_there_are(database: Database) -> None:
    anyone = select(Heartbeat.name).where(Heartbeat.name.in_(bindparam("names", expanding=True)))
    find = Prepared(anyone.order_by(Heartbeat.name))
    with database.transaction() as session:
        for name in ("tick", "tock"):
            beat(session, name)
        for names in (["tick"], ["tock", "tick"], [], ["100 %", "it's"]):
            found = [row.name for row in find.run(session.connection(), {"names": names})]
            assert found == sorted({"tick", "tock"} & {*names})


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
def test_what_is_tried_is_kept_or_taken_back(database: Database, keep: bool) -> None:
    with database.transaction() as session:
        beat(session, "before")
        tried(session.connection(), lambda: beat(session, "tried"), keep=keep)
        beat(session, "after")

    assert beats(database) == ["after", "before", *(["tried"] if keep else [])]


def test_what_breaks_a_rule_when_tried_is_taken_back_and_the_rest_stays(database: Database) -> None:
    def write() -> None:
        beat(session, "in the middle")
        beat(session, "before")

    with database.transaction() as session:
        beat(session, "before")
        tried(session.connection(), write)
        beat(session, "after")

    assert beats(database) == ["after", "before"]


@ON_POSTGRESQL
def test_to_try_outside_a_transaction_is_a_mistake(database: Database) -> None:
    with pytest.raises(InternalError), database.transaction() as session:
        tried(session.connection(), lambda: beat(session, "lost"))


@ON_POSTGRESQL
def test_a_statement_is_parsed_once_whatever_is_taken_back(database: Database) -> None:
    with asked(database) as first, database.bare_transaction() as connection:
        beat_bare(connection, "first")
    with database.bare_transaction() as connection:
        beat_bare(connection, "second")
        for name in ("taken back", "second"):
            tried(connection, partial(beat_bare, connection, name), keep=False)
    with pytest.raises(IntegrityError), database.bare_transaction() as connection:
        beat_bare(connection, "second")
    with asked(database) as later, database.bare_transaction() as connection:
        beat_bare(connection, "third")

    assert [each.split()[0] for each in first] == ["BEGIN", "Parse", "Bind", "COMMIT"]
    assert [each.split()[0] for each in later] == ["BEGIN", "Bind", "COMMIT"]
    assert beats(database) == ["first", "second", "third"]


@ON_POSTGRESQL
def test_what_is_put_off_comes_before_whatever_comes_next(database: Database) -> None:
    """A bare transaction's savepoints wait for the next statement, or the commit."""

    def writing(name: str) -> Callable[[], None]:
        return lambda: beat_bare(connection, name)

    def write_and_fail() -> None:
        with database.bare_transaction() as connection:
            tried(connection, lambda: beat_bare(connection, "lost"))
            raise ZeroDivisionError

    with database.bare_transaction() as connection:
        beat_bare(connection, "first")
        tried(connection, writing("taken back"), keep=False)
        assert connection.scalars(select(Heartbeat.name)).all() == ["first"]
        tried(connection, writing("first"))
        # What broke the rule also spoilt the transaction, until it is told of the savepoint.
        assert not FIND.run(connection, {"given_name": "taken back"})
        tried(connection, writing("last"))
    with pytest.raises(ZeroDivisionError):
        write_and_fail()
    with database.bare_transaction() as connection:
        assert FIND.run(connection, {"given_name": "last"})

    assert beats(database) == ["first", "last"]


@ON_POSTGRESQL
@pytest.mark.parametrize(
    "change",
    [
        "DEALLOCATE ALL",
        "ALTER TABLE heartbeat ALTER COLUMN at TYPE timestamp USING at AT TIME ZONE 'UTC'",
    ],
)
def test_what_the_server_knows_no_more_is_prepared_anew(database: Database, change: str) -> None:
    """An administrator made it forget; or a migration ran beside a web process."""

    def find(connection: Connection) -> None:
        assert len(FIND.run(connection, {"given_name": "first"})) == 1

    with database.bare_transaction() as connection:
        beat_bare(connection, "first")
        find(connection)
    # By the same session: the pool has no other.
    with database.bare_transaction() as connection:
        connection.execute(text(change))
    with database.bare_transaction() as connection:
        tried(connection, partial(find, connection))
        beat_bare(connection, "second")
    with database.bare_transaction() as connection:
        connection.execute(text(change.replace("timestamp ", "timestamptz ")))

    # In the middle of a transaction nothing can be done but to know better the next time.
    def find_late() -> None:
        with database.bare_transaction() as connection:
            connection.execute(text("SELECT 1"))
            find(connection)

    with pytest.raises(DBAPIError):
        find_late()
    find_late()

    assert beats(database) == ["first", "second"]


@ON_POSTGRESQL
@pytest.mark.parametrize("step", ["statement", "savepoint", "release"])
def test_a_session_that_was_ended_is_lost_and_so_are_the_others_of_its_pool(
    database: Database, step: str
) -> None:
    pid = text("SELECT pg_backend_pid()")
    with database.reading() as one, database.reading() as other:
        at_rest = [one.scalar(pid), other.scalar(pid)]

    admin = Database(database.url)
    told = []

    def lose() -> None:
        def be_ended() -> None:
            with admin.reading() as others:
                others.execute(text(f"SELECT pg_terminate_backend({mine}, 5000)"))

        with database.transaction() as session:
            beat(session, "lost")
            mine = session.scalar(pid)
            assert mine in at_rest
            late = partial(beat, session, "late")
            steps: dict[str, Callable[[], None]] = {
                "statement": late,
                "savepoint": partial(tried, session.connection(), late),
                "release": partial(tried, session.connection(), be_ended),
            }
            if step != "release":
                be_ended()
            try:
                steps[step]()
            except DBAPIError as error:
                told.append(error.connection_invalidated)
                raise

    with pytest.raises(UnavailableError):
        lose()
    admin.dispose()

    assert told == [True]
    assert beats(database) == []
    with database.reading() as one, database.reading() as other:
        assert not {one.scalar(pid), other.scalar(pid)} & set(at_rest)


def test_a_stopped_postgresql_is_an_outage_until_it_is_back(
    stoppable: tuple[PrivatePostgres, Database],
) -> None:
    server, database = stoppable
    with database.transaction() as session:
        beat(session, "before")
    server.stop()
    with pytest.raises(UnavailableError), database.transaction() as session:
        beat(session, "while it is away")
    server.start()
    with database.transaction() as session:
        beat(session, "after")

    assert beats(database) == ["after", "before"]

"""Both databases: types, the database's clock, transactions, and outages told from mistakes."""

import contextlib
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, literal, select, text, update
from sqlalchemy.exc import (
    DBAPIError,
    IntegrityError,
    OperationalError,
    ProgrammingError,
    StatementError,
)

from digest.database.inserting import next_id
from digest.database.tables import Base, UtcDateTime, database_now
from digest.database.transactions import Database
from digest.errors import UnavailableError
from digest.migrations import upgrade
from digest.models import Heartbeat, Media
from tests.servers.postgresql import PrivatePostgres

NOW = datetime(2026, 11, 14, 6, 0, tzinfo=UTC)
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
POSTGRESQL = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

moments = st.datetimes(
    datetime(1970, 1, 2), datetime(2999, 1, 1), timezones=st.timezones()  # noqa: DTZ001
)  # fmt: skip


def beat(database: Database, name: str, at: datetime = NOW) -> None:
    with database.transaction() as session:
        session.add(Heartbeat(name=name, at=at))


def beats(database: Database) -> list[str]:
    with database.reading() as session:
        return list(session.scalars(select(Heartbeat.name).order_by(Heartbeat.name)))


# Moments


def test_a_naive_moment_is_refused(database: Database) -> None:
    with pytest.raises(StatementError, match="naive"):
        beat(database, "tick", datetime(2026, 11, 14))  # noqa: DTZ001 - the point
    with pytest.raises(StatementError, match="naive"), database.reading() as session:
        session.scalars(select(Heartbeat).where(Heartbeat.at < datetime(2026, 1, 1))).all()  # noqa: DTZ001
    assert beats(database) == []


@settings(
    max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(moments)
def test_a_moment_comes_back_as_the_same_in_utc(database: Database, moment: datetime) -> None:
    with database.transaction() as session:
        session.execute(delete(Heartbeat))
        session.execute(insert(Heartbeat).values(name="tick", at=moment))
        found = session.scalar(select(Heartbeat.at))
        assert session.scalar(select(Heartbeat.name).where(Heartbeat.at == moment)) == "tick"
    assert found == moment.astimezone(UTC)
    assert found is not None
    assert found.tzinfo is UTC


def test_moments_sort_as_time_whatever_their_zones(database: Database) -> None:
    east, west = timezone(timedelta(hours=13)), timezone(timedelta(hours=-11))
    beat(database, "third", NOW)
    beat(database, "first", (NOW - timedelta(microseconds=2)).astimezone(east))
    beat(database, "second", (NOW - timedelta(microseconds=1)).astimezone(west))
    with database.reading() as session:
        found = session.scalars(select(Heartbeat.name).order_by(Heartbeat.at)).all()
    assert found == ["first", "second", "third"]


def test_no_moment_is_null(database: Database) -> None:
    with database.reading() as session:
        assert session.scalar(select(literal(None, UtcDateTime()))) is None


# The database's clock


def test_the_database_knows_what_time_it_is(database: Database) -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=2)
    with database.reading() as session:
        found = session.scalar(select(database_now()))
    assert found is not None
    assert before <= found <= datetime.now(UTC) + timedelta(milliseconds=2)
    assert found.tzinfo is UTC


@pytest.mark.parametrize(
    "seconds", [120, -120, 0.25, 61.234567, -0.5, 1e-05, -1e-07, 86400 * 365, 0, 2.5e6]
)
def test_the_database_reckons_from_now(database: Database, seconds: float) -> None:
    with database.reading() as session:
        now, then = session.execute(select(database_now(), database_now(seconds))).one()
    # PostgreSQL's moves on between the two; SQLite's counts in milliseconds.
    assert abs((then - now).total_seconds() - seconds) < 0.1


def test_now_compares_with_what_is_stored(database: Database) -> None:
    now = datetime.now(UTC)
    for name, seconds in {"long ago": -3600, "just over": -1, "held": 60, "for long": 7200}.items():
        beat(database, name, now + timedelta(seconds=seconds))
    with database.reading() as session:
        over = session.scalars(select(Heartbeat.name).where(Heartbeat.at < database_now())).all()
        soon = session.scalars(
            select(Heartbeat.name).where(
                Heartbeat.at.between(database_now(), database_now(seconds=100))
            )
        ).all()
    assert set(over) == {"long ago", "just over"}
    assert soon == ["held"]


def test_now_is_stored_and_found_to_be_over_later(database: Database) -> None:
    with database.transaction() as session:
        session.execute(insert(Heartbeat).values(name="lease", at=database_now(-0.01)))
        session.execute(insert(Heartbeat).values(name="other", at=NOW))
        session.execute(
            update(Heartbeat).where(Heartbeat.name == "other").values(at=database_now(30))
        )
    with database.reading() as session:
        over = session.scalars(select(Heartbeat.name).where(Heartbeat.at <= database_now())).all()
        at = session.scalar(select(Heartbeat.at).where(Heartbeat.name == "other"))
    assert over == ["lease"]
    assert at is not None
    assert timedelta(seconds=20) < at - datetime.now(UTC) < timedelta(seconds=40)


@SQLITE
def test_what_the_clock_writes_sorts_with_what_we_write(database: Database) -> None:
    # SQLite compares moments as text.
    beat(database, "ours", NOW + timedelta(microseconds=5))
    with database.transaction() as session:
        session.execute(insert(Heartbeat).values(name="clock", at=database_now()))
        written = session.scalars(text("SELECT at FROM heartbeat")).all()
    assert [len(moment) for moment in written] == [len("2026-11-14 06:00:00.000005")] * 2


# Transactions


def test_a_transaction_is_all_or_nothing(database: Database) -> None:
    with contextlib.suppress(RuntimeError), database.transaction() as session:
        session.add(Heartbeat(name="lost", at=NOW))
        session.flush()
        raise RuntimeError
    assert beats(database) == []
    beat(database, "kept")
    assert beats(database) == ["kept"]


def test_what_reading_changes_is_rolled_back(database: Database) -> None:
    with database.reading() as session:
        session.add(Heartbeat(name="lost", at=NOW))
        session.flush()
    assert beats(database) == []


def test_reading_ends_well_after_a_mistake_that_was_seen_to(database: Database) -> None:
    beat(database, "tick")
    with database.reading() as session, suppress(DBAPIError):
        session.execute(text("SELECT nothing FROM nowhere"))
    with database.reading() as session:
        session.add(Heartbeat(name="tick", at=NOW))
        with suppress(IntegrityError):
            session.flush()
    assert beats(database) == ["tick"]


@POSTGRESQL
def test_reading_ends_well_where_an_outage_was_seen_to(database: Database) -> None:
    with database.reading() as session, suppress(DBAPIError):
        session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
    assert beats(database) == []


@POSTGRESQL
def test_what_is_read_again_and_again_is_planned_once(database: Database) -> None:
    asked = "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%heartbeat%'"
    for _ in range(8):
        with database.reading() as session:
            # Whatever it writes is rolled back, and takes no plan with it.
            session.add(Heartbeat(name="tick", at=NOW))
            assert session.scalar(select(Heartbeat.at).where(Heartbeat.name == "tick")) == NOW
            kept = session.scalar(text(asked))
    assert kept
    with database.reading() as session:
        assert session.get(Heartbeat, "tick") is None


def test_a_transaction_without_a_session_is_all_or_nothing_as_well(database: Database) -> None:
    def write(name: str) -> None:
        with database.bare_transaction() as connection:
            connection.execute(insert(Heartbeat).values(name=name, at=NOW))
            if name == "lost":
                raise ZeroDivisionError

    write("kept")
    with pytest.raises(ZeroDivisionError):
        write("lost")
    with pytest.raises(IntegrityError):
        write("kept")
    assert beats(database) == ["kept"]


def test_rows_stay_readable_after_their_transaction(database: Database) -> None:
    beat(database, "tick")
    with database.transaction() as session:
        row = session.get_one(Heartbeat, "tick")
    assert row.at == NOW


@SQLITE
def test_two_that_read_and_then_write_wait_for_each_other(database: Database) -> None:
    with database.transaction() as session:
        session.execute(text("CREATE TABLE counter (value INTEGER)"))
        session.execute(text("INSERT INTO counter VALUES (0)"))
    ready = threading.Barrier(4)

    def count() -> None:
        ready.wait()
        for _ in range(10):
            with database.transaction() as session:
                value = session.scalar(text("SELECT value FROM counter"))
                session.execute(text("UPDATE counter SET value = :next"), {"next": value + 1})

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(count) for _ in range(4)]:
            done.result()
    with database.reading() as session:
        assert session.scalar(text("SELECT value FROM counter")) == 40


@SQLITE
def test_a_reader_neither_waits_for_a_writer_nor_sees_half(database: Database) -> None:
    with database.transaction() as session:
        session.add(Heartbeat(name="half", at=NOW))
        session.flush()
        assert beats(database) == []
    assert beats(database) == ["half"]


@SQLITE
def test_a_new_sqlite_file_can_be_opened_by_many_at_once(
    database: Database, tmp_path: Path
) -> None:
    ready = threading.Barrier(6)

    def open_it(number: int) -> None:
        mine = Database(f"sqlite:///{tmp_path}/new.sqlite3")
        ready.wait()
        with mine.transaction() as session:
            session.execute(text("CREATE TABLE IF NOT EXISTS t (n INTEGER)"))
            session.execute(text("INSERT INTO t VALUES (:n)"), {"n": number})
        mine.dispose()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(open_it, range(6)))
    with sqlite3.connect(tmp_path / "new.sqlite3") as connection:
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (6,)
    connection.close()


@SQLITE
def test_sqlite_keeps_foreign_keys_and_a_log_that_survives_a_power_cut(database: Database) -> None:
    with database.reading() as session:
        assert session.scalar(text("PRAGMA foreign_keys")) == 1
        assert session.scalar(text("PRAGMA journal_mode")) == "wal"
        assert session.scalar(text("PRAGMA secure_delete")) == 1
        assert session.scalar(text("PRAGMA synchronous")) == 2
        assert session.scalar(text("PRAGMA busy_timeout")) == 30_000


# Mistakes are mistakes


def test_an_ordinary_violation_passes_through(database: Database) -> None:
    beat(database, "tick")
    with pytest.raises(IntegrityError):
        beat(database, "tick")


def test_a_wrong_statement_passes_through(database: Database) -> None:
    with (
        pytest.raises((OperationalError, ProgrammingError)),
        database.reading() as session,
    ):
        session.execute(text("SELECT * FROM no_such_table"))


def test_an_error_of_ours_passes_through(database: Database) -> None:
    with pytest.raises(KeyError), database.transaction():
        raise KeyError("ours")


# Outages are outages


def fill(database: Database) -> None:
    with database.transaction() as session:
        for number in range(100):
            session.add(
                Media(
                    hash=f"{number:064}", content_type="image/png", width=1, height=1,
                    content=b"x" * 20_000, created_at=NOW,
                )
            )  # fmt: skip
            session.flush()


@SQLITE
def test_a_full_disk_is_an_outage_and_nothing_is_half_written(database: Database) -> None:
    with database.reading() as session:
        pages = session.scalar(text("PRAGMA page_count"))
        session.execute(text(f"PRAGMA max_page_count = {pages + 10}"))
    with pytest.raises(UnavailableError, match="Nothing was written"):
        fill(database)
    with database.reading() as session:
        assert session.scalars(select(Media.hash)).all() == []
        session.execute(text("PRAGMA max_page_count = 1000000"))
    fill(database)


@SQLITE
def test_a_database_that_stays_locked_is_an_outage(database: Database) -> None:
    with database.engine.connect() as impatient:
        impatient.exec_driver_sql("PRAGMA busy_timeout = 1")
    other = Database(database.url)
    with other.transaction(), pytest.raises(UnavailableError):
        beat(database, "tick")
    other.dispose()
    beat(database, "tick")
    assert beats(database) == ["tick"]


def test_a_sqlite_file_that_cannot_be_opened_is_an_outage(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/no/such/folder.sqlite3")
    with pytest.raises(UnavailableError), database.reading():
        pass


def test_a_stopped_postgresql_is_an_outage_until_it_is_back(
    private_postgres: Callable[[], PrivatePostgres],
) -> None:
    server = private_postgres()
    database = Database(server.create_database())
    upgrade(database.url)
    beat(database, "before")

    def lose_it_in_the_middle() -> None:
        with database.transaction() as session:
            session.add(Heartbeat(name="in the middle", at=NOW))
            session.flush()
            server.stop()

    with pytest.raises(UnavailableError):
        lose_it_in_the_middle()
    with pytest.raises(UnavailableError):
        beat(database, "while it is away")
    for opened in (database.reading, database.bare_transaction):
        with pytest.raises(UnavailableError), opened():
            pass
    with pytest.raises(UnavailableError):
        upgrade(database.url)
    server.start()
    beat(database, "after")
    assert beats(database) == ["after", "before"]
    database.dispose()


@POSTGRESQL
def test_a_session_that_is_ended_by_an_administrator_is_an_outage(database: Database) -> None:
    def be_ended() -> None:
        with database.transaction() as session, database.reading() as other:
            session.add(Heartbeat(name="lost", at=NOW))
            session.flush()
            mine = session.scalar(text("SELECT pg_backend_pid()"))
            other.execute(text(f"SELECT pg_terminate_backend({mine})"))
            session.execute(text("SELECT 1"))

    with pytest.raises(UnavailableError):
        be_ended()
    assert beats(database) == []


@POSTGRESQL
def test_connections_that_were_lost_at_rest_are_made_anew(database: Database) -> None:
    """Nobody is told of it: that the server closed them is seen before they are used."""
    pid = text("SELECT pg_backend_pid()")
    with database.reading() as one, database.reading() as other:
        at_rest = [one.scalar(pid), other.scalar(pid)]
    admin = Database(database.url)
    with admin.reading() as session:
        ended = [
            session.scalar(text(f"SELECT pg_terminate_backend({each}, 5000)")) for each in at_rest
        ]
    admin.dispose()

    assert ended == [True, True]
    with database.reading() as one, database.reading() as other:
        assert not {one.scalar(pid), other.scalar(pid)} & set(at_rest)


@POSTGRESQL
def test_a_connection_is_kept_after_a_long_rest(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("digest.database.postgresql.LONG_REST_SECONDS", 0)
    pids = []
    for _ in range(2):
        with database.reading() as session:
            pids.append(session.scalar(text("SELECT pg_backend_pid()")))

    assert len(set(pids)) == 1


def test_ids_for_new_rows_are_another_one_in_each_row(database: Database) -> None:
    table = Base.metadata.tables["sign_up"]
    numbers = select(next_id(table)).select_from(text("(SELECT 1 UNION ALL SELECT 2) AS two"))
    with database.transaction() as session:
        first, second = session.scalars(numbers)

    assert second == first + 1 == 2


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_who_loses_to_a_deadlock_may_try_again(database: Database) -> None:
    for name in ("one", "two"):
        beat(database, name)
    both = threading.Barrier(2)

    def cross(first: str, second: str) -> str:
        try:
            with database.transaction() as session:
                for name in (first, second):
                    session.execute(
                        update(Heartbeat)
                        .where(Heartbeat.name == name)
                        .values(at=NOW + timedelta(seconds=1))
                    )
                    if name == first:
                        both.wait(10)
        except UnavailableError:
            return "try again"
        return "done"

    with ThreadPoolExecutor(2) as pool:
        ends = [pool.submit(cross, "one", "two"), pool.submit(cross, "two", "one")]
        assert sorted(end.result() for end in ends) == ["done", "try again"]


def test_no_free_connection_is_an_outage(database: Database) -> None:
    database.engine.pool._timeout = 0.01  # type: ignore[attr-defined]
    with pytest.raises(UnavailableError):
        hold_every_connection(database)
    beat(database, "afterwards")


def hold_every_connection(database: Database, depth: int = 40) -> None:
    with database.reading():
        if depth:
            hold_every_connection(database, depth - 1)


@SQLITE
def test_what_was_deleted_leaves_the_files_as_well(database: Database) -> None:
    folder = Path(database.url.removeprefix("sqlite:///")).parent

    def traces() -> int:
        return sum(path.read_bytes().count(b"a-name-to-forget") for path in folder.iterdir())

    beat(database, "a-name-to-forget")
    assert traces()
    with database.transaction() as session:
        session.execute(delete(Heartbeat))
    database.clear_log()
    assert not traces()
    beat(database, "tick")
    assert beats(database) == ["tick"]


@SQLITE
def test_a_log_that_is_in_use_is_cleared_the_next_time(database: Database) -> None:
    beat(database, "tick")
    with database.reading() as session:
        session.scalar(select(Heartbeat.name))
        beat(database, "tock")
        database.clear_log()
    database.clear_log()
    log = Path(database.url.removeprefix("sqlite:///") + "-wal")
    assert log.stat().st_size == 0
    assert beats(database) == ["tick", "tock"]


def _end(database: Database, pid: object) -> None:
    with database.reading() as session:
        session.scalar(text(f"SELECT pg_terminate_backend({pid}, 5000)"))


@POSTGRESQL
@pytest.mark.parametrize("step", ["at rest", "begun", "in the middle", "at the end", "spoilt"])
def test_a_held_connection_that_is_lost_at_any_step_is_an_outage_and_mends(
    database: Database, step: str
) -> None:
    """However it is spoilt, whoever waits patiently can go on with it."""
    admin = Database(database.url)
    with database.held() as held:
        with held.reading() as session:
            pid = session.scalar(text("SELECT pg_backend_pid()"))

        def work() -> None:
            if step == "at rest":
                _end(admin, pid)
            with held.transaction() as session:
                if step == "begun":
                    _end(admin, pid)
                session.add(Heartbeat(name="lost", at=NOW))
                session.flush()
                if step == "in the middle":
                    _end(admin, pid)
                    session.execute(text("SELECT 1"))
                if step == "spoilt":
                    _end(admin, pid)
                    with suppress(DBAPIError):
                        session.connection().execute(text("SELECT 1"))
                    # The session has not heard of it.
                    session.connection().execute(text("SELECT 2"))
                if step == "at the end":
                    _end(admin, pid)

        with pytest.raises(UnavailableError):
            work()
        assert held.run("SELECT 7", {}) == [(7,)]
        with held.transaction() as session:
            session.add(Heartbeat(name="after", at=NOW))
    admin.dispose()
    assert beats(database) == ["after"]


@POSTGRESQL
@pytest.mark.parametrize("how", ["invalidated", "closed", "begun and lost"])
def test_a_held_connection_is_mended_however_it_was_left(database: Database, how: str) -> None:
    admin = Database(database.url)
    with database.held() as held:
        connection = held._connection
        with held.reading() as session:
            pid = session.scalar(text("SELECT pg_backend_pid()"))
        if how == "invalidated":
            connection.begin()
            connection.invalidate()
        elif how == "closed":
            connection.close()
        else:
            connection.begin()
            _end(admin, pid)
            with suppress(DBAPIError):
                connection.execute(text("SELECT 1"))
        with suppress(UnavailableError), held.transaction() as session:
            session.execute(text("SELECT 1"))
        with held.transaction() as session:
            session.add(Heartbeat(name="after", at=NOW))
        assert held.run("SELECT 7", {}) == [(7,)]
    admin.dispose()
    assert beats(database) == ["after"]

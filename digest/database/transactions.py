"""Both databases behind one door: engines and transactions."""

import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import (
    text,
)
from sqlalchemy.engine import Connection
from sqlalchemy.exc import (
    DBAPIError,
    OperationalError,
    PendingRollbackError,
    ResourceClosedError,
)
from sqlalchemy.exc import TimeoutError as NoFreeConnectionError
from sqlalchemy.orm import Session, sessionmaker

from digest.database.postgresql import is_pooled, postgresql_engine
from digest.database.prepared import commit, roll_back
from digest.database.sqlite_files import BUSY_TIMEOUT_SECONDS, make_private, sqlite_engine
from digest.errors import RightsError, UnavailableError

CLEARING_MILLISECONDS = 100
# A sign-up takes a few kilobytes.
ROOM_TO_WRITE = 1_000_000
INSUFFICIENT_PRIVILEGE = "42501"
AWAY = "The database did not answer. Nothing was written; try again in a minute."


class Database:
    """An engine and its transactions. Make one per process, after any fork."""

    def __init__(self, url: str) -> None:
        self.url = url
        sqlite = url.startswith("sqlite")
        self.engine = sqlite_engine(url) if sqlite else postgresql_engine(url)
        # Connects when it is used: a page for strangers does, and few others.
        self.bare_engine = self.engine if sqlite else postgresql_engine(url, driver_prepares=False)
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Open a transaction that may write; commits at the end, rolls back on any error.

        Raises:
            UnavailableError: the database is gone, its disk is full, or it stayed locked.
            RightsError: PostgreSQL does not let our role do it.
        """
        with self._session(writes=True) as session:
            yield session

    @contextmanager
    def bare_transaction(self) -> Iterator[Connection]:
        """Open the same without a session, which takes a process as long as two statements.

        Raises:
            UnavailableError: as `transaction`.
        """
        with _outages_named(), self.bare_engine.connect() as connection:
            connection.execution_options(digest_writes=True)
            with connection.begin():
                yield connection
                commit(connection)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Open a transaction that only reads; whatever it changed is rolled back."""
        with self._session(writes=False) as session:
            yield session

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Open a bare connection, for migrations. Raises UnavailableError."""
        with _outages_named(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def _session(self, *, writes: bool) -> Iterator[Session]:
        with _outages_named(), self._sessions() as session:
            session.connection(execution_options={"digest_writes": writes})
            yield session
            if writes:
                session.commit()
            else:
                # What was read can be used after: a rollback would expire it.
                session.expunge_all()
                # Reading ends this way all the time, and would be planned anew each time. After a
                # mistake that was seen to, the session has no connection to ask.
                if session.is_active:
                    roll_back(session.connection())
                session.rollback()

    @contextmanager
    def held(self) -> Iterator["HeldDatabase"]:
        """Hold one connection, for one thread's many short transactions.

        Raises:
            UnavailableError: the database is away.
        """
        with _outages_named(), self.engine.connect() as connection:
            held = HeldDatabase(self, connection)
            try:
                yield held
            finally:
                held.let_go()

    def clear_log(self) -> None:
        """On SQLite: take what was deleted out of the log beside the file as well.

        The log keeps old pages until it is written over. Where somebody reads or writes just now,
        it is left to the next time.
        """
        if not self.is_sqlite:
            return
        with _outages_named(), closing(self.engine.raw_connection()) as connection:
            cursor = connection.cursor()
            cursor.execute(f"PRAGMA busy_timeout={CLEARING_MILLISECONDS}")
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_SECONDS * 1000}")

    def takes_writes(self) -> bool:
        """Tell whether something could be written now; nothing is.

        Not where it is read-only, a PostgreSQL that follows another, or on a full disk.

        Raises:
            UnavailableError: the database is away.
        """
        if not self.is_sqlite:
            with self.reading() as session:
                asked = "SELECT current_setting('transaction_read_only') = 'off'"
                return bool(session.scalar(text(asked)))
        with _outages_named(), closing(self.engine.raw_connection()) as connection:
            cursor = connection.cursor()
            cursor.execute(f"PRAGMA busy_timeout={CLEARING_MILLISECONDS}")
            try:
                # On a database that can only be read this begins, and only reads.
                cursor.execute("BEGIN IMMEDIATE")
                try:
                    cursor.execute("UPDATE alembic_version SET version_num = version_num")
                finally:
                    cursor.execute("ROLLBACK")
            except sqlite3.OperationalError as error:
                # Somebody else is writing.
                return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            finally:
                cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_SECONDS * 1000}")
        name = self.engine.url.database
        folder = Path(name).parent if name and not name.startswith((":", "file:")) else None
        return folder is None or shutil.disk_usage(folder).free >= ROOM_TO_WRITE

    def copy_to(self, file: Path) -> None:
        """Write a whole copy of a SQLite database that may be in use, for its owner's eyes alone.

        Raises:
            FileExistsError: there is something of that name.
            OSError: it cannot be written.
        """
        make_private(file)
        try:
            with closing(self.engine.raw_connection()) as connection:
                source = connection.driver_connection
                assert isinstance(source, sqlite3.Connection)
                with closing(sqlite3.connect(file)) as copy:
                    source.backup(copy)
        except sqlite3.Error as error:
            file.unlink(missing_ok=True)
            raise OSError(str(error)) from error

    def dispose(self) -> None:
        """Close every pooled connection."""
        for engine in {self.engine, self.bare_engine}:
            engine.dispose()

    def forget(self) -> None:
        """Leave every pooled connection to the process that this one was forked from."""
        for engine in {self.engine, self.bare_engine}:
            engine.dispose(close=False)


class HeldDatabase(Database):
    """The same database by one connection, which after an outage is made anew when next used."""

    def __init__(self, database: Database, connection: Connection) -> None:
        self.url = database.url
        self.engine = database.engine
        self._sessions = sessionmaker(connection, expire_on_commit=False)
        self._connection = connection
        self._known: Any = None

    @contextmanager
    def _session(self, *, writes: bool) -> Iterator[Session]:
        with self._outages_mended():
            if not self.is_sqlite:
                self._driver(autocommit=False)
            with super()._session(writes=writes) as session:
                yield session

    @contextmanager
    def _outages_mended(self) -> Iterator[None]:
        """Name an outage, however the connection was spoilt by it, and let the next use mend it.

        A transaction that could not be rolled back would be in the way of every other.
        """
        try:
            with _outages_named():
                yield
        except (PendingRollbackError, ResourceClosedError) as error:
            raise UnavailableError(AWAY) from error
        finally:
            self._leave_transaction()

    def _leave_transaction(self) -> None:
        if self._connection.closed:
            self._connection = self.engine.connect()
            self._sessions = sessionmaker(self._connection, expire_on_commit=False)
        # Also one that is no longer active: `in_transaction` would not tell.
        if self._connection.get_transaction() is not None:
            try:
                self._connection.rollback()
            except (DBAPIError, PendingRollbackError) as error:
                self._connection.invalidate(error)
                self._connection.rollback()

    def run(self, statement: str, values: Mapping[str, object]) -> list[tuple[Any, ...]]:
        """Run one statement as a transaction of its own, on PostgreSQL, past SQLAlchemy.

        Which takes three times as long as all else that the statement costs this process. It is
        prepared, and its plan is kept: so it has to have one that is good for all values. Partial
        indexes are found only by conditions that are written out.

        Raises:
            UnavailableError: the database is away; the statement may have been done.
        """
        with self._outages_mended():
            driver = self._driver(autocommit=True)
        try:
            return list(driver.execute(statement, values, prepare=True).fetchall())
        except self._dbapi.Error as error:
            if driver.closed:
                self._connection.invalidate(error)
            if driver.closed or _is_outage_state(getattr(error, "sqlstate", None) or ""):
                raise UnavailableError(AWAY) from error
            raise

    def let_go(self) -> None:
        """Leave the connection as it was found."""
        if self._known is None or self._known.closed:
            return
        with suppress(self._dbapi.Error):
            self._known.autocommit = True
            if not is_pooled(self._known):
                self._known.execute("RESET plan_cache_mode")
            self._known.autocommit = False

    @property
    def _dbapi(self) -> Any:
        return self.engine.dialect.loaded_dbapi

    def _driver(self, *, autocommit: bool) -> Any:
        driver: Any = self._connection.connection.driver_connection
        try:
            if driver is not self._known:
                driver.autocommit = True
                if not is_pooled(driver):
                    driver.execute("SET plan_cache_mode = force_generic_plan")
                self._known = driver
            if driver.autocommit is not autocommit:
                driver.autocommit = autocommit
        except self._dbapi.Error as error:
            self._connection.invalidate(error)
            raise UnavailableError(AWAY) from error
        return driver


@contextmanager
def _outages_named() -> Iterator[None]:
    try:
        yield
    except (DBAPIError, NoFreeConnectionError) as error:
        if isinstance(error, DBAPIError) and not is_outage(error):
            code = getattr(error.orig, "sqlite_errorcode", None)
            if code in {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}:
                raise UnavailableError(
                    "The database's file is not a database, or it is damaged."
                ) from error
            if getattr(error.orig, "sqlstate", None) == INSUFFICIENT_PRIVILEGE:
                said = str(error.orig).partition("\n")[0]
                raise RightsError(
                    f"PostgreSQL does not let Digest's role do that: {said}. The role must own the "
                    "database and all of its tables."
                ) from error
            raise
        raise UnavailableError(AWAY) from error


def is_outage(error: DBAPIError) -> bool:
    """Tell a database that is away, full, locked or busy from a mistake in a statement."""
    if error.connection_invalidated:
        return True
    if isinstance(error.orig, sqlite3.OperationalError):
        code = getattr(error.orig, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        return code != sqlite3.SQLITE_ERROR
    state = getattr(error.orig, "sqlstate", None)
    if state is None:
        return isinstance(error, OperationalError)
    return _is_outage_state(state)


def _is_outage_state(state: str) -> bool:
    # Classes 08 connection, 40 rolled back for another's sake (deadlock), 53 resources (disk full),
    # 57 operator intervention, 58 system.
    return state[:2] in {"08", "40", "53", "57", "58"}

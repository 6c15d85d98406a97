"""Alembic, driven from here: no ini file to find, the same steps on both databases."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError, ProgrammingError

from digest import home
from digest.database.transactions import Database
from digest.errors import NotMigratedError

if TYPE_CHECKING:
    from alembic.config import Config

VERSION = "alembic_version"


def configuration(connection: Connection | None = None) -> "Config":
    """Return alembic's configuration; with `connection`, its steps run on that."""
    # Late, here and below: whoever opens the database only asks for its revision.
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def upgrade(database_url: str, revision: str = "head") -> None:
    """Bring the tables up to `revision`. All steps succeed together, or none does.

    A new database learns where it lives.

    Raises:
        UnavailableError: the database does not answer.
    """
    database = Database(database_url)
    try:
        if revision != "head" or current_revision(database) != newest_revision():
            # Late, here and below: what is up to date already does without Alembic.
            from alembic import command

            _run(database_url, lambda config: command.upgrade(config, revision))
        if revision == "head":
            home.settle(database, datetime.now(UTC))
    finally:
        database.dispose()


def downgrade(database_url: str, revision: str) -> None:
    """Take the tables down to `revision`; `base` removes them all."""
    from alembic import command

    _run(database_url, lambda config: command.downgrade(config, revision))


def newest_revision() -> str:
    """Return the revision that this version of Digest needs.

    The files say it by their names: alembic would load every one of them, at each command's start.
    """
    files = (Path(__file__).parent / "versions").glob("[0-9]*.py")
    return max(each.name.partition("_")[0] for each in files)


def check_migrated(database: Database) -> None:
    """Raise NotMigratedError, with the command to run, unless the tables are this version's."""
    found = current_revision(database)
    if found == newest_revision():
        return
    if found is None:
        raise NotMigratedError("The database has no tables yet. Run: digest db upgrade")
    raise NotMigratedError(
        f"The database is at revision {found}, and this version of Digest needs "
        f"{newest_revision()}. Run: digest db upgrade"
    )


def current_revision(database: Database) -> str | None:
    """Return the revision that the tables are at; None where there are none.

    Raises:
        UnavailableError: the database does not answer.
    """
    try:
        return _revision(database)
    except (OperationalError, ProgrammingError):
        # Either database says in words of its own that there is no such table.
        with database.connection() as connection:
            if not connection.dialect.has_table(connection, VERSION):
                return None
        # Another process has made it meanwhile; or it was another trouble, which is here still.
        return _revision(database)


def _revision(database: Database) -> str | None:
    with database.reading() as session:
        found: str | None = session.scalar(text(f"SELECT version_num FROM {VERSION}"))  # noqa: S608
        return found


def _run(database_url: str, act: Callable[["Config"], None]) -> None:
    database = Database(database_url)
    try:
        with database.connection() as connection:
            # Rebuilding a SQLite table drops it first: its children must not be dropped with it.
            if database.is_sqlite:
                raw = connection.connection.dbapi_connection
                assert raw is not None
                raw.execute("PRAGMA foreign_keys=OFF")
            with connection.begin():
                act(configuration(connection))
    finally:
        database.dispose()

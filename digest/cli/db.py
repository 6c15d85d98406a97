"""`digest db`: the database's tables."""

from pathlib import Path

import click
from sqlalchemy import make_url

from digest.cli.opening import settings_of_command
from digest.database.transactions import Database
from digest.errors import RefusedError, SettingError
from digest.migrations import check_migrated, newest_revision
from digest.migrations import upgrade as upgrade_tables
from digest.settings.loading import Settings


@click.group()
def db() -> None:
    """Bring the database up to date, and copy it."""


@db.command()
def upgrade() -> None:
    """Create or change the tables to what this version needs. Safe to run again."""
    settings = settings_of_command()
    _make_room(settings)
    upgrade_tables(settings.database_url)
    click.echo(f"The database is at revision {newest_revision()}.")


@db.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def backup(file: Path) -> None:
    """Write a copy of the SQLite database to FILE, while Digest runs. Only you can read it."""
    settings = settings_of_command()
    if make_url(settings.database_url).get_backend_name() != "sqlite":
        raise RefusedError("This is for SQLite. For PostgreSQL: umask 077, then pg_dump.")
    database = Database(settings.database_url)
    try:
        check_migrated(database)
        database.copy_to(file)
    except FileExistsError:
        raise RefusedError(f"There is a file {file} already. Choose another name.") from None
    except OSError as error:
        raise RefusedError(f"Cannot write {file}: {error.strerror or error}.") from None
    finally:
        database.dispose()
    click.echo(f"The database is copied to {file}.")


def _make_room(settings: Settings) -> None:
    """Make the data folder; somebody else's has to be there already."""
    url = make_url(settings.database_url)
    if url.get_backend_name() != "sqlite":
        return
    folder = Path(url.database or "").parent
    try:
        if folder == settings.data_dir:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise SettingError(f"DIGEST_DATA_DIR: should be a folder, or free to be: {error}") from None
    if not folder.is_dir():
        raise SettingError(f"DATABASE_URL: should name a file in a folder, and {folder} is none")

"""`digest db`: the database's tables."""

from pathlib import Path

import click
from sqlalchemy import make_url

from digest.errors import SettingError
from digest.migrations import newest_revision
from digest.migrations import upgrade as upgrade_tables
from digest.settings.loading import Settings, load_settings


@click.group()
def db() -> None:
    """Bring the database up to date."""


@db.command()
def upgrade() -> None:
    """Create or change the tables to what this version needs. Safe to run again."""
    settings = load_settings()
    _make_room(settings)
    upgrade_tables(settings.database_url)
    click.echo(f"The database is at revision {newest_revision()}.")


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

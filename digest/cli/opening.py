"""What commands share: opening the runtime, printing, and asking for an address."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from digest.logs import set_up_logging
from digest.runtime import Runtime, open_runtime
from digest.settings.environment_file import NAMED_BY, USUAL
from digest.settings.loading import Settings, load_settings

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")


@contextmanager
def runtime() -> Iterator[Runtime]:
    """Open the runtime for one command, and close it after."""
    settings = settings_of_command()
    set_up_logging(settings.log_format)
    opened = open_runtime(settings)
    try:
        yield opened
    finally:
        opened.close()


def settings_of_command() -> Settings:
    """Load the settings for a command that opens the database.

    Raises:
        SettingError: as `load_settings`.
    """
    settings = load_settings()
    say_what_was_not_read(os.environ)
    return settings


def say_what_was_not_read(environment: Mapping[str, str], usual: Path | None = None) -> None:
    """Say so where this works on the SQLite of the current folder, and there is a file of settings.

    Whoever followed the guide has it read by systemd, and by nothing else.
    """
    usual = usual or USUAL
    told_where = any(
        environment.get(name) or environment.get(f"{name}_FILE")
        for name in ("DATABASE_URL", "DIGEST_DATA_DIR", NAMED_BY)
    )
    if not told_where and usual.exists():
        click.echo(
            f"digest: {usual} was not read, so this works on the SQLite database in "
            f"{Path('digest-data').absolute()}. To read it: digest --env-file {usual} …",
            err=True,
        )


def print_json(value: Any) -> None:
    """Print `value` as JSON; moments and dates in ISO 8601."""
    click.echo(json.dumps(value, indent=2, default=str, ensure_ascii=False))

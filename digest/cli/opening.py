"""What commands share: opening the runtime, printing, and asking for an address."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from digest.logs import set_up_logging
from digest.runtime import Runtime, open_runtime
from digest.settings.loading import load_settings

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")


@contextmanager
def runtime() -> Iterator[Runtime]:
    """Open the runtime for one command, and close it after."""
    settings = load_settings()
    set_up_logging(settings.log_format)
    opened = open_runtime(settings)
    try:
        yield opened
    finally:
        opened.close()


def print_json(value: Any) -> None:
    """Print `value` as JSON; moments and dates in ISO 8601."""
    click.echo(json.dumps(value, indent=2, default=str, ensure_ascii=False))

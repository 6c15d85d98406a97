"""Files that commands write: whole, or not at all."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import click

Row = TypeVar("Row")


def write_whole(file: Path, lines: Iterator[str]) -> None:
    """Write a file all at once: whoever looks finds the old one or the whole new one.

    It is readable by its owner alone, for there are addresses in it.
    """
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as opened:
                opened.writelines(lines)
            unfinished.replace(file)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise click.ClickException(f"Cannot write {file}: {error.strerror}.") from None


def watched(rows: Iterator[Row], total: int) -> Iterator[Row]:
    """Return the same rows, with a progress bar for whoever sits at a terminal."""
    if not sys.stderr.isatty():
        return rows
    from rich.console import Console
    from rich.progress import track

    return iter(track(rows, "Exporting", total=total, console=Console(file=sys.stderr)))

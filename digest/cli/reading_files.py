"""A file that a command is given to read."""

from pathlib import Path
from typing import Any

import click

from digest.ownership import why_unreadable


class GivenFile(click.Path):
    """A file that is there; where this user may not look, that is said instead of "not there"."""

    def __init__(self) -> None:
        super().__init__(exists=True, dir_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            Path(value).stat()
        except PermissionError as error:
            self.fail(f"Cannot read {value}: {why_unreadable(Path(value), error)}.", param, ctx)
        except OSError:
            # Click has words of its own.
            pass
        return super().convert(value, param, ctx)

"""`digest source`: the feeds that articles come from."""

import click

from digest.cli.groups import Found


@click.group(
    commands=Found(
        {
            "add": "source_fetching.add",
            "check": "source_checking.check",
            "edit": "source_controls.edit",
            "fetch": "source_fetching.fetch",
            "history": "source_views.history",
            "list": "source_views.list_sources",
            "pause": "source_controls.pause",
            "resume": "source_controls.resume",
            "retire": "source_controls.retire",
        }
    )
)
def source() -> None:
    """Check, add, edit, list, fetch, pause and retire feeds, and see their histories."""

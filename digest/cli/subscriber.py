"""`digest subscriber`: who gets what, and what is held about each."""

import click

from digest.cli.groups import Found


@click.group(
    commands=Found(
        {
            "erase": "subscriber_controls.erase",
            "export": "subscriber_list.export",
            "lift": "subscriber_controls.lift",
            "list": "subscriber_list.list_subscribers",
            "pause": "subscriber_controls.pause",
            "resume": "subscriber_controls.resume",
            "show": "subscriber_show.show",
            "unsubscribe": "subscriber_controls.unsubscribe",
        }
    )
)
def subscriber() -> None:
    """List, show, export and erase subscribers."""

"""`digest user`: who may sign in at the desk, and what each may do there."""

import click

from digest.cli.groups import Found


@click.group(
    commands=Found(
        {
            "create": "user_controls.create",
            "disable": "user_controls.disable",
            "edit": "user_controls.edit",
            "list": "user_list.list_them",
            "reset": "user_controls.reset",
        }
    )
)
def user() -> None:
    """Say who may sign in at the desk, and what each may do."""

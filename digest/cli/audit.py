"""`digest audit`: what was done at the desk and by commands, by whom, to which row."""

import click

from digest.cli.groups import Found


@click.group(
    commands=Found(
        {
            "export": "audit_chain.export",
            "head": "audit_chain.head",
            "list": "audit_list.list_them",
            "verify": "audit_chain.verify",
        }
    )
)
def audit() -> None:
    """List who did what, and check the chain of it."""

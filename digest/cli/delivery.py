"""`digest delivery`: what is in doubt, who missed an issue, and sending it again."""

import click

from digest.cli.groups import Found


@click.group(
    commands=Found(
        {
            "export": "delivery_export.export",
            "resend": "delivery_settling.resend",
            "resolve": "delivery_settling.resolve",
        }
    )
)
def delivery() -> None:
    """Settle what is in doubt, list who missed an issue, and send it to them."""

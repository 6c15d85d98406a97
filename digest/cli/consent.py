"""`digest consent`: the chain of evidence, and the proof for one person."""

import click

from digest.cli.groups import Found


@click.group(
    commands=Found(
        {
            "export": "consent_chain.export",
            "head": "consent_chain.head",
            "prove": "consent_proof.prove",
            "verify": "consent_chain.verify",
        }
    )
)
def consent() -> None:
    """Check the chain of consents, and prove one person's."""

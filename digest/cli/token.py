"""`digest token`: who may call the API."""

import click

from digest.cli.arguments import typed_wrongly
from digest.cli.opening import json_option, print_json, runtime
from digest.newsroom.api_tokens import create_token


@click.group()
def token() -> None:
    """Make tokens for the API."""


@token.command()
@click.argument("name")
@json_option
def create(name: str, as_json: bool) -> None:
    """Make a token and print it, once: only its hash is kept. NAME says who it is for."""
    with runtime() as opened, typed_wrongly(), opened.database.transaction() as session:
        made, secret = create_token(session, name, opened.clock.now())
    if as_json:
        print_json({"id": made.id, "name": made.name, "token": secret})
        return
    click.echo("Keep this; it is not shown again. It goes in a header of each request to the API:")
    click.echo(f"Authorization: Bearer {secret}")

"""`digest token`: who may call the API."""

from typing import Any

import click

from digest.cli.arguments import typed_wrongly
from digest.cli.opening import json_option, print_json, runtime
from digest.cli.tables import Table, print_table
from digest.models import ApiToken, Scope
from digest.newsroom.api_tokens import create_token, list_tokens, revoke_token


@click.group()
def token() -> None:
    """Make, list and revoke tokens for the API."""


@token.command()
@click.argument("name")
@click.option(
    "--scope",
    type=click.Choice([Scope.ARTICLES.value, Scope.SIGN_UPS.value]),
    required=True,
    help="What it may do: bring in articles, or sign readers up.",
)
@json_option
def create(name: str, scope: str, as_json: bool) -> None:
    """Make a token and print it, once: only its hash is kept. NAME says who it is for."""
    with runtime() as opened, typed_wrongly(), opened.database.transaction() as session:
        made, secret = create_token(session, name, Scope(scope), opened.clock.now())
    if as_json:
        print_json({"id": made.id, "name": made.name, "scope": made.scope, "token": secret})
        return
    click.echo("Keep this; it is not shown again. It goes in a header of each request to the API:")
    click.echo(f"Authorization: Bearer {secret}")


@token.command("list")
@json_option
def list_them(as_json: bool) -> None:
    """List the tokens, what each may do, and when it was last used (to the hour)."""
    with runtime() as opened, opened.database.reading() as session:
        tokens = list_tokens(session)
    if as_json:
        print_json([_as_json(found) for found in tokens])
        return
    table = Table("Name", "May do", "Made", "Last used", "Revoked")
    for found in tokens:
        moments = (found.created_at, found.last_used_at, found.revoked_at)
        table.add_row(
            found.name, found.scope, *(f"{m:%Y-%m-%d %H:%M}" if m else "" for m in moments)
        )
    print_table(table, "There are no tokens. Make one: digest token create --help")


@token.command()
@click.argument("name")
def revoke(name: str) -> None:
    """End the token called NAME, at once and for good."""
    with runtime() as opened, opened.database.transaction() as session:
        revoked = revoke_token(session, name, opened.clock.now())
    click.echo("It is revoked." if revoked else "It was revoked already.")


def _as_json(found: ApiToken) -> dict[str, Any]:
    return {
        "id": found.id,
        "name": found.name,
        "scope": found.scope,
        "created_at": found.created_at.isoformat(),
        "last_used_at": found.last_used_at.isoformat() if found.last_used_at else None,
        "revoked_at": found.revoked_at.isoformat() if found.revoked_at else None,
    }

"""`digest user list`."""

from typing import Any

import click

from digest.cli.opening import json_option, print_json, runtime
from digest.cli.tables import Table, print_table
from digest.desk.users import (
    Granted,
    count_passkeys,
    list_users,
)
from digest.models import Grant, User


@click.command("list")
@json_option
def list_them(as_json: bool) -> None:
    """List the users, and what each may do."""
    with runtime() as opened, opened.database.reading() as session:
        keys = count_passkeys(session)
        users = [_as_json(found, keys.get(found.id, 0)) for found in list_users(session)]
    if as_json:
        print_json(users)
        return
    table = Table("Name", "Address", "May do", "Password", "Passkeys", "Second factor", "")
    for found in users:
        table.add_row(
            found["name"],
            found["email"],
            ", ".join(found["roles"]),
            "chosen" if found["has_password"] else "none",
            str(found["passkeys"]),
            "yes" if found["second_factor"] else "no",
            "disabled" if found["disabled_at"] else "",
        )
    print_table(table, "Nobody may sign in yet. Make a user: digest user create --help")


def _as_json(found: User, keys: int) -> dict[str, Any]:
    return {
        "id": found.id,
        "name": found.name,
        "email": found.email,
        "roles": [_written(grant) for grant in found.grants],
        "has_password": found.password_hash is not None,
        "passkeys": keys,
        "second_factor": found.has_second_factor,
        "created_at": found.created_at.isoformat(),
        "disabled_at": found.disabled_at.isoformat() if found.disabled_at else None,
    }


def _written(grant: Grant) -> str:
    return str(Granted(grant.role, grant.newsletter))

"""`digest user create|edit|disable|reset`."""

import sys

import click
from sqlalchemy.orm import Session

from digest.cli.arguments import typed_wrongly
from digest.cli.opening import runtime
from digest.desk import links as user_links
from digest.desk import passkeys, second_factor
from digest.desk.audit import OPERATOR, record
from digest.desk.sessions import end_sessions
from digest.desk.users import (
    Granted,
    create_user,
    disable_user,
    edit_user,
    enable_user,
    find_user,
)
from digest.errors import FieldError
from digest.models import Role, User
from digest.newsroom.finding import find_newsletter
from digest.runtime import Runtime
from digest.tick import links

ROLES = ", ".join(role.value for role in Role)


role_option = click.option(
    "--role",
    "roles",
    multiple=True,
    metavar="ROLE[:NEWSLETTER]",
    help=f"One of {ROLES}; after a colon, for which newsletter alone. May be given several times.",
)


@click.command()
@click.argument("email")
@click.option("--name", required=True, help="As colleagues see it, and the log.")
@role_option
def create(email: str, name: str, roles: tuple[str, ...]) -> None:
    """Make a user, and print a link by which they choose a password: good once, for three days."""
    with runtime() as opened, typed_wrongly():
        with opened.database.transaction() as session:
            now = opened.clock.now()
            made = create_user(session, OPERATOR, email, name, _granted(session, roles), now=now)
            link = user_links.make_link(session, OPERATOR, made, now=now).token_id
        _tell_link(opened, made.name, link)


@click.command()
@click.argument("email")
@click.option("--name", help="As colleagues see it, and the log.")
@role_option
@click.option("--enable", is_flag=True, help="Let a disabled user sign in again.")
def edit(email: str, name: str | None, roles: tuple[str, ...], enable: bool) -> None:
    """Change a user's name, or what they may do: the roles given are all that they have then."""
    if name is None and not roles and not enable:
        raise click.UsageError("Say what to change: --name, --role or --enable.")
    with runtime() as opened, typed_wrongly(), opened.database.transaction() as session:
        found, now = find_user(session, email), opened.clock.now()
        grants = _granted(session, roles) if roles else None
        changed = edit_user(session, OPERATOR, found, name=name, grants=grants, now=now)
        if enable and enable_user(session, OPERATOR, found, now=now):
            changed.append("disabled_at")
    click.echo("It is changed." if changed else "Nothing had to be changed.")


@click.command()
@click.argument("email")
def disable(email: str) -> None:
    """Let a user sign in no more, and end their sessions at once."""
    with runtime() as opened, opened.database.transaction() as session:
        found = find_user(session, email)
        disabled = disable_user(session, OPERATOR, found, now=opened.clock.now())
    click.echo("They cannot sign in any more." if disabled else "They were disabled already.")


@click.command()
@click.argument("email")
@click.option(
    "--second-factor",
    "factor",
    is_flag=True,
    help="Also ask for no second factor any more, for whoever lost phone and recovery codes.",
)
@click.option(
    "--passkeys",
    "keys",
    is_flag=True,
    help="Also remove all of their passkeys, for whoever lost a device.",
)
def reset(email: str, factor: bool, keys: bool) -> None:
    """End a user's sessions, and print a link by which they choose another password.

    Without --second-factor and --passkeys those stay as they are.
    """
    with runtime() as opened, opened.database.transaction() as session:
        found, now = find_user(session, email), opened.clock.now()
        if found.disabled_at is not None:
            click.echo(
                f"digest: {found.name} is disabled, and a link would open nothing. First: digest "
                "user edit --enable …",
                err=True,
            )
            sys.exit(1)
        end_sessions(session, found, now=now)
        link = user_links.make_link(session, OPERATOR, found, now=now, verb="user reset").token_id
        if keys:
            passkeys.remove_passkeys(session, OPERATOR, found, now=now)
        if factor and second_factor.is_asked_for(found):
            second_factor.switch_off(session, found)
            # Until the link is used: whoever knew it would get in by it alone.
            found.password_hash = found.password_since = None
            record(
                session,
                OPERATOR,
                "user switch second factor off",
                User.__tablename__,
                found.id,
                now=now,
                fields=("totp_secret", "password_hash"),
            )
    _tell_link(opened, found.name, link)


def _tell_link(opened: Runtime, name: str, token_id: bytes) -> None:
    click.echo(f"Give this link to {name}. It is good once, for three days:")
    click.echo(links(opened).user_link(token_id))


def _granted(session: Session, roles: tuple[str, ...]) -> list[Granted]:
    if not roles:
        raise FieldError("roles", f"say what they may do, one of {ROLES}")
    granted = []
    for typed in roles:
        role, colon, slug = typed.partition(":")
        if role not in set(Role):
            raise FieldError("roles", f"{role!r} is no role. There are: {ROLES}.")
        newsletter = find_newsletter(session, slug) if colon else None
        granted.append(Granted(Role(role), newsletter))
    return granted

"""`digest dkim`: the keys that mail is signed with."""

from typing import Any

import click

from digest.cli.arguments import typed_wrongly
from digest.cli.opening import json_option, print_json, runtime
from digest.cli.tables import Table, print_table
from digest.delivery.signing.keys import (
    create_keys,
    list_keys,
    read_domain,
    retire_key,
    start_signing,
    waiting_keys,
)
from digest.delivery.signing.records import (
    UnpublishedError,
    check_published,
    record_name,
    record_text,
    zone_line,
)
from digest.models import DkimAlgorithm, DkimKey, DkimState

KEEP_DAYS = 7
_SINCE = {
    DkimState.WAITING: "created_at",
    DkimState.SIGNING: "signing_since",
    DkimState.REPLACED: "replaced_at",
    DkimState.RETIRED: "retired_at",
}


@click.group()
def dkim() -> None:
    """Make, use and retire the keys that mail is signed with (DKIM)."""


@dkim.command()
@click.argument("domain")
@click.option(
    "--algorithm",
    type=click.Choice([*(each.value for each in DkimAlgorithm), "both"]),
    default="both",
    show_default=True,
    help="Not every receiver reads Ed25519 yet, and all read RSA: both go on each mail.",
)
@json_option
def create(domain: str, algorithm: str, as_json: bool) -> None:
    """Make keys for DOMAIN, and print the DNS records to publish. They sign nothing yet."""
    wanted = list(DkimAlgorithm) if algorithm == "both" else [DkimAlgorithm(algorithm)]
    with runtime() as opened, typed_wrongly(), opened.database.transaction() as session:
        now = opened.clock.now()
        keys = create_keys(session, opened.vault, domain, wanted, now)
    if as_json:
        print_json([_as_json(key) for key in keys])
        return
    _print_records(keys)
    click.echo(f"Once they are published, have them sign: digest dkim sign {keys[0].domain}")


@dkim.command()
@click.argument("domain")
@click.option(
    "--unchecked", is_flag=True, help="Do not ask the DNS first whether they are published."
)
def sign(domain: str, unchecked: bool) -> None:
    """Have the newest keys of DOMAIN sign its mail from now on, in place of those before.

    Mail from DOMAIN itself and from all names below it, where those have no keys of their own.
    """
    with runtime() as opened, typed_wrongly():
        with opened.database.reading() as session:
            keys = waiting_keys(session, domain)
        missing = [] if unchecked else _unpublished(keys, opened.settings.resolver)
        if missing:
            raise click.ClickException("\n".join(map(str, missing)))
        with opened.database.transaction() as session:
            start_signing(session, domain, [key.id for key in keys], opened.clock.now())
    names = " and ".join(key.selector for key in keys)
    click.echo(f"Mail from {keys[0].domain} is signed by {names} now.")
    click.echo(
        "An issue that is going out is signed by the new keys within half a minute. "
        "Leave the records of older keys for a week, then: digest dkim retire"
    )


@dkim.command("list")
@click.argument("domain", required=False)
@click.option("--records", is_flag=True, help="Print the DNS records instead.")
@json_option
def list_them(domain: str | None, records: bool, as_json: bool) -> None:
    """List the keys: whose, under which selector, and whether they sign."""
    with runtime() as opened, typed_wrongly(), opened.database.reading() as session:
        keys = list_keys(session, None if domain is None else read_domain(domain))
    if as_json:
        print_json([_as_json(key) for key in keys])
        return
    none = "There are no keys, so Digest signs nothing. Make some: digest dkim create --help"
    if domain is not None:
        none = f"There are no keys of {domain}. Make some: digest dkim create {domain}"
    if records:
        published = [key for key in keys if key.state is not DkimState.RETIRED]
        if published:
            _print_records(published)
        else:
            click.echo(none)
        return
    table = Table("Domain", "Selector", "Algorithm", "State", "Since")
    for key in keys:
        since = getattr(key, _SINCE[key.state])
        table.add_row(
            key.domain,
            key.selector,
            key.algorithm.value,
            key.state.value,
            f"{since:%Y-%m-%d %H:%M}",
        )
    print_table(table, none)


@dkim.command()
@click.argument("domain")
@click.argument("selector")
@click.option(
    "--leaves-unsigned", is_flag=True, help="Also where it signs, and no other takes its place."
)
def retire(domain: str, selector: str, leaves_unsigned: bool) -> None:
    """Forget the secret of DOMAIN's key SELECTOR for good. Its DNS record may go then."""
    with runtime() as opened, typed_wrongly(), opened.database.transaction() as session:
        now = opened.clock.now()
        key = retire_key(session, domain, selector, now, leaves_unsigned=leaves_unsigned)
    last = key.replaced_at or (key.retired_at if key.signing_since else None)
    if last is not None and (now - last).days < KEEP_DAYS:
        click.echo(
            f"It is retired. It signed until {last:%Y-%m-%d %H:%M}: leave its record for "
            f"{KEEP_DAYS} days from then, as mail under way is still to be verified: "
            f"{record_name(key)}"
        )
    else:
        click.echo(f"It is retired. Its record {record_name(key)} may go.")


def _unpublished(keys: list[DkimKey], resolver: Any) -> list[UnpublishedError]:
    missing = []
    for key in keys:
        try:
            check_published(key, resolver)
        except UnpublishedError as error:
            missing.append(error)
    return missing


def _print_records(keys: list[DkimKey]) -> None:
    click.echo("Publish in the DNS; in a zone file:")
    for key in keys:
        click.echo(f"\n{zone_line(key)}")
    click.echo("\nor, in a provider's form, as a record of type TXT:")
    for key in keys:
        click.echo(f"\nName:  {record_name(key)}\nValue: {record_text(key)}")
    click.echo()


def _as_json(key: DkimKey) -> dict[str, Any]:
    moments = ("created_at", "signing_since", "replaced_at", "retired_at")
    return {
        "domain": key.domain,
        "selector": key.selector,
        "algorithm": key.algorithm.value,
        "state": key.state.value,
        "record": {"name": record_name(key), "text": record_text(key)},
        **{name: at.isoformat() if (at := getattr(key, name)) else None for name in moments},
    }

"""`digest doctor DOMAIN`: what receivers find of a domain that newsletters are from."""

import ipaddress
from collections.abc import Iterator

import click

from digest.checkup.domain.asking import Address
from digest.checkup.domain.checking import check_domain
from digest.checkup.domain.rules import DomainFinding
from digest.cli.arguments import typed_wrongly
from digest.cli.opening import runtime
from digest.delivery.signing.keys import list_keys, read_domain


def look_at_domain(domain: str, sends_from: tuple[str, ...]) -> Iterator[DomainFinding]:
    """Yield what is found of a domain, with the settings and keys of this installation.

    Raises:
        click.ClickException: the domain is none, or an entry of `sends_from` no IP address.
    """
    addresses = tuple(map(_address, sends_from))
    with runtime() as opened, typed_wrongly():
        name = read_domain(domain)
        with opened.database.reading() as session:
            keys = list_keys(session)
        yield from check_domain(
            opened.settings, keys, name, opened.clock.now(), sends_from=addresses
        )


def _address(text: str) -> Address:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        raise click.UsageError(f"{text!r} is no IP address: give one like 192.0.2.25.") from None

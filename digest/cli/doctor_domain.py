"""`digest doctor DOMAIN`: what receivers find of a domain that newsletters are from."""

from collections.abc import Iterator

from digest.checkup.domain.checking import check_domain
from digest.checkup.domain.rules import DomainFinding
from digest.checkup.domain.subject import read_address
from digest.cli.arguments import typed_wrongly
from digest.cli.opening import runtime
from digest.delivery.signing.keys import list_keys, read_domain


def look_at_domain(domain: str, sends_from: tuple[str, ...]) -> Iterator[DomainFinding]:
    """Yield what is found of a domain, with the settings and keys of this installation.

    Raises:
        click.ClickException: the domain is none, or an entry of `sends_from` no IP address.
    """
    with runtime() as opened, typed_wrongly():
        name, addresses = read_domain(domain), tuple(map(read_address, sends_from))
        with opened.database.reading() as session:
            keys = list_keys(session)
        yield from check_domain(
            opened.settings, keys, name, opened.clock.now(), sends_from=addresses
        )

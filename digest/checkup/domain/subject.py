"""What of Digest a domain's check-up has to know: who sends for it, and by which addresses."""

import ipaddress
from dataclasses import dataclass

from digest.checkup.domain.asking import Address, Dns, UnansweredError
from digest.checkup.domain.dmarc_record import walk_up
from digest.checkup.domain.rules import DomainFinding, advice
from digest.errors import FieldError
from digest.models import DkimKey
from digest.settings.loading import Settings


@dataclass(frozen=True)
class Subject:
    """A domain (A-labels) that newsletters are from, and what belongs to it.

    `envelope`: the domain that reports come back to, and SPF is looked up for. `sending`: addresses
    that mail leaves from, where they are known; else `why_unknown` says why not.
    """

    domain: str
    envelope: str
    settings: Settings
    keys: tuple[DkimKey, ...]
    sending: tuple[Address, ...] = ()
    why_unknown: str = ""


def read_address(text: str) -> Address:
    """Read an IP address that mail leaves from. Raises FieldError where it is none."""
    try:
        return ipaddress.ip_address(text.strip())
    except ValueError:
        raise FieldError(
            "sends_from", f"{text!r} is no IP address: give one like 192.0.2.25."
        ) from None


def find_sending(
    dns: Dns, domain: str, settings: Settings, given: tuple[Address, ...]
) -> tuple[tuple[Address, ...], str]:
    """Return the addresses that mail leaves from, or none and why they are unknown.

    `given`: what the operator says. A relay of somebody else's name sends from addresses that its
    owner knows; one of this machine or this house reaches the world by an address that is not seen
    from here.
    """
    if given:
        return given, ""
    host = settings.relay.host
    try:
        found: tuple[Address, ...] = (ipaddress.ip_address(host),)
    except ValueError:
        if "." not in host:
            return (), _inside(host)
        try:
            both = (*dns.addresses(host, 4).values, *dns.addresses(host, 6).values)
            found = tuple(ipaddress.ip_address(each) for each in both)
            if any(map(_public, found)) and not _same_house(dns, host, domain):
                return (), _others(host)
        except UnansweredError as error:
            return (), str(error)
    public = tuple(filter(_public, found))
    return (public, "") if public else ((), _inside(host))


def _public(address: Address) -> bool:
    return address.is_global and not address.is_multicast


def _same_house(dns: Dns, host: str, domain: str) -> bool:
    if f".{host}".endswith(f".{domain}"):
        return True
    return walk_up(dns, host).organisation == walk_up(dns, domain).organisation


def _inside(host: str) -> str:
    return (
        f"The relay {host} is on this machine or network, so the address that the world sees is "
        "not known from here."
    )


def _others(host: str) -> str:
    return f"The relay {host} is somebody else’s, who may send from other addresses than its own."


def unseen(subject: Subject, rule: str, what: str) -> DomainFinding:
    """Return that something cannot be looked at, as the sending address is unknown."""
    return advice(
        rule,
        f"{what} {subject.why_unknown}",
        "Mail yourself an issue (digest issue test), and look for the last Received line that your "
        "own provider wrote: it has the address. Then: digest doctor "
        f"{subject.domain} --sends-from ADDRESS",
    )

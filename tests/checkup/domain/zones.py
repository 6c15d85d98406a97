"""A domain as it should be, on a DNS server of ours, and what the check-up finds of another one."""

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from digest.checkup.domain.asking import Address, Dns
from digest.checkup.domain.dmarc import look_at_dmarc
from digest.checkup.domain.extras import look_at_extras
from digest.checkup.domain.keys import look_at_keys
from digest.checkup.domain.receiving import look_at_mx, look_at_reverse
from digest.checkup.domain.rules import DomainFinding
from digest.checkup.domain.sending import look_at_spf
from digest.checkup.domain.subject import Subject
from digest.delivery.signing.records import record_name, record_text
from digest.models import DkimKey
from digest.settings.loading import Settings
from tests.delivery.signing.verifiers import BOTH_ROWS
from tests.factories import make_settings
from tests.servers.dns import DnsServer

DOMAIN = "halyard.example"
SENDER: Address = ipaddress.ip_address("198.51.100.25")

Records = Mapping[tuple[str, str], Sequence[str]]


def in_strings(text: str) -> str:
    """Return a text as a zone file writes it, in strings that fit."""
    return " ".join(f'"{text[at : at + 250]}"' for at in range(0, len(text), 250))


def keys_of(rows: Iterable[DkimKey]) -> dict[tuple[str, str], list[str]]:
    return {(record_name(row), "TXT"): [in_strings(record_text(row))] for row in rows}


GOOD: Records = {
    (DOMAIN, "TXT"): ['"v=spf1 ip4:198.51.100.25 -all"', '"of another service"'],
    (DOMAIN, "MX"): ["10 mx.halyard.example."],
    ("mx.halyard.example", "A"): ["198.51.100.9"],
    (f"_dmarc.{DOMAIN}", "TXT"): ['"v=DMARC1; p=quarantine; rua=mailto:dmarc@halyard.example"'],
    ("25.100.51.198.in-addr.arpa", "PTR"): ["out.halyard.example."],
    ("out.halyard.example", "A"): ["198.51.100.25"],
    ("default._bimi.halyard.example", "TXT"): ['"v=BIMI1; l=https://halyard.example/logo.svg; a="'],
    ("_mta-sts.halyard.example", "TXT"): ['"v=STSv1; id=20261201"'],
    **keys_of(BOTH_ROWS),
}


def zone(
    *without: tuple[str, str], **changed: Sequence[str]
) -> dict[tuple[str, str], Sequence[str]]:
    """Return the good zone without some records; `spf`, `dmarc` and `mx` put others in place."""
    places = {"spf": (DOMAIN, "TXT"), "dmarc": (f"_dmarc.{DOMAIN}", "TXT"), "mx": (DOMAIN, "MX")}
    quoted = {
        places[name]: list(records) if name == "mx" else [in_strings(each) for each in records]
        for name, records in changed.items()
    }
    return {place: each for place, each in {**GOOD, **quoted}.items() if place not in without}


def found_in(
    records: Mapping[tuple[str, str], Sequence[str]],
    *,
    sending: tuple[Address, ...] = (SENDER,),
    envelope: str = DOMAIN,
    keys: tuple[DkimKey, ...] = BOTH_ROWS,
    domain: str = DOMAIN,
    dns: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> list[DomainFinding]:
    """Return what all looks at the DNS find. `dns`: how it misbehaves, as DnsServer takes it."""
    with DnsServer(zone=records, **(dns or {})) as server:
        used: Settings = make_settings("sqlite://", resolver=server.resolver, **(settings or {}))
        subject = Subject(domain, envelope, used, keys, sending, "It is hidden.")
        asking = Dns(server.resolver)
        return [
            *look_at_spf(asking, subject, envelope),
            *look_at_mx(asking, domain),
            *look_at_keys(subject),
            *look_at_dmarc(asking, subject),
            *look_at_reverse(asking, subject),
            *look_at_extras(asking, domain),
        ]

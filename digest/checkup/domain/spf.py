"""What receivers make of an SPF record (RFC 7208): `check_host`, and what it costs them.

A walk for an address says what a receiver would. A walk for no address matches nothing, so it goes
through every term, as that of a stranger does: it tells how many look-ups a domain asks for.
"""

import ipaddress
from dataclasses import dataclass, field
from typing import Final

from digest.checkup.domain.asking import Address, Dns, Looked
from digest.checkup.domain.spf_terms import (
    ASKING,
    Record,
    SpfError,
    Term,
    expand,
    is_spf,
    read_record,
)

LOOKUPS_AT_MOST: Final = 10
VOIDS_AT_MOST: Final = 2
NAMES_AT_MOST: Final = 10
"""Of the mail servers of one mx, and of the names of one ptr (RFC 7208 4.6.4)."""
COUNTED_AT_MOST: Final = 30
"""Further than this nobody has to know by how many look-ups a record is too long."""


@dataclass
class Cost:
    """What a walk has asked for. `void`: terms whose question had no answer."""

    lookups: int = 0
    void: list[str] = field(default_factory=list)
    mechanisms: list[str] = field(default_factory=list)
    cut: bool = False


@dataclass
class Walk:
    """One check of RFC 7208 4: of `address` (None matches nothing), for mail from `sender`."""

    dns: Dns
    address: Address | None
    sender: str
    hello: str
    lookups_at_most: int = LOOKUPS_AT_MOST
    voids_at_most: int = VOIDS_AT_MOST
    cost: Cost = field(default_factory=Cost)

    def __post_init__(self) -> None:
        # An IPv4 address in the clothes of an IPv6 one is the former (RFC 7208 5).
        if isinstance(self.address, ipaddress.IPv6Address) and self.address.ipv4_mapped:
            self.address = self.address.ipv4_mapped

    def check(self, domain: str) -> str:
        """Return "pass", "fail", "softfail", "neutral", or "none".

        Raises:
            SpfError: receivers take it for broken ("permerror").
            UnansweredError: the DNS does not tell ("temperror").
        """
        record = self._record(domain)
        return "none" if record is None else self._evaluate(record, domain, (domain,))

    def _record(self, domain: str) -> Record | None:
        found = [text for text in self.dns.texts(domain).values if is_spf(text)]
        if len(found) > 1:
            raise SpfError(f"{domain} has {len(found)} SPF records; there must be one.")
        return read_record(found[0]) if found else None

    def _evaluate(self, record: Record, domain: str, above: tuple[str, ...]) -> str:
        for term in record.terms:
            self.cost.mechanisms.append(term.written)
            if self._matches(term, domain, above):
                return term.result
        if record.redirect is None:
            return "neutral"
        self._count(record.redirect)
        target = self._target(record.redirect, domain)
        if target is None:
            return "neutral"
        further = self._below(record.redirect, target, above)
        return self._evaluate(further, target, (*above, target))

    def _below(self, term: Term, target: str, above: tuple[str, ...]) -> Record:
        if target in above:
            raise SpfError(f"“{term.written}” leads in a circle, back to {target}.")
        record = self._record(target)
        if record is None:
            raise SpfError(f"“{term.written}” leads to {target}, which has no SPF record.")
        return record

    def _count(self, term: Term) -> None:
        self.cost.lookups += 1
        if self.cost.lookups > self.lookups_at_most:
            self.cost.cut = True
            raise SpfError(
                f"It asks for more than {self.lookups_at_most} look-ups in the DNS: "
                f"“{term.written}” is one too many."
            )

    def _target(self, term: Term, domain: str) -> str | None:
        if not term.value:
            return domain
        target = expand(term.value, self.sender, domain, self.hello, self.address)
        return None if target is None else target.lower()

    def _matches(self, term: Term, domain: str, above: tuple[str, ...]) -> bool:
        if term.name == "all":
            return True
        if term.network is not None:
            return self.address is not None and self.address in term.network
        assert term.name in ASKING
        self._count(term)
        target = self._target(term, domain)
        if target is None:
            # What it asks for depends on the address, and there is none.
            return False
        if term.name == "include":
            return self._evaluate(self._below(term, target, above), target, (*above, target)) == (
                "pass"
            )
        if term.name == "exists":
            return bool(self._void(term, self.dns.addresses(target, 4))) and bool(self.address)
        if term.name == "ptr":
            return self._matches_ptr(term, target)
        hosts = (target,) if term.name == "a" else self._mail_hosts(term, target)
        return self._any_matches(term, hosts)

    def _mail_hosts(self, term: Term, target: str) -> tuple[str, ...]:
        hosts = self._void(term, self.dns.mail_hosts(target))
        if len(hosts) > NAMES_AT_MOST:
            raise SpfError(f"“{term.written}” names more than {NAMES_AT_MOST} mail servers.")
        return tuple(filter(None, hosts))

    def _any_matches(self, term: Term, hosts: tuple[str, ...]) -> bool:
        versions = (4, 6) if self.address is None else (self.address.version,)
        found: list[str] = []
        for host in hosts:
            for version in versions:
                found += self.dns.addresses(host, version).values
            if any(self._covers(term, each) for each in found):
                return True
        if hosts:
            self._void(term, Looked(tuple(found)))
        return False

    def _covers(self, term: Term, found: str) -> bool:
        address = ipaddress.ip_address(found)
        if self.address is None or address.version != self.address.version:
            return False
        prefix = term.prefix4 if address.version == 4 else term.prefix6
        return self.address in ipaddress.ip_network(f"{address}/{prefix}", strict=False)

    def _matches_ptr(self, term: Term, target: str) -> bool:
        if self.address is None:
            return False
        names = self._void(term, self.dns.names(self.address))[:NAMES_AT_MOST]
        return any(
            f".{name}".endswith(f".{target}")
            and str(self.address) in self.dns.addresses(name, self.address.version).values
            for name in names
        )

    def _void(self, term: Term, looked: Looked) -> tuple[str, ...]:
        if not looked.values:
            self.cost.void.append(term.written)
            if len(self.cost.void) > self.voids_at_most:
                raise SpfError(
                    f"More than {self.voids_at_most} of its terms lead to names without an answer: "
                    + ", ".join(f"“{each}”" for each in self.cost.void)
                )
        return looked.values


def count(dns: Dns, domain: str) -> Cost:
    """Return what the record of a domain costs whoever checks a stranger's address.

    Raises:
        SpfError: it is broken in another way than by its length.
        UnansweredError: the DNS does not tell.
    """
    walk = Walk(dns, None, f"postmaster@{domain}", domain, COUNTED_AT_MOST, COUNTED_AT_MOST)
    try:
        walk.check(domain)
    except SpfError:
        if not walk.cost.cut:
            raise
    return walk.cost

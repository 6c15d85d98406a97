"""Which networks an ip counts for."""

import ipaddress
from dataclasses import dataclass

Ip = ipaddress.IPv4Address | ipaddress.IPv6Address

LINE = {4: 24, 6: 64}
# What a provider gives one customer, who may use each of its 65,536 lines in turn.
SITE = 48
# Lines that providers share between customers (RFC 6598). Not public, yet somebody's.
SHARED = ipaddress.ip_network("100.64.0.0/10")
# IPv4 behind a translator (RFC 6052).
TRANSLATED = ipaddress.ip_network("64:ff9b::/96")


@dataclass(frozen=True)
class Networks:
    """`line`: a /24, or a /64 of IPv6. `site`: the /48 around that; IPv4 has none."""

    line: str
    site: str | None


def networks_of(ip: str | None) -> Networks | None:
    """Return the networks that an ip counts for.

    One that is not public counts for none: it is the demo, or a proxy that nobody has named in
    DIGEST_TRUSTED_PROXIES, behind which all readers are one.
    """
    if ip is None:
        return None
    address = _real(ipaddress.ip_address(ip))
    if not (address.is_global or (address.version == 4 and address in SHARED)):
        return None
    site = _around(address, SITE) if address.version == 6 else None
    return Networks(_around(address, LINE[address.version]), site)


def _around(address: Ip, bits: int) -> str:
    spare = address.max_prefixlen - bits
    return f"{type(address)(int(address) >> spare << spare)}/{bits}"


def _real(address: Ip) -> Ip:
    """Return the IPv4 address that one of IPv6 only wraps: there are as many wraps as one likes."""
    if address.version == 4:
        return address
    teredo = address.teredo
    if address in TRANSLATED:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else address)

"""Which network an ip counts for."""

import ipaddress

PREFIXES = {4: 24, 6: 64}


def network_of(ip: str | None) -> str | None:
    """Return the network that an ip counts for.

    One that is not public counts for none: it is the demo, or a proxy that nobody has named in
    DIGEST_TRUSTED_PROXIES, behind which all readers are one.
    """
    if ip is None:
        return None
    address = ipaddress.ip_address(ip)
    if not address.is_global:
        return None
    return str(ipaddress.ip_network(f"{address}/{PREFIXES[address.version]}", strict=False))

"""What the demo alone has: for whoever sits at this machine."""

import ipaddress
from urllib.parse import urlsplit

from flask import abort, request

from digest.settings.values import LOOPBACK_NAMES


def refuse_strangers() -> None:
    """Answer 404 to whatever does not come from this machine, by one of its own names."""
    # The name as well: a page elsewhere may have its own name lead to this machine.
    host = urlsplit(f"//{request.host}").hostname
    if host not in LOOPBACK_NAMES or not _is_loopback(request.remote_addr):
        abort(404)


def _is_loopback(address: str | None) -> bool:
    try:
        return ipaddress.ip_address(address or "").is_loopback
    except ValueError:
        return False

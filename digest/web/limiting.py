"""A bound on how often one network may use a form."""

import ipaddress
from datetime import UTC, datetime

import structlog
from flask import Flask, current_app
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from werkzeug.exceptions import TooManyRequests

SIGN_UPS = RateLimitItemPerMinute(20, namespace="sign-ups")

log = structlog.get_logger(__name__)


def limit_requests(app: Flask) -> None:
    """Give the app its counters. They are this process's own: a bound, not a quota."""
    app.extensions["digest-limiter"] = MovingWindowRateLimiter(MemoryStorage())


def check_sign_up_limit(ip: str | None) -> None:
    """Count one sign-up.

    An ip that is not public is not counted: it is the demo, or a proxy that nobody has named in
    DIGEST_TRUSTED_PROXIES, behind which all readers are one.

    Raises:
        TooManyRequests: the network has had its 20 of this minute.
    """
    network = _network(ip)
    if network is None:
        return
    limiter: MovingWindowRateLimiter = current_app.extensions["digest-limiter"]
    if limiter.hit(SIGN_UPS, network):
        return
    again = limiter.get_window_stats(SIGN_UPS, network).reset_time
    raise TooManyRequests(retry_after=datetime.fromtimestamp(again, UTC))


def _network(ip: str | None) -> str | None:
    if ip is None or not ipaddress.ip_address(ip).is_global:
        return None
    size = 24 if ipaddress.ip_address(ip).version == 4 else 64
    return str(ipaddress.ip_network(f"{ip}/{size}", strict=False))

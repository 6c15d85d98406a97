"""What a request tells about who made it: the ip, the program, the page."""

import ipaddress
import re
from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import urlsplit

from flask import Request

from digest.readers.consent.recording import Evidence
from digest.settings.values import Network

MOST_HOPS = 20
USER_AGENT_LONGEST = 500
HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
FORM_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,59}")
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f]")

Ip = ipaddress.IPv4Address | ipaddress.IPv6Address


def evidence_of(
    request: Request, trusted: Sequence[Network], *, form: str | None = None
) -> Evidence:
    """Gather the evidence of a request. A path with a token in it is never kept."""
    return Evidence(
        ip=reader_ip(request, trusted),
        user_agent=printable(request.headers.get("User-Agent", "")),
        page_url=page_url(request),
        form=form if form and FORM_NAME.fullmatch(form) else None,
    )


def reader_ip(request: Request, trusted: Sequence[Network]) -> str | None:
    """Return the ip that the request came from, as text.

    `X-Forwarded-For` is read from its right end, and only for as long as the one who wrote the
    entry is a proxy of ours: whatever stands further left is what a stranger says.
    """
    said = request.headers.get("X-Forwarded-For", "").split(",")[-MOST_HOPS:]
    known = read_ip(request.remote_addr or "")
    # A proxy on this machine may speak to us through a Unix socket, which has no ip.
    through_proxy = bool(trusted) and not request.remote_addr
    while said and (through_proxy or _is_trusted(known, trusted)):
        before = read_ip(said.pop())
        if before is None:
            break
        known, through_proxy = before, False
    return str(known) if known else None


def page_url(request: Request) -> str | None:
    """Return the address of the page that the form stood on, where the browser tells it."""
    return page_address(request.headers.get("Referer") or request.headers.get("Origin") or "")


def page_address(told: str) -> str | None:
    """Return the address of a page as evidence keeps it; None for what is no address."""
    try:
        parts = urlsplit(told[:2000])
        host, _ = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or not host or parts.username:
        return None
    return printable(parts._replace(fragment="").geturl(), 2000)


def site_of(page: str | None, *, own_url: str, paper_host: str) -> str:
    """Return the host to tell a reader that they signed up at: another site's, or the paper's."""
    own_host = urlsplit(own_url).hostname or ""
    host = (urlsplit(page).hostname or "").lower() if page else ""
    if host in {"", own_host} or not HOST.fullmatch(host):
        return paper_host or own_host
    return host


def _is_trusted(ip: Ip | None, trusted: Sequence[Network]) -> bool:
    return ip is not None and any(ip in network for network in trusted)


@lru_cache(maxsize=1024)
def read_ip(text: str) -> Ip | None:
    """Return the ip that is written there, None for anything else."""
    text = text.strip()
    bracketed = re.fullmatch(r"\[([^\]]+)\](?::\d+)?", text)
    with_port = re.fullmatch(r"([\d.]+):\d+", text)
    match = bracketed or with_port
    try:
        found = ipaddress.ip_address(match[1] if match else text)
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address):
        return found.ipv4_mapped or ipaddress.IPv6Address(int(found))
    return found


def printable(text: str, longest: int = USER_AGENT_LONGEST) -> str | None:
    """Return text without control characters, cut to what is kept."""
    return UNPRINTABLE.sub("", text)[:longest] or None

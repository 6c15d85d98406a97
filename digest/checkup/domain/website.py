"""Our own web address, as mail programs use it: its certificate, and the one-click unsubscribing.

It is asked from this machine. Whether the world gets there, only a machine elsewhere can tell.
"""

import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from digest.checkup.domain.rules import DomainFinding, advice, doubt, good, wrong
from digest.checkup.finding import in_words
from digest.settings.loading import Settings
from digest.tokens import KeyRing, Purpose, new_token_id

WAIT_SECONDS: Final = 4.0
NEAR: Final = timedelta(days=14)
NEAR_OF_LIFE: Final = 0.25
"""There are certificates that live for six days: near is what is late for both measures."""
ONE_CLICK: Final = {"List-Unsubscribe": "One-Click"}
FROM_OUTSIDE: Final = (
    "That was from this machine. From a second one, outside, this should say 200 as well, and "
    "changes nothing: curl -i -d List-Unsubscribe=One-Click {url}"
)


def look_at_certificate(settings: Settings, now: datetime) -> Iterator[DomainFinding]:
    """Return whether DIGEST_PUBLIC_URL is https, with a certificate that holds for a while yet."""
    url = urlsplit(settings.public_url)
    host = url.hostname or ""
    if url.scheme != "https":
        yield wrong(
            "web-tls",
            f"DIGEST_PUBLIC_URL is {settings.public_url}: mail programs offer one-click "
            "unsubscribing by https alone.",
            "Put a web server with a certificate in front, and set DIGEST_PUBLIC_URL to https://…",
        )
        return
    try:
        begins, ends = _lifetime(host, url.port or 443)
    except ssl.SSLCertVerificationError as error:
        yield wrong(
            "web-tls",
            f"The certificate of {host} does not hold: {error.verify_message}.",
            "Renew it, with all its intermediate certificates, for this very name.",
        )
        return
    except OSError as error:
        yield wrong(
            "web-tls",
            f"{host} does not speak TLS with us: {in_words(error)}",
            "Does the web server in front run? May this machine call it by its public name?",
        )
        return
    left, life = ends - now, ends - begins
    until = f"The certificate of {host} holds until {ends:%d %B %Y}"
    if left < NEAR and left < life * NEAR_OF_LIFE:
        remedy = "Renew it, and see why that did not happen by itself."
        yield doubt("web-tls", f"{until}: that is near.", remedy)
    else:
        yield good("web-tls", f"{until}.")


def _lifetime(host: str, port: int) -> tuple[datetime, datetime]:
    # The authorities that this machine trusts, or those of SSL_CERT_FILE.
    context = ssl.create_default_context()
    with (
        socket.create_connection((host, port), WAIT_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=host) as secured,
    ):
        certificate = secured.getpeercert() or {}
    return _moment(certificate["notBefore"]), _moment(certificate["notAfter"])


def _moment(written: object) -> datetime:
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(written)), UTC)


def look_at_one_click(settings: Settings) -> Iterator[DomainFinding]:
    """Press the one-click button with a signed token of nobody, so that it changes nothing."""
    # Late: httpx is for those who fetch.
    import httpx

    token = KeyRing(settings.keys).sign(Purpose.UNSUBSCRIBE, new_token_id())
    url = f"{settings.public_url}/u/{token}"
    context = ssl.create_default_context()
    try:
        with (
            httpx.Client(verify=context, timeout=WAIT_SECONDS, follow_redirects=False) as client,
            client.stream("POST", url, data=ONE_CLICK) as answer,
        ):
            status = answer.status_code
    except httpx.HTTPError as error:
        yield wrong(
            "one-click",
            f"Nobody answers a mail program’s one click at {settings.public_url}: "
            f"{type(error).__name__}.",
            "Does `digest web` run, and the web server in front of it?",
        )
        return
    if status == 200:
        yield advice(
            "one-click",
            "A mail program’s one click, with no cookie and a token of nobody, is answered by 200.",
            FROM_OUTSIDE.format(url=url),
        )
    elif 300 <= status < 400:
        yield wrong(
            "one-click",
            f"The one click is sent elsewhere ({status}): mail programs do not follow.",
            "Set DIGEST_PUBLIC_URL to where it is sent, or have the web server pass /u/ on.",
        )
    else:
        yield wrong(
            "one-click",
            f"The one click is answered by {status}, and should be by 200.",
            "Does the web server in front pass POST /u/… on, without asking for a login or a "
            "cookie? Has the web process the same DIGEST_KEYS as this command?",
        )

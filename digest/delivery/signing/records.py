"""The DNS record that a key is published by (RFC 6376 3.6.1), and whether it is there."""

import base64
import binascii
import re
from typing import TYPE_CHECKING, Final

from digest.errors import DigestError
from digest.models import DkimKey
from digest.settings.loading import Resolver

if TYPE_CHECKING:
    import dns.resolver

# RFC 1035 3.3: a character-string.
LONGEST_STRING: Final = 255
LOOK_SECONDS: Final = 5.0
_TAG: Final = re.compile(r"\s*([A-Za-z][A-Za-z0-9_]*)\s*=(.*)", re.DOTALL)
_BLANKS: Final = re.compile(r"\s+")


class UnpublishedError(DigestError):
    """A key's record is not there, or is another; the message says which, and what to do."""


def record_name(key: DkimKey) -> str:
    """Return the name that the record stands under, without the stop at its end."""
    return f"{key.selector}._domainkey.{key.domain}"


def record_text(key: DkimKey) -> str:
    """Return the record's text, as forms for DNS take it: they cut it into strings themselves."""
    public = base64.b64encode(key.public_key).decode("ascii")
    return f"v=DKIM1; h=sha256; k={key.algorithm.value}; p={public}"


def zone_line(key: DkimKey) -> str:
    """Return the record as a line of a zone file, in strings of at most 255 octets."""
    text = record_text(key)
    strings = [text[at : at + LONGEST_STRING] for at in range(0, len(text), LONGEST_STRING)]
    quoted = " ".join(f'"{string}"' for string in strings)
    return f"{record_name(key)}. IN TXT {quoted if len(strings) == 1 else f'( {quoted} )'}"


def check_published(key: DkimKey, resolver: Resolver | None) -> None:
    """Look whether a key's record is published: `resolver` is asked, or else the system's.

    Raises:
        UnpublishedError: it is not, or that could not be found out.
    """
    name = record_name(key)
    found = _texts(name, resolver)
    if not found:
        raise UnpublishedError(
            f"There is no TXT record at {name} yet. Where you have just published it, the DNS may "
            "take an hour, or as long as your zone says, to tell."
        )
    if len(found) > 1:
        raise UnpublishedError(
            f"There are {len(found)} TXT records at {name}: verifiers may take any of them. Leave "
            "one."
        )
    _compare(key, name, found[0])


def _compare(key: DkimKey, name: str, text: str) -> None:
    tags = _read_tags(text)
    if tags.get("v", "DKIM1") != "DKIM1" or "p" not in tags:
        raise UnpublishedError(f"What stands at {name} is no DKIM record: it has no p= tag.")
    kind = tags.get("k", "rsa")
    try:
        public = base64.b64decode(_BLANKS.sub("", tags["p"]), validate=True)
    except (binascii.Error, ValueError):
        public = b""
    if kind != key.algorithm.value or public != key.public_key:
        raise UnpublishedError(
            f"The record at {name} holds another key than ours, or not all of it: some forms cut "
            f"it at {LONGEST_STRING} characters. `digest dkim list --records` shows it once more."
        )


def _read_tags(text: str) -> dict[str, str]:
    found = [_TAG.fullmatch(part) for part in text.split(";")]
    return {match[1]: match[2].strip() for match in found if match is not None}


def open_resolver(resolver: Resolver | None) -> "dns.resolver.Resolver":
    """Return what asks `resolver`, or else the system's. Raises dnspython's DNSException."""
    # Late: who does not sign never loads this.
    import dns.resolver

    asking = dns.resolver.Resolver(configure=resolver is None)
    if resolver is not None:
        asking.nameservers, asking.port = [resolver.host], resolver.port
    return asking


def _texts(name: str, resolver: Resolver | None) -> list[str]:
    # Late, as above.
    import dns.exception
    import dns.resolver

    try:
        answer = open_resolver(resolver).resolve(
            name + ".", "TXT", lifetime=LOOK_SECONDS, search=False
        )
        return [b"".join(each.strings).decode("utf-8", "replace") for each in answer]
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    except dns.exception.DNSException as error:
        raise UnpublishedError(
            f"The DNS could not be asked for {name} ({type(error).__name__}). Try again later; or, "
            "where this machine may not ask, say --unchecked."
        ) from None

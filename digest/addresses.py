"""Mail addresses: as typed, as a key, and as they go on the wire."""

import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from email_validator import EmailNotValidError, validate_email

LONGEST = 254


class AddressError(ValueError):
    """Not an address that mail can be sent to; the message is for the person who typed it."""


@dataclass(frozen=True)
class Address:
    """`email` is how the reader writes it; `key` is the same for all ways to write it."""

    email: str
    key: str


def parse_address(text: str) -> Address:
    """Check an address from outside, without asking the DNS (RFC 5321, 6531).

    Raises:
        AddressError: with a sentence to show beside the field.
    """
    typed = text.strip(" \t\r\n")
    if not typed:
        raise AddressError("Enter your email address")
    if len(typed) > LONGEST:
        raise AddressError(f"Email addresses are at most {LONGEST} characters")
    if "@" not in typed:
        raise AddressError("Enter an email address with an @, like name@example.org")
    try:
        # example.org and the like are what this very page suggests, and what tests use.
        found = validate_email(typed, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        raise AddressError(
            "We cannot read that email address. Check it, like name@example.org"
        ) from None
    # lower, not casefold: straße and strasse are two mailboxes, and may be two people's.
    local = unicodedata.normalize("NFC", found.local_part.lower())
    key = f"{local}@{(found.ascii_domain or found.domain).lower()}"
    if max(len(found.normalized), len(key)) > LONGEST:
        raise AddressError(f"Email addresses are at most {LONGEST} characters")
    return Address(email=found.normalized, key=key)


def wire_address(email: str) -> str:
    """Return an address as SMTP takes it: its domain in A-labels (RFC 5890).

    Raises:
        AddressError: it is none.
    """
    local, _, domain = email.rpartition("@")
    return f"{local}@{_wire_domain(domain)}"


# Most readers share a few domains, and to look at one takes as long as to fill a whole message.
@lru_cache(maxsize=10_000)
def _wire_domain(domain: str) -> str:
    try:
        found = validate_email(f"x@{domain}", check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        raise AddressError("The part after the @ is not a domain") from None
    return str(found.ascii_domain)

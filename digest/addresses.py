"""Mail addresses: as typed, as a key, and as they go on the wire."""

import unicodedata
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from digest.mistyped import Accept, explain, in_ascii, trimmed
from digest.receivers import meant_domain
from digest.reserved_names import ANY_NAME, WAS_TAKEN, ReservedNames

if TYPE_CHECKING:
    from email_validator import ValidatedEmail

# RFC 5321 4.5.3.1.3 allows a path 256 octets, and two of them are its angle brackets.
LONGEST = 254
# RFC 5321 4.5.3.1.1.
LONGEST_LOCAL = 64
TOO_LONG = f"Email addresses are at most {LONGEST} characters"
LOCAL_TOO_LONG = f"The part before the @ is at most {LONGEST_LOCAL} characters"
# What mail servers count is octets of UTF-8.
LOCAL_TOO_LONG_BEYOND_ASCII = f"{LOCAL_TOO_LONG}, and letters such as {{}} count as two or more"
# What a relay has to offer for an address that is not ASCII before the @ (RFC 6531): the header
# that such an address stands in is 8-bit.
NEEDED_BEYOND_ASCII = frozenset({"smtputf8", "8bitmime"})
# What is typed may have words around the address. More than this is no slip.
LONGEST_TYPED = 1000


class AddressError(ValueError):
    """Not an address that mail can be sent to; the message is for the person who typed it.

    `suggestion`: the address that was probably meant.
    """

    def __init__(self, sentence: str, suggestion: str | None = None) -> None:
        super().__init__(sentence)
        self.suggestion = suggestion


@dataclass(frozen=True)
class Address:
    """`email` is how the reader writes it; `key` is the same for all ways to write it."""

    email: str
    key: str

    @property
    def local(self) -> str:
        """The part before the @. Not ASCII: only a relay with SMTPUTF8 takes it (RFC 6531)."""
        return self.email.rpartition("@")[0]


@dataclass(frozen=True)
class SoughtAddress(Address):
    """An address to find what is held by it; `flaw`: why nothing new is taken for it."""

    flaw: str | None = None


def parse_address(text: str, reserved: ReservedNames = ANY_NAME) -> Address:
    """Check an address from outside, without asking the DNS (RFC 5321, 6531).

    Raises:
        AddressError: with a sentence to show beside the field, and where the right address can be
            seen in what was typed, with that.
    """
    typed = trimmed(text[: LONGEST_TYPED + 1])
    if not typed:
        raise AddressError("Enter your email address")
    found = _read(typed, reserved)
    if isinstance(found, Address):
        return found
    if len(typed) > LONGEST_TYPED:
        raise AddressError(TOO_LONG)
    accept: Accept = lambda candidate: _accepted(candidate, reserved)  # noqa: E731 - typed
    sentence, suggestion = explain(typed, accept)
    if suggestion is None and (found or _octets(typed) > LONGEST):
        raise AddressError(found or TOO_LONG)
    raise AddressError(sentence, suggestion)


def seek_address(text: str) -> SoughtAddress:
    """Read an address by which to find what is held, whatever is taken today. Raises nothing.

    It may have come in under other settings, or before there was a rule against it.
    """
    try:
        found = parse_address(text, WAS_TAKEN)
    except AddressError as error:
        typed = unicodedata.normalize("NFC", trimmed(text))
        return SoughtAddress(typed, typed.lower(), flaw=str(error))
    return SoughtAddress(found.email, found.key)


def meant_address(address: Address, reserved: ReservedNames = ANY_NAME) -> str | None:
    """Return the address that was probably meant by one that could be right; None if this one."""
    local, _, domain = address.email.rpartition("@")
    plain = local if local.isascii() else in_ascii(local)
    mended = f"{plain}@{meant_domain(domain) or domain}"
    if mended == address.email:
        return None
    found = _read(mended, reserved)
    return found.email if isinstance(found, Address) else None


def wire_address(email: str) -> str:
    """Return an address as SMTP takes it: its domain in A-labels (RFC 5890).

    Raises:
        AddressError: it is none.
    """
    local, _, domain = email.rpartition("@")
    return f"{local}@{_wire_domain(domain)}"


def _accepted(candidate: str, reserved: ReservedNames) -> str | None:
    found = _read(candidate, reserved)
    if not isinstance(found, Address):
        return None
    return meant_address(found, reserved) or found.email


def _read(typed: str, reserved: ReservedNames) -> Address | str | None:
    """Return the address; or why it is not taken, in a sentence; or None where it is none."""
    if len(typed) > LONGEST:
        return None
    found = _validated(typed)
    if found is None:
        return None
    domain = found.ascii_domain.lower()
    if complaint := reserved.complaint(domain, found.domain):
        return complaint
    if not _is_of_internet(domain, reserved):
        return None
    # lower, not casefold: straße and strasse are two mailboxes, and may be two people's.
    local = unicodedata.normalize("NFC", found.local_part.lower())
    key = f"{local}@{domain}"
    if max(_octets(found.local_part), _octets(local)) > LONGEST_LOCAL:
        return _local_too_long(found.local_part)
    on_the_wire = _octets(found.local_part) + 1 + len(domain)
    if max(on_the_wire, len(found.normalized), _octets(key)) > LONGEST:
        return TOO_LONG
    return Address(email=found.normalized, key=key)


def _is_of_internet(domain: str, reserved: ReservedNames) -> bool:
    """Whether a domain has the form of those that mail reaches, or is the publisher's own."""
    last = domain.rpartition(".")[2]
    # All top-level domains end in a letter; `test` alone is what tests use.
    whole = "." in domain and last[-1:].isalpha()
    return whole or reserved.is_own(domain) or (reserved.for_tries and domain == "test")


def beyond_ascii(local: str) -> str:
    """Return the first letter that is not ASCII, or nothing."""
    return next((letter for letter in local if not letter.isascii()), "")


def _local_too_long(local: str) -> str:
    odd = beyond_ascii(local)
    return LOCAL_TOO_LONG_BEYOND_ASCII.format(odd) if odd else LOCAL_TOO_LONG


def _octets(text: str) -> int:
    return len(text.encode(errors="surrogatepass"))


# Most readers share a few domains, and to look at one takes as long as to fill a whole message.
@lru_cache(maxsize=10_000)
def _wire_domain(domain: str) -> str:
    found = _validated(f"x@{domain}")
    if found is None:
        raise AddressError("The part after the @ is not a domain")
    return str(found.ascii_domain)


def _validated(email: str) -> "ValidatedEmail | None":
    library = _library()
    found: ValidatedEmail | None = None
    with suppress(library.EmailNotValidError):
        found = library.validate_email(
            email, check_deliverability=False, globally_deliverable=False
        )
    return found


@cache
def _library() -> Any:
    # Late: most commands only show addresses.
    import email_validator

    # It keeps a list of names that it never takes. Which ones we take is `ReservedNames`'s.
    email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()
    return email_validator

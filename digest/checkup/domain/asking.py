"""Asking the DNS, never for long: no answer that others write can keep us busy."""

import ipaddress
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from digest.delivery.signing.records import open_resolver
from digest.errors import DigestError
from digest.settings.loading import Resolver

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

QUESTIONS_AT_MOST: Final = 150
SECONDS_AT_MOST: Final = 25.0
"""For all questions of one check-up together: a desk's page waits for it."""
QUESTION_SECONDS: Final = 3.0
VALUES_AT_MOST: Final = 100
"""Records that are looked at of one name and type."""
LONGEST_TEXT: Final = 16_384
LONGEST_NAME: Final = 253


class UnansweredError(DigestError):
    """The DNS gave no answer: neither that there is a record, nor that there is none."""


@dataclass(frozen=True)
class Looked:
    """What stands under a name. `exists`: whether there is such a name (else NXDOMAIN)."""

    values: tuple[str, ...]
    exists: bool = True


class Dns:
    """Asks one server, or else the system's; remembers what it was told while it lives.

    Raises UnansweredError where the system names no server.
    """

    def __init__(
        self,
        resolver: Resolver | None,
        *,
        questions: int = QUESTIONS_AT_MOST,
        seconds: float = SECONDS_AT_MOST,
        question_seconds: float = QUESTION_SECONDS,
    ) -> None:
        import dns.exception

        try:
            self._asking = open_resolver(resolver)
        except dns.exception.DNSException as error:
            raise UnansweredError(
                f"This machine names no DNS server to ask ({type(error).__name__})."
            ) from None
        self._left = questions
        self._until = time.monotonic() + seconds
        self._question_seconds = question_seconds
        self._known: dict[tuple[str, str], Looked | UnansweredError] = {}

    def texts(self, name: str) -> Looked:
        """Return the TXT records of a name, each with its strings joined (RFC 7208 3.3).

        Raises:
            UnansweredError: the DNS does not tell. So do all the others.
        """
        return self._ask(name, "TXT", _text)

    def addresses(self, name: str, version: int) -> Looked:
        """Return the IP addresses of a name, of version 4 or 6."""
        return self._ask(name, "A" if version == 4 else "AAAA", lambda each: str(each.address))

    def mail_hosts(self, name: str) -> Looked:
        """Return the names of a domain's mail servers, best first; "" for a null MX (RFC 7505)."""
        found = self._ask(name, "MX", lambda each: f"{each.preference:05} {_name(each.exchange)}")
        return Looked(tuple(each[6:] for each in sorted(found.values)), found.exists)

    def names(self, address: Address) -> Looked:
        """Return the names that an IP address has by reverse DNS."""
        return self._ask(address.reverse_pointer, "PTR", lambda each: _name(each.target))

    def _ask(self, name: str, kind: str, read: Callable[[Any], str]) -> Looked:
        name = name.lower().rstrip(".")
        known = self._known.get((name, kind))
        if known is None:
            known = self._known[name, kind] = self._look(name, kind, read)
        if isinstance(known, UnansweredError):
            raise known
        return known

    def _look(self, name: str, kind: str, read: Callable[[Any], str]) -> Looked | UnansweredError:
        import dns.exception
        import dns.resolver

        if not is_name(name):
            # Nobody can publish anything there.
            return Looked((), exists=False)
        seconds = min(self._question_seconds, self._until - time.monotonic())
        if self._left <= 0 or seconds <= 0:
            return UnansweredError(
                f"{name} ({kind}) was not asked for any more: this domain needs too many "
                "questions, or too much time."
            )
        self._left -= 1
        try:
            answer = self._asking.resolve(f"{name}.", kind, lifetime=seconds, search=False)
        except dns.resolver.NXDOMAIN:
            return Looked((), exists=False)
        except dns.resolver.NoAnswer:
            return Looked(())
        except dns.resolver.LifetimeTimeout:
            return UnansweredError(f"The DNS did not answer in time for {name} ({kind}).")
        except (dns.exception.DNSException, OSError) as error:
            return UnansweredError(
                f"The DNS answered with an error for {name} ({kind}): {_reason(error)}."
            )
        return Looked(tuple(read(each) for each in list(answer)[:VALUES_AT_MOST]))


def is_name(name: str) -> bool:
    """Say whether the DNS could hold a name at all (RFC 1035 2.3.4)."""
    return 0 < len(name) <= LONGEST_NAME and all(0 < len(each) <= 63 for each in name.split("."))


def _text(record: Any) -> str:
    return b"".join(record.strings)[:LONGEST_TEXT].decode("ascii", "replace")


def _name(name: Any) -> str:
    return str(name.to_text(omit_final_dot=True)).lower() if len(name) > 1 else ""


def _reason(error: BaseException) -> str:
    # What a server says stands at the end of a list of what was tried, with addresses and times.
    for code in ("SERVFAIL", "REFUSED", "NOTIMP", "FORMERR"):
        if code in str(error):
            return code
    return type(error).__name__

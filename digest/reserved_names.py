"""Names that no mail reaches by the internet, and which of them are taken all the same."""

from dataclasses import dataclass

# RFC 2606 and 6761: for tests and for examples.
FOR_TRIES = ("test", "example", "example.com", "example.net", "example.org")
# RFC 6761, 6762, 7686, 8375 and 9476, and .internal (ICANN, 2024): for machines and networks.
PRIVATE = ("invalid", "localhost", "local", "arpa", "onion", "alt", "internal")


@dataclass(frozen=True)
class ReservedNames:
    """What an installation takes of them.

    `for_tries`: those for tests and examples, as where all is tried out on one machine. `own`:
    names of the publisher's own network, and all names below them; `any_own`: any name may be one.
    """

    for_tries: bool = True
    own: frozenset[str] = frozenset()
    any_own: bool = False

    def is_own(self, domain: str) -> bool:
        """Say whether `domain`, in A-labels, is of the publisher's own network."""
        return self.any_own or any(_is_under(domain, name) for name in self.own)

    def complaint(self, domain: str, shown: str) -> str | None:
        """Say why no mail goes to `domain`, in A-labels; None where it may. `shown` is named."""
        if self.is_own(domain):
            return None
        if any(_is_under(domain, name) for name in PRIVATE):
            return (
                f"No mail from here reaches {shown}: it is a name within somebody’s own network. "
                "Check the part after the @"
            )
        if not self.for_tries and any(_is_under(domain, name) for name in FOR_TRIES):
            return (
                f"No mail reaches {shown}: that name is set aside for tests and examples. Check "
                "the part after the @"
            )
        return None


ANY_NAME = ReservedNames()
"""Where it matters nothing that no mail would reach a name for tests."""
WAS_TAKEN = ReservedNames(any_own=True)
"""For what is held already: settings may have been others when it came in."""


def _is_under(domain: str, name: str) -> bool:
    return domain == name or domain.endswith(f".{name}")

"""Whom an issue is sent to, and what becomes of each at a mail server and behind it."""

import enum

from tests.scripted_smtp import ScriptedRelay

FEWEST = 60
# More than make a verdict, and more refusals than Postfix, Exim or chasquid bear in a connection.
REFUSED_IN_A_ROW = 25


class Kind(enum.StrEnum):
    """The beginning of an address, by which all tell what to do with it."""

    KNOWN = "reader"
    UNKNOWN = "nobody"
    """The server itself refuses them at RCPT."""
    GONE = "gone"
    """The server takes the message, and the next hop refuses it for good."""
    LATER = "later"
    """The server takes it, and the next hop never does while anybody looks."""
    BEYOND_ASCII = "grüße"


def kind_of(email: str) -> Kind:
    return next(kind for kind in Kind if email.startswith(kind.value))


def audience(readers: int) -> list[str]:
    """Return so many addresses, in the order in which they will be called."""
    others = [
        f"{Kind.BEYOND_ASCII}@example.org",
        *(f"{Kind.GONE}{number}@example.org" for number in range(3)),
        *(f"{Kind.LATER}{number}@example.org" for number in range(2)),
        *(f"{Kind.UNKNOWN}{number}@example.net" for number in range(3)),
    ]
    # Behind some whom the relay has taken: bare refusals of the very first readers are ours.
    in_a_row = [f"{Kind.UNKNOWN}-{number}@example.net" for number in range(REFUSED_IN_A_ROW)]
    known = [
        f"{Kind.KNOWN}{number}@example.org"
        for number in range(readers - len(others) - len(in_a_row))
    ]
    first, rest = known[:15], known[15:]
    for at, email in enumerate(others, start=1):
        rest.insert(at * len(rest) // (len(others) + 1), email)
    return [*first, *in_a_row, *rest]


def instruct(next_hop: ScriptedRelay) -> None:
    """Have a next hop do by its readers what is said of them above."""
    next_hop.always("RCPT", "550 5.1.1 No such mailbox", when=f"<{Kind.GONE}")
    next_hop.always("RCPT", "450 4.2.1 Come again later", when=f"<{Kind.LATER}")

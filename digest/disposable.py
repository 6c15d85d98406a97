"""Domains of services that throw mail away after minutes: a list, and no more than advice."""

from functools import cache


def is_disposable(email: str) -> bool:
    """Return whether an address is of such a service, by a list that is as old as its release."""
    labels = email.rpartition("@")[2].lower().rstrip(".").split(".")
    # A name below a listed one is that one's as well.
    return any(".".join(labels[at:]) in _listed() for at in range(len(labels) - 1))


@cache
def _listed() -> frozenset[str]:
    # Imported late: ten thousand names, which most processes never ask for.
    from disposable_email_domains import blocklist

    return frozenset(blocklist)

"""Whether a domain takes mail (RFC 5321 5.1, RFC 7505), and reverse DNS of those that send it."""

from collections.abc import Iterator

from digest.checkup.domain.asking import Address, Dns
from digest.checkup.domain.rules import DomainFinding, doubt, good, wrong
from digest.checkup.domain.subject import Subject, unseen

HOSTS_LOOKED_AT = 10
NAMES_LOOKED_AT = 10


def look_at_mx(dns: Dns, domain: str) -> Iterator[DomainFinding]:
    """Return whether mail to a domain has somewhere to go: answers, reports, complaints."""
    hosts = dns.mail_hosts(domain).values
    if "" in hosts:
        alone = len(hosts) == 1
        yield wrong(
            "mx-null",
            f"{domain} says that it takes no mail (a null MX)"
            + (": receivers may refuse mail from it." if alone else ", beside other MX records."),
            "Take that record away" + (", and name a mail server:" if alone else "."),
            f"{domain}. IN MX 10 mail.{domain}." if alone else "",
        )
        return
    if not hosts:
        yield _without_mx(dns, domain)
        return
    lost = [host for host in hosts[:HOSTS_LOOKED_AT] if not _is_there(dns, host)]
    if not lost:
        yield good("mx", f"Mail to {domain} goes to {', '.join(hosts[:HOSTS_LOOKED_AT])}.")
    else:
        say = wrong if len(lost) == len(hosts) else doubt
        yield say(
            "mx",
            f"An MX record of {domain} names what has no address: {', '.join(lost)}.",
            "Give it an A or AAAA record, or take the MX record away.",
        )


def _without_mx(dns: Dns, domain: str) -> DomainFinding:
    record = f"{domain}. IN MX 10 mail.{domain}."
    remedy = "Name its mail server; its own name is an example:"
    if _is_there(dns, domain):
        found = f"{domain} has no MX record, so mail to it goes to the machine of that name."
        return doubt("mx", f"{found} Some receivers count that against it.", remedy, record)
    found = f"Mail to {domain} has nowhere to go: it has no MX record, and no address."
    return wrong("mx", f"{found} Receivers may refuse mail from it.", remedy, record)


def _is_there(dns: Dns, host: str) -> bool:
    return bool(dns.addresses(host, 4).values or dns.addresses(host, 6).values)


def look_at_reverse(dns: Dns, subject: Subject) -> Iterator[DomainFinding]:
    """Return whether each address that we send from has a name that leads back to it."""
    if not subject.sending:
        yield unseen(subject, "reverse", "Reverse DNS cannot be looked at.")
    for address in subject.sending:
        yield _reverse(dns, subject, address)


def _reverse(dns: Dns, subject: Subject, address: Address) -> DomainFinding:
    names = dns.names(address).values[:NAMES_LOOKED_AT]
    for name in names:
        if str(address) in dns.addresses(name, address.version).values:
            return good("reverse", f"{address} is {name}, and {name} is {address}.")
    name = names[0] if names else f"mail.{subject.domain}"
    kind = "A" if address.version == 4 else "AAAA"
    if names:
        return wrong(
            "reverse",
            f"{address} has the name {name}, which does not lead back to it.",
            f"Give {name} that address too, or have the name changed by whoever rents it to you:",
            f"{name}. IN {kind} {address}",
        )
    return wrong(
        "reverse",
        f"{address} has no name by reverse DNS: Gmail, for one, refuses its mail.",
        "Ask whoever rents you the address to set one, for instance this; and have it lead back: "
        f"{name}. IN {kind} {address}",
        f"{address.reverse_pointer}. IN PTR {name}.",
    )

"""SPF (RFC 7208): is there one record, is it sound, and does it let our relay through?"""

from collections.abc import Iterator

from digest.checkup.domain.asking import Address, Dns
from digest.checkup.domain.rules import DomainFinding, doubt, good, txt, wrong
from digest.checkup.domain.spf import LOOKUPS_AT_MOST, VOIDS_AT_MOST, Cost, Walk, count
from digest.checkup.domain.spf_terms import VERSION, SpfError, is_spf
from digest.checkup.domain.subject import Subject, unseen

FEW_LEFT = 2
FLATTEN = (
    "Take out includes of services that no longer send for you; replace a, mx and includes that "
    "rarely change by ip4: and ip6:; or give each service a subdomain of its own to send from."
)


def look_at_spf(dns: Dns, subject: Subject, domain: str) -> Iterator[DomainFinding]:
    """Return what receivers make of the SPF record of `domain`, which the envelope is from."""
    found = [text for text in dns.texts(domain).values if is_spf(text)]
    if not found:
        yield _none(subject, domain)
        return
    if len(found) > 1:
        yield wrong(
            "spf-one",
            f"{domain} has {len(found)} SPF records: receivers take that for none that works.",
            "Leave one, with the terms of all: " + "; ".join(found),
        )
        return
    yield good("spf-one", f"{domain} has one SPF record: {found[0]}")
    try:
        cost = count(dns, domain)
    except SpfError as error:
        yield wrong(
            "spf-syntax",
            f"Receivers cannot use the SPF record of {domain}: {error}",
            "Mend the record; until then SPF fails for every mail.",
        )
        return
    yield from _cost(domain, cost)
    yield from _manners(domain, found[0], cost)
    yield from _relay(dns, subject, domain, found[0])


def _none(subject: Subject, domain: str) -> DomainFinding:
    found = f"{domain} has no SPF record: nobody can tell who may send for it."
    if subject.sending:
        record = txt(domain, f"{VERSION} {' '.join(map(_term, subject.sending))} -all")
        return wrong("spf-one", found, "Publish one:", record)
    remedy = (
        f"Publish one at {domain}: {VERSION}, then what your relay’s documentation says (an "
        "include: commonly, or ip4: with its address), then -all."
    )
    return wrong("spf-one", found, f"{remedy} {subject.why_unknown}")


def _cost(domain: str, cost: Cost) -> Iterator[DomainFinding]:
    asked = f"more than {cost.lookups - 1}" if cost.cut else str(cost.lookups)
    if cost.cut or cost.lookups > LOOKUPS_AT_MOST:
        yield wrong(
            "spf-lookups",
            f"The SPF record of {domain} costs {asked} look-ups, and receivers stop at "
            f"{LOOKUPS_AT_MOST}: then it counts as broken.",
            FLATTEN,
        )
    elif cost.lookups > LOOKUPS_AT_MOST - FEW_LEFT:
        yield doubt(
            "spf-lookups",
            f"The SPF record of {domain} costs {asked} look-ups of {LOOKUPS_AT_MOST}. A service "
            "that adds one or two of its own breaks it.",
            FLATTEN,
        )
    else:
        yield good("spf-lookups", f"It costs {asked} look-ups of {LOOKUPS_AT_MOST}.")
    if not cost.void:
        return
    which = ", ".join(f"“{each}”" for each in cost.void)
    remedy = "Take those terms out: what they name is not there."
    if len(cost.void) > VOIDS_AT_MOST:
        found = f"{len(cost.void)} of its terms have no answer, and receivers stop at two: {which}."
        yield wrong("spf-void", found, remedy)
    else:
        yield doubt("spf-void", f"These of its terms have no answer: {which}.", remedy)


def _manners(domain: str, text: str, cost: Cost) -> Iterator[DomainFinding]:
    written = [each.lower() for each in text.split()]
    if {"all", "+all"} & {*written}:
        yield wrong(
            "spf-all",
            f"The SPF record of {domain} ends in +all: everybody in the world may send as you.",
            "Put -all in its place.",
            txt(domain, _instead(text, ("all", "+all"), "-all")),
        )
    elif "?all" in written:
        yield doubt(
            "spf-all",
            f"The SPF record of {domain} ends in ?all, which says nothing about others.",
            "Put ~all in its place, and -all once you know all that sends for you.",
            txt(domain, _instead(text, ("?all",), "~all")),
        )
    elif not any(each in ("-all", "~all") or each.startswith("redirect=") for each in written):
        yield doubt(
            "spf-all",
            f"The SPF record of {domain} says nothing about those it does not name.",
            "Add -all at its end.",
            txt(domain, f"{text} -all"),
        )
    if any(each.lstrip("+?~-").lower().partition(":")[0] == "ptr" for each in cost.mechanisms):
        yield doubt(
            "spf-ptr",
            "A term of it is ptr, which is slow, and which some receivers pass over.",
            "Name the addresses instead, by ip4:, ip6:, a or mx.",
        )


def _relay(dns: Dns, subject: Subject, domain: str, text: str) -> Iterator[DomainFinding]:
    if not subject.sending:
        what = "Whether it lets our mail through cannot be known."
        yield unseen(subject, "spf-relay", what)
    for address in subject.sending:
        walk = Walk(dns, address, f"postmaster@{domain}", subject.settings.hello_name)
        try:
            result = walk.check(domain)
        except SpfError as error:
            yield wrong(
                "spf-relay", f"For mail from {address} it counts as broken: {error}", FLATTEN
            )
            continue
        if result == "pass":
            yield good("spf-relay", f"It lets mail from {address} through.")
            continue
        yield wrong(
            "spf-relay",
            f"It does not let mail from {address} through: “{result}”.",
            "Name the address in it:",
            txt(domain, _with(text, address)),
        )


def _instead(text: str, terms: tuple[str, ...], term: str) -> str:
    return " ".join(term if each.lower() in terms else each for each in text.split())


def _term(address: Address) -> str:
    return f"ip{address.version}:{address}"


def _with(text: str, address: Address) -> str:
    version, _, rest = text.partition(" ")
    return f"{version} {_term(address)} {rest}".rstrip()

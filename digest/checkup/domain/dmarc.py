"""DMARC (RFC 9989): is there a policy, who reads its reports, and does our mail align with it?"""

import re
from collections.abc import Iterator

from digest.checkup.domain.asking import Dns, UnansweredError
from digest.checkup.domain.dmarc_record import GONE, VERSION, DmarcRecord, Found, walk_up
from digest.checkup.domain.keys import signing_domain
from digest.checkup.domain.rules import DomainFinding, advice, doubt, good, txt, wrong
from digest.checkup.domain.subject import Subject

_MAILTO = re.compile(r"mailto:[^@\s,;!]+@([A-Za-z0-9.-]+)(![0-9]+[kmgt]?)?", re.IGNORECASE)
REPORTS_LOOKED_AT = 5


def look_at_dmarc(dns: Dns, subject: Subject) -> Iterator[DomainFinding]:
    """Return what receivers find for mail from the domain, and whether that mail would pass."""
    found = walk_up(dns, subject.domain)
    suggested = txt(
        f"_dmarc.{subject.domain}",
        f"v={VERSION}; p=none; rua=mailto:dmarc@{subject.domain}",
    )
    for name in found.several:
        yield wrong(
            "dmarc-record",
            f"_dmarc.{name} has more than one DMARC record: receivers take none of them.",
            "Leave one.",
        )
    record = found.applying
    if record is None:
        if not found.several:
            yield wrong(
                "dmarc-record",
                f"There is no DMARC record for {subject.domain}. Large receivers ask for one.",
                "Publish one. The address in it gets reports, so it should be read:",
                suggested,
            )
    else:
        yield from _record(record)
        yield from _policy(subject, record)
        yield from _reports(dns, found, record)
        yield from _alignment(dns, subject, found, record)


def _record(record: DmarcRecord) -> Iterator[DomainFinding]:
    where = f"_dmarc.{record.domain}"
    if record.malformed:
        parts = ", ".join(f"“{each}”" for each in record.malformed)
        yield wrong(
            "dmarc-record",
            f"In the record at {where} receivers pass over {parts}.",
            f"Mend it. It says: {record.text}",
        )
    else:
        yield good("dmarc-record", f"The record at {where} says: {record.text}")
    if "p" not in record.tags:
        yield doubt(
            "dmarc-record",
            "No p= is in it. That means none by RFC 9989; older receivers pass over the record.",
            "Say it:",
            txt(where, f"v={VERSION}; p=none{record.text.partition('DMARC1')[2].rstrip()}"),
        )
    if gone := [each for each in GONE if each in record.tags]:
        yield doubt(
            "dmarc-record",
            f"Receivers that go by RFC 9989 pass over {', '.join(f'{each}=' for each in gone)}.",
            "Take it out. For trying a policy out there is t=y.",
            txt(where, _without(record, gone)),
        )


def _policy(subject: Subject, record: DmarcRecord) -> Iterator[DomainFinding]:
    policy = record.policy_for(subject.domain)
    trying = record.tags.get("t", "n").lower() == "y"
    if policy == "none" or trying:
        why = "t=y, so it is only tried out" if trying else "p=none, so it stops no forger"
        yield advice(
            "dmarc-policy",
            f"The policy is {why}. That is all that receivers ask for.",
            "Once the reports show that all your own mail passes, publish p=quarantine"
            + (", without t=y." if trying else "."),
        )
    else:
        yield good("dmarc-policy", f"Mail that does not pass is asked to be refused ({policy}).")


def _reports(dns: Dns, found: Found, record: DmarcRecord) -> Iterator[DomainFinding]:
    where, rua = f"_dmarc.{record.domain}", record.tags.get("rua", "")
    if not rua:
        yield doubt(
            "dmarc-reports",
            "No address for reports (rua=) is in it: nobody sees whose mail fails.",
            "Add one that is read:",
            txt(where, f"{record.text.rstrip('; ')}; rua=mailto:dmarc@{record.domain}"),
        )
        return
    for uri in [each.strip() for each in rua.split(",")][:REPORTS_LOOKED_AT]:
        mailto = _MAILTO.fullmatch(uri)
        if mailto is None:
            remedy = "Write rua=mailto:, then an address; a comma stands between two."
            yield wrong("dmarc-reports", "An entry of rua= is no mailto: address.", remedy)
            continue
        yield from _receiver(dns, found, record, mailto[1].lower().rstrip("."))


def _receiver(
    dns: Dns, found: Found, record: DmarcRecord, receiver: str
) -> Iterator[DomainFinding]:
    """Return whether a domain takes reports of another one (RFC 9990 4)."""
    if receiver == record.domain or _organisation(dns, receiver) == found.organisation:
        yield good("dmarc-reports", f"Reports go to {receiver}.")
        return
    name = f"{record.domain}._report._dmarc.{receiver}"
    texts = dns.texts(name).values
    if any(re.match(r"\s*v\s*=\s*DMARC1\s*(;|$)", each, re.IGNORECASE) for each in texts):
        yield good("dmarc-reports", f"Reports go to {receiver}, which has said that it takes them.")
        return
    yield wrong(
        "dmarc-reports",
        f"Reports go to {receiver}, which has not said that it takes them: nobody sends any.",
        f"The owner of {receiver} has to publish this; or name an address of your own domain.",
        txt(name, f"v={VERSION}"),
    )


def _organisation(dns: Dns, domain: str) -> str:
    return walk_up(dns, domain).organisation


def _alignment(
    dns: Dns, subject: Subject, found: Found, record: DmarcRecord
) -> Iterator[DomainFinding]:
    signing = signing_domain(subject)
    by_dkim = signing is not None and _aligns(dns, subject, found, record, signing, "adkim")
    by_spf = _aligns(dns, subject, found, record, subject.envelope, "aspf")
    if by_dkim:
        yield good(
            "dmarc-alignment",
            f"Mail from {subject.domain} is signed for {signing}: that aligns with its From.",
        )
    elif signing is not None:
        yield wrong(
            "dmarc-alignment",
            f"Mail from {subject.domain} is signed for {signing}, which does not align with it.",
            f"Make keys of its own: digest dkim create {subject.domain}"
            + ("; or publish adkim=r." if record.strict("adkim") else "."),
        )
    if by_spf:
        said = f"The envelope is from {subject.envelope}: where SPF passes, that aligns, too."
        yield good("dmarc-alignment", said)
        return
    apart = f"The envelope is from {subject.envelope}, which does not align with {subject.domain}"
    if by_dkim:
        yield good("dmarc-alignment", f"{apart}. DKIM alone is enough.")
        return
    if subject.settings.relay_signs:
        remedy = f"See that the relay signs for {subject.domain}, or let Digest do it."
        yield doubt("dmarc-alignment", f"{apart}: all hangs on the relay’s signature.", remedy)
        return
    remedy = f"Let Digest sign (digest dkim create {subject.domain}), or give it an inbound domain"
    yield wrong(
        "dmarc-alignment",
        f"{apart}, and there is no signature that does: DMARC fails.",
        f"{remedy} below {found.organisation}: DIGEST_INBOUND_DOMAIN.",
    )


def _aligns(
    dns: Dns,
    subject: Subject,
    found: Found,
    record: DmarcRecord,
    other: str,
    tag: str,
) -> bool:
    if other == subject.domain:
        return True
    if record.strict(tag):
        return False
    try:
        return _organisation(dns, other) == found.organisation
    except UnansweredError:
        # Nothing stands in its way that we know of; SPF of that domain says the same of the DNS.
        return False


def _without(record: DmarcRecord, gone: list[str]) -> str:
    parts = [each.strip() for each in record.text.split(";") if each.strip()]
    kept = [each for each in parts if each.partition("=")[0].strip().lower() not in gone]
    return "; ".join(kept)

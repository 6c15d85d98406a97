"""What nobody has to have: BIMI, for a logo beside the mail, and MTA-STS, for mail that comes."""

from collections.abc import Iterator

from digest.checkup.domain.asking import Dns
from digest.checkup.domain.dmarc_record import walk_up
from digest.checkup.domain.rules import DomainFinding, advice, doubt, good, txt


def look_at_extras(dns: Dns, domain: str) -> Iterator[DomainFinding]:
    """Return whether the domain has the two, and how it would get them: advice, never a must."""
    yield _bimi(dns, domain)
    yield _mta_sts(dns, domain)


def _bimi(dns: Dns, domain: str) -> DomainFinding:
    name = f"default._bimi.{domain}"
    texts = [each for each in dns.texts(name).values if each.lower().startswith("v=bimi1")]
    record = walk_up(dns, domain).applying
    enforced = record is not None and record.policy_for(domain) != "none"
    if not texts:
        first = "" if enforced else "First DMARC has to be p=quarantine or p=reject. "
        return advice(
            "bimi",
            "There is no BIMI record, so the programs that know it show no logo. That costs no "
            "inbox.",
            f"{first}Gmail wants a certificate for the mark (a=) as well. The logo is SVG Tiny PS:",
            txt(name, f"v=BIMI1; l=https://{domain}/logo.svg; a="),
        )
    tags = dict(part.strip().partition("=")[::2] for part in texts[0].split(";"))
    places = [tags.get("l", "").strip(), tags.get("a", "").strip()]
    if len(texts) > 1 or not all(not each or each.startswith("https://") for each in places):
        remedy = "There should be one record, and in it l= and a= begin with https://."
        return doubt("bimi", f"The BIMI record at {name} is not as it should be.", remedy)
    if not enforced:
        remedy = "Publish p=quarantine or p=reject, once all your own mail passes."
        return advice("bimi", "There is a BIMI record; DMARC is too mild for it.", remedy)
    return good("bimi", f"There is a BIMI record at {name}.")


def _mta_sts(dns: Dns, domain: str) -> DomainFinding:
    name = f"_mta-sts.{domain}"
    texts = [each for each in dns.texts(name).values if each.startswith("v=STSv1")]
    if len(texts) == 1:
        return good("mta-sts", f"There is an MTA-STS record at {name}.")
    if texts:
        remedy = "Leave one: others take several for none."
        return doubt("mta-sts", f"{name} has {len(texts)} MTA-STS records.", remedy)
    return advice(
        "mta-sts",
        f"There is no MTA-STS record. It would keep mail to {domain} (answers, reports) from going "
        "over lines that are not encrypted; mail from you is not touched.",
        f"Serve a policy at https://mta-sts.{domain}/.well-known/mta-sts.txt, then publish this, "
        "with a new id after each change:",
        txt(name, "v=STSv1; id=1"),
    )

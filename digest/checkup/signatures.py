"""Whether the mail of the newsletters is signed (DKIM), by us or by the relay."""

from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session

from digest.addresses import wire_address
from digest.checkup.finding import Finding, fine, warning
from digest.delivery.signing.keys import covering, list_keys
from digest.models import DkimKey, DkimState, Newsletter

CHECK = "signature"


def look_at_signatures(session: Session, relay_signs: bool) -> Iterator[Finding]:
    """Return which domains' mail is signed, and which is not; and which keys wait."""
    keys = list_keys(session)
    signing = {key.domain for key in keys if key.state is DkimState.SIGNING}
    senders = session.scalars(select(Newsletter.from_address).distinct()).all()
    domains = sorted({wire_address(sender).rpartition("@")[2].lower() for sender in senders})
    signed = [domain for domain in domains if covering(signing, domain)]
    unsigned = [domain for domain in domains if domain not in signed]
    if signed:
        yield fine(CHECK, f"Digest signs the mail from {_listed(signed)}.")
    if relay_signs and (unsigned or not signed):
        yield fine(CHECK, "You have said that the relay signs both List-Unsubscribe headers.")
    elif unsigned or not signed:
        yield _unsigned(unsigned)
    yield from _waiting(keys)


def _unsigned(domains: list[str]) -> Finding:
    which = f" the mail from {_listed(domains)}" if domains else ""
    return warning(
        CHECK,
        "One-click unsubscribing counts only where List-Unsubscribe and List-Unsubscribe-Post are "
        f"under a DKIM signature (RFC 8058). Digest does not sign{which}, and cannot see whether "
        "the relay does.",
        f"Have Digest sign: digest dkim create {domains[0] if domains else 'DOMAIN'}. Or, where "
        "the relay may do it, mail yourself an issue (digest issue test): in its source, the h= of "
        "DKIM-Signature should name both headers. Once it does, set DIGEST_RELAY_SIGNS=true.",
    )


def _waiting(keys: list[DkimKey]) -> Iterator[Finding]:
    for domain in sorted({key.domain for key in keys if key.state is DkimState.WAITING}):
        yield warning(
            CHECK,
            f"Keys of {domain} wait, and sign nothing yet.",
            f"Once their records are published, have them sign: digest dkim sign {domain}",
        )


def _listed(domains: list[str]) -> str:
    return ", ".join(domains)

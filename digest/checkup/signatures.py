"""Whether the mail of the newsletters is signed (DKIM), by us or by the relay."""

from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session

from digest.addresses import wire_address
from digest.checkup.finding import Finding, failure, fine, warning
from digest.delivery.signing.keys import coming_keys, covering, label, list_keys
from digest.errors import RefusedError
from digest.models import DkimAlgorithm, DkimKey, DkimState, Newsletter
from digest.settings.loading import Key
from digest.vault import Vault

CHECK = "signature"


def look_at_signatures(session: Session, known: tuple[bool, tuple[Key, ...]]) -> Iterator[Finding]:
    """Return which domains' mail is signed, and which is not; which keys wait, or do not open.

    `known`: whether the relay signs, and the ring.
    """
    relay_signs, ring = known
    keys = list_keys(session)
    active = [key for key in keys if key.state is DkimState.SIGNING]
    lost = [key for key in active if not _opens(key, ring)]
    if lost:
        names = _listed([f"{key.selector} of {key.domain}" for key in lost])
        yield failure(
            CHECK,
            f"A DKIM key cannot be opened with DIGEST_KEYS: {names}. Issues from there are parked, "
            "and notices wait.",
            "Put the key back that it was sealed with, or make another one: digest dkim create "
            f"{lost[0].domain}",
        )
        return
    signing = {key.domain for key in active}
    domains = sender_domains(session)
    signed = [domain for domain in domains if covering(signing, domain)]
    unsigned = [domain for domain in domains if domain not in signed]
    if signed:
        yield fine(CHECK, f"Digest signs the mail from {_listed(signed)}.")
    by_rsa = {key.domain for key in active if key.algorithm is DkimAlgorithm.RSA}
    if only := sorted(signing - by_rsa):
        yield warning(
            CHECK,
            f"Mail from {_listed(only)} is signed by Ed25519 alone: not every receiver reads that.",
            f"Make an RSA key beside it: digest dkim create {only[0]} --algorithm rsa",
        )
    if relay_signs and (unsigned or not signed):
        yield fine(CHECK, "You have said that the relay signs both List-Unsubscribe headers.")
    elif unsigned or not signed:
        yield _unsigned(unsigned)
    yield from _waiting(keys)


def sender_domains(session: Session) -> list[str]:
    """Return the domains, in A-labels, that newsletters are from."""
    senders = session.scalars(select(Newsletter.from_address).distinct()).all()
    return sorted({wire_address(sender).rpartition("@")[2].lower() for sender in senders})


def _opens(key: DkimKey, ring: tuple[Key, ...]) -> bool:
    try:
        Vault(ring).open(key.secret or b"", label(key.domain, key.selector))
    except RefusedError:
        return False
    return True


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
    for domain in sorted({key.domain for key in keys}):
        if not coming_keys(key for key in keys if key.domain == domain):
            continue
        yield warning(
            CHECK,
            f"Keys of {domain} wait, and sign nothing yet.",
            f"Once their records are published, have them sign: digest dkim sign {domain}",
        )


def _listed(domains: list[str]) -> str:
    return ", ".join(domains)

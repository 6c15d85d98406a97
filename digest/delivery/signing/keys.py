"""The keys of the domains that Digest signs for: made, put to use, replaced and retired.

A key signs once its record was published. It is replaced by a newer one of its algorithm, and its
record stays until all that it signed has been verified: then it is retired.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from digest.addresses import AddressError, wire_address
from digest.database.adding import add_unless_there
from digest.errors import FieldError, NotFoundError, RefusedError
from digest.models import DkimAlgorithm, DkimKey, DkimState
from digest.vault import Vault

RSA_BITS = 2048
"""What the strictest receivers want at least, and what fits a record of two strings (RFC 8301)."""
LONGEST_DOMAIN = 253


def create_keys(
    session: Session,
    vault: Vault,
    domain: str,
    algorithms: Iterable[DkimAlgorithm],
    now: datetime,
) -> list[DkimKey]:
    """Make a key of each algorithm for a domain; they sign nothing yet.

    Raises:
        FieldError: `domain` is none.
    """
    domain = read_domain(domain)
    taken = {key.selector for key in list_keys(session, domain)}
    made = []
    for algorithm in algorithms:
        secret, public_key = generate(algorithm)
        there = False
        while not there:
            selector = _free_selector(algorithm, now, taken)
            key = DkimKey(
                domain=domain,
                selector=selector,
                algorithm=algorithm,
                state=DkimState.WAITING,
                public_key=public_key,
                secret=vault.seal(secret, label(domain, selector)),
                created_at=now,
            )
            # Somebody else may be making one just now.
            there = add_unless_there(session, key)
            taken.add(selector)
        made.append(key)
    return made


def waiting_keys(session: Session, domain: str) -> list[DkimKey]:
    """Return the newest key of each algorithm, where it waits: those that `start_signing` takes.

    One that waits and is older than that which signs was passed over: it takes over no more.

    Raises:
        FieldError: `domain` is none.
        RefusedError: none waits.
    """
    domain = read_domain(domain)
    newest = {key.algorithm: key for key in coming_keys(list_keys(session, domain))}
    if not newest:
        raise RefusedError(
            f"No key of {domain} waits to sign. Make one: digest dkim create {domain}"
        )
    return list(newest.values())


def coming_keys(keys: Iterable[DkimKey]) -> list[DkimKey]:
    """Return those of one domain's keys that wait, and are newer than the one that signs."""
    by_age = sorted(keys, key=lambda key: key.id)
    signing = {key.algorithm: key.id for key in by_age if key.state is DkimState.SIGNING}
    return [
        key
        for key in by_age
        if key.state is DkimState.WAITING and key.id > signing.get(key.algorithm, 0)
    ]


def start_signing(session: Session, domain: str, ids: Sequence[int], now: datetime) -> None:
    """Have these keys sign the mail of a domain from now on, in place of those that do.

    Raises:
        RefusedError: one of them waits no longer: it was retired, or signs already; or one that is
            newer signs.
    """
    keys = _locked(session, read_domain(domain))
    chosen = [key for key in keys if key.id in ids and key.state is DkimState.WAITING]
    newer = {key.algorithm: key.id for key in keys if key.state is DkimState.SIGNING}
    if len(chosen) != len(set(ids)) or any(key.id < newer.get(key.algorithm, 0) for key in chosen):
        raise RefusedError("Somebody else has changed these keys: look at `digest dkim list`.")
    algorithms = {key.algorithm for key in chosen}
    for key in keys:
        if key.state is DkimState.SIGNING and key.algorithm in algorithms:
            key.state, key.replaced_at = DkimState.REPLACED, now
    for key in chosen:
        key.state, key.signing_since = DkimState.SIGNING, now


def retire_key(
    session: Session, domain: str, selector: str, now: datetime, *, leaves_unsigned: bool = False
) -> DkimKey:
    """Forget a key's secret for good; its record may go.

    `leaves_unsigned`: also where it signs, so that this domain's mail loses a signature.

    Raises:
        FieldError: `domain` is none.
        NotFoundError: there is no such key; says which there are.
        RefusedError: it signs.
    """
    domain = read_domain(domain)
    keys = _locked(session, domain)
    found = next((key for key in keys if key.selector == selector.lower()), None)
    if found is None:
        names = ", ".join(key.selector for key in keys) or "none"
        raise NotFoundError(f"{domain} has no key {selector}. There are: {names}.")
    if found.state is DkimState.SIGNING and not leaves_unsigned:
        raise RefusedError(
            f"{selector} signs the mail of {domain}. Have another one sign first (digest dkim "
            f"create {domain}, then digest dkim sign {domain}), or say --leaves-unsigned."
        )
    if found.state is not DkimState.RETIRED:
        found.state, found.retired_at, found.secret = DkimState.RETIRED, now, None
    return found


def list_keys(session: Session, domain: str | None = None) -> list[DkimKey]:
    """Return all keys, or a domain's, those that were made first before the others."""
    found = select(DkimKey).order_by(DkimKey.domain, DkimKey.created_at, DkimKey.id)
    if domain is not None:
        found = found.where(DkimKey.domain == domain)
    return list(session.scalars(found))


def read_domain(text: str) -> str:
    """Return a domain in A-labels and small letters.

    Raises:
        FieldError: it is none.
    """
    try:
        _, _, domain = wire_address(f"x@{text.strip().removesuffix('.')}").lower().partition("@")
    except AddressError:
        domain = ""
    if not 0 < len(domain) <= LONGEST_DOMAIN or not _is_name(domain):
        raise FieldError("domain", f"{text!r} is no domain: give one like paper.example.")
    return domain


def _is_name(domain: str) -> bool:
    # An address of IP has a last part of digits, and no records.
    return "." in domain and not {"@", "["} & {*domain} and not domain.rpartition(".")[2].isdigit()


def covering(domains: Iterable[str], sender_domain: str) -> str | None:
    """Return the domain whose keys sign mail from an address: its own, or the next one above it.

    DMARC takes either for the author's, unless told to be strict (RFC 7489 3.1.1).
    """
    sender_domain = sender_domain.lower()
    above = [each for each in domains if f".{sender_domain}".endswith(f".{each}")]
    return max(above, key=len, default=None)


def label(domain: str, selector: str) -> str:
    """Return the place that a key's secret is sealed for."""
    return f"dkim {selector}._domainkey.{domain}"


def _locked(session: Session, domain: str) -> list[DkimKey]:
    found = select(DkimKey).where(DkimKey.domain == domain).order_by(DkimKey.id)
    return list(session.scalars(found.with_for_update().execution_options(populate_existing=True)))


def _free_selector(algorithm: DkimAlgorithm, now: datetime, taken: set[str]) -> str:
    """Return a name that says when it was made, and of what kind: "d20261130r"."""
    name = f"d{now:%Y%m%d}{algorithm.value[0]}"
    number = 2
    selector = name
    while selector in taken:
        selector, number = f"{name}{number}", number + 1
    return selector


def generate(algorithm: DkimAlgorithm) -> tuple[bytes, bytes]:
    """Make a key: its PKCS #8 (RFC 5208), and what its record will hold."""
    # Who has no keys never loads this.
    from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        PublicFormat,
    )

    private: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
    if algorithm is DkimAlgorithm.RSA:
        private = rsa.generate_private_key(65537, RSA_BITS)
        public = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    else:
        private = ed25519.Ed25519PrivateKey.generate()
        public = private.public_key().public_bytes_raw()
    return private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()), public

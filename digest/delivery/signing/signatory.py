"""Which keys sign a mail, by whom it is from; a process holds them open."""

import threading
from collections.abc import Callable, Mapping
from time import monotonic
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from digest.delivery.signing.keys import covering, label
from digest.errors import DigestError, RefusedError
from digest.models import DkimKey, DkimState

if TYPE_CHECKING:
    from digest.delivery.signing.signer import SigningKey
    from digest.vault import Vault

# A key that was retired elsewhere signs for so long at most.
KEPT_SECONDS = 10.0


class SigningError(DigestError):
    """Mail that is to be signed cannot be; the message says what a person has to do."""


class Signatory:
    """Knows the keys that sign, and looks for others now and then. Safe for several threads."""

    def __init__(self, open_vault: Callable[[], "Vault"]) -> None:
        """`open_vault` is called when the first key has to be opened."""
        self._open_vault = open_vault
        self._lock = threading.Lock()
        self._open: dict[int, SigningKey] = {}
        self._signing: Mapping[str, list[DkimKey]] = {}
        self._until = 0.0

    def keys_for(self, session: Session, sender: str) -> tuple["SigningKey", ...]:
        """Return the keys that sign mail from an address (its domain in A-labels): RSA first.

        Raises:
            SigningError: one of them was sealed by a key that is no longer in DIGEST_KEYS.
        """
        with self._lock:
            if monotonic() >= self._until:
                self._signing = _signing(session)
                signing = {key.id for keys in self._signing.values() for key in keys}
                self._open = {each: key for each, key in self._open.items() if each in signing}
                self._until = monotonic() + KEPT_SECONDS
            domain = covering(self._signing, sender.rpartition("@")[2])
            return tuple(self._opened(key) for key in self._signing[domain]) if domain else ()

    def _opened(self, key: DkimKey) -> "SigningKey":
        if key.id not in self._open:
            self._open[key.id] = _opened(key, self._open_vault())
        return self._open[key.id]


def _signing(session: Session) -> dict[str, list[DkimKey]]:
    # RSA first, which all verifiers know (RFC 8463 5 has them both).
    statement = select(DkimKey).where(DkimKey.state == DkimState.SIGNING)
    found: dict[str, list[DkimKey]] = {}
    for key in session.scalars(statement.order_by(DkimKey.algorithm.desc())):
        session.expunge(key)
        found.setdefault(key.domain, []).append(key)
    return found


def _opened(key: DkimKey, vault: "Vault") -> "SigningKey":
    # Who has no keys never loads this.
    from digest.delivery.signing.signer import open_key

    assert key.secret is not None
    try:
        secret = vault.open(key.secret, label(key.domain, key.selector))
    except RefusedError:
        raise SigningError(
            f"The DKIM key {key.selector} of {key.domain} cannot be opened with DIGEST_KEYS: put "
            f"the key back that it was sealed with, or make another one (digest dkim create "
            f"{key.domain})."
        ) from None
    return open_key(key.domain, key.selector, secret)

"""How an address is remembered without keeping it."""

import hmac
from dataclasses import dataclass, field

from digest.receivers import mailbox_of


@dataclass(frozen=True)
class SuppressionKey:
    """The key under which suppressed addresses are hashed; never rotated."""

    secret: bytes = field(repr=False)

    def mac(self, email_key: str) -> str:
        """Return the HMAC-SHA256 (hex) that stands for a normalised address."""
        return hmac.digest(self.secret, email_key.encode(), "sha256").hex()

    def mailbox_mac(self, email_key: str) -> str:
        """Return the HMAC that the mails to an address's mailbox are counted by.

        The same for all ways to write it that surely lead there; it is no suppression.
        """
        folded = b"digest mailbox " + mailbox_of(email_key).encode()
        return hmac.digest(self.secret, folded, "sha256").hex()

    @property
    def fingerprint(self) -> str:
        """What the database keeps, so that a wrong key is noticed at start."""
        return hmac.digest(self.secret, b"digest suppression fingerprint", "sha256").hex()

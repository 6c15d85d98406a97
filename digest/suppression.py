"""How an address is remembered without keeping it."""

import hmac
from dataclasses import dataclass, field


@dataclass(frozen=True)
class SuppressionKey:
    """The key under which suppressed addresses are hashed; never rotated."""

    secret: bytes = field(repr=False)

    def mac(self, email_key: str) -> str:
        """Return the HMAC-SHA256 (hex) that stands for a normalised address."""
        return hmac.digest(self.secret, email_key.encode(), "sha256").hex()

    @property
    def fingerprint(self) -> str:
        """What the database keeps, so that a wrong key is noticed at start."""
        return hmac.digest(self.secret, b"digest suppression fingerprint", "sha256").hex()

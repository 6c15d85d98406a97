"""Secrets that we must be able to read again, sealed for the database."""

import secrets
from collections.abc import Iterable

from digest.errors import RefusedError
from digest.settings.loading import Key

NONCE_BYTES = 12


class Vault:
    """Seals with the first key of the ring, opens with all: AES-256-GCM (NIST SP 800-38D).

    A copy of the database alone opens nothing. `label` binds what is sealed to its place, so that
    it opens nowhere else.
    """

    def __init__(self, keys: Iterable[Key]) -> None:
        # Late, here and below: it takes 10 MB, and few have a second factor.
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        ring = tuple(keys)
        self._current = ring[0].id.encode()
        self._ciphers = {key.id.encode(): AESGCM(_derived(key)) for key in ring}

    def seal(self, secret: bytes, label: str) -> bytes:
        """Return the secret sealed: the key's id, a stop, a nonce, and what nobody can read."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = self._ciphers[self._current].encrypt(nonce, secret, label.encode())
        return self._current + b"." + nonce + sealed

    def open(self, sealed: bytes, label: str) -> bytes:
        """Return the secret.

        Raises:
            RefusedError: its key is no longer in the ring, or it was sealed for another place.
        """
        from cryptography.exceptions import InvalidTag

        key_id, _, rest = sealed.partition(b".")
        cipher = self._ciphers.get(key_id)
        try:
            if cipher is not None:
                return cipher.decrypt(rest[:NONCE_BYTES], rest[NONCE_BYTES:], label.encode())
        except InvalidTag:
            pass
        raise RefusedError(
            "A secret in the database cannot be opened with DIGEST_KEYS: put the key back that it "
            "was sealed with, or have it made anew (`digest user reset --second-factor`)."
        )


def _derived(key: Key) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    derive = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"digest vault 1")
    return derive.derive(key.secret)

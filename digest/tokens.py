"""Signed tokens: what a link or an address in a mail proves, with no row to look up.

A token names a version, a purpose, the key that signed it, the random id of what it speaks for,
and for some purposes a number. One key per purpose is derived from the ring, so that a token
made for one purpose is never accepted for another. Retired keys go on verifying.
"""

import base64
import binascii
import enum
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from digest.settings.loading import Key

VERSION = "1"
# 33 bytes together, so that a local part stays within 64 octets (RFC 5321 4.5.3.1) under a key id
# of 8 characters. 96 bits of MAC are beyond guessing online.
ID_BYTES = 16
NUMBER_BYTES = 5
MAC_BYTES = 12
LONGEST = 200
LONGEST_LOCAL_PART = 64
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


# What a bounce address has in place of an issue's number where a notice came from it.
OF_A_NOTICE = 0


class Purpose(enum.StrEnum):
    """What a token may be used for; the letter stands in the token."""

    CONFIRM = "c"
    UNSUBSCRIBE = "u"
    PREFERENCES = "p"
    UNDO = "z"
    BOUNCE = "b"
    LEAVE_BY_MAIL = "m"
    FRESH_LINK = "r"
    NEW_ADDRESS = "a"
    PAGE = "g"
    FORM = "f"
    WITHDRAWAL = "w"
    USER_LINK = "l"
    DESK = "d"
    PASSKEY = "k"
    ECHO = "e"


class BadTokenError(ValueError):
    """The text is not a token that this ring signed for this purpose."""


@dataclass(frozen=True)
class Token:
    """A token that was verified. `number` is 0 for purposes that carry none."""

    purpose: Purpose
    id: bytes
    number: int = 0


def new_token_id() -> bytes:
    """Return 16 random bytes to store beside what a token will speak for."""
    return secrets.token_bytes(ID_BYTES)


class KeyRing:
    """Signs with the first key, verifies with all."""

    def __init__(self, keys: Iterable[Key]) -> None:
        ring = tuple(keys)
        self._current = ring[0].id
        # What all tokens of a key and a purpose begin with, and what signs them: made once.
        self._seals = {
            (key.id, purpose): _Seal(f"{VERSION}{purpose}{key.id}", _derived(key, purpose))
            for key in ring
            for purpose in Purpose
        }

    def sign(self, purpose: Purpose, token_id: bytes, number: int = 0) -> str:
        """Return the token as text that is safe in a URL path."""
        payload = _payload(token_id, number)
        seal = self._seals[self._current, purpose]
        return f"{seal.head}.{_base64(payload + seal.mac(payload))}"

    def read(self, purpose: Purpose, text: str) -> Token:
        """Verify a token from outside.

        Raises:
            BadTokenError: truncated, forged, of another purpose, or by a key not in the ring.
        """
        if len(text) > LONGEST:
            raise BadTokenError("too long")
        match = re.fullmatch(r"([0-9])([a-z])([a-z0-9]{1,8})\.([A-Za-z0-9_-]+)", text)
        if match is None:
            raise BadTokenError("not a token")
        version, letter, key_id, encoded = match.groups()
        try:
            sealed = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
        except (binascii.Error, ValueError):
            raise BadTokenError("not base64") from None
        if _base64(sealed) != encoded:
            raise BadTokenError("not the one way to write these bytes")
        return self._verified(purpose, version, letter, key_id, sealed)

    def sign_local_part(self, purpose: Purpose, token_id: bytes, number: int = 0) -> str:
        """Return the token as a mail address's local part: lower-case base32, at most 64 octets."""
        payload = _payload(token_id, number)
        seal = self._seals[self._current, purpose]
        return f"{seal.head}-{_base32(payload + seal.mac(payload))}"

    def read_local_part(self, purpose: Purpose, text: str) -> Token:
        """Verify a local part, in whatever case it comes back. Raises BadTokenError."""
        # Only ASCII: lower() would make a k of U+212A, too.
        if len(text) > LONGEST_LOCAL_PART or not text.isascii():
            raise BadTokenError("too long, or not ASCII")
        match = re.fullmatch(r"([0-9])([a-z])([a-z0-9]{1,8})-([a-z2-7]+)", text.lower())
        if match is None:
            raise BadTokenError("not a token")
        version, letter, key_id, encoded = match.groups()
        try:
            sealed = base64.b32decode(encoded.upper() + "=" * (-len(encoded) % 8))
        except (binascii.Error, ValueError):
            raise BadTokenError("not base32") from None
        if _base32(sealed) != encoded:
            raise BadTokenError("not the one way to write these bytes")
        return self._verified(purpose, version, letter, key_id, sealed)

    def _verified(
        self, purpose: Purpose, version: str, letter: str, key_id: str, sealed: bytes
    ) -> Token:
        seal = self._seals.get((key_id, purpose))
        if version != VERSION or letter != purpose or seal is None:
            raise BadTokenError("of another version, purpose or key")
        payload, mac = sealed[:-MAC_BYTES], sealed[-MAC_BYTES:]
        if len(payload) not in {ID_BYTES, ID_BYTES + NUMBER_BYTES}:
            raise BadTokenError("of the wrong length")
        if not hmac.compare_digest(mac, seal.mac(payload)):
            raise BadTokenError("the signature does not match")
        number = int.from_bytes(payload[ID_BYTES:], "big")
        return Token(purpose, payload[:ID_BYTES], number)


class _Seal:
    """Signs tokens of one key and purpose; `head` is the text that they begin with."""

    def __init__(self, head: str, secret: bytes) -> None:
        self.head = head
        # The key and the head have gone in: what is copied goes on from there.
        self._begun = hmac.new(secret, f"{head}.".encode(), "sha256")

    def mac(self, payload: bytes) -> bytes:
        signing = self._begun.copy()
        signing.update(payload)
        return signing.digest()[:MAC_BYTES]


def _derived(key: Key, purpose: Purpose) -> bytes:
    return hmac.digest(key.secret, f"digest token {VERSION} {purpose}".encode(), "sha256")


def _payload(token_id: bytes, number: int) -> bytes:
    if len(token_id) != ID_BYTES:
        raise ValueError(f"a token's id has {ID_BYTES} bytes, not {len(token_id)}")
    return token_id + (number.to_bytes(NUMBER_BYTES, "big") if number else b"")


def _base64(data: bytes) -> str:
    return binascii.b2a_base64(data, newline=False).translate(_URL_SAFE).rstrip(b"=").decode()


def _base32(data: bytes) -> str:
    return base64.b32encode(data).decode().rstrip("=").lower()

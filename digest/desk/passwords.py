"""Passwords: long enough, slow to guess, and never kept."""

import threading
import unicodedata

import argon2

from digest.errors import FieldError

# NIST SP 800-63B 3.1.1: length is what counts; no rules about digits and signs.
AT_LEAST, AT_MOST = 12, 200
# A hash takes 64 MiB and a core for a while (RFC 9106 4): strangers can ask for many at once.
AT_ONCE = 2
FEW_LETTERS = 5

_HASHER = argon2.PasswordHasher()
_FREE = threading.BoundedSemaphore(AT_ONCE)
# Made at start: the first stranger must not be told by how long it takes.
_NOBODYS = _HASHER.hash("nobody has this one")


def hash_password(password: str, *not_in_it: str) -> str:
    """Return a new password's hash (Argon2id), as its own text. Takes tens of milliseconds.

    Raises:
        FieldError: it is too short, too long, too simple, or `not_in_it` (name, address) is most
            of it.
    """
    written = _normal(password)
    if len(written) < AT_LEAST:
        raise FieldError("password", f"Choose at least {AT_LEAST} characters: a few words will do")
    if len(written) > AT_MOST:
        raise FieldError("password", f"Choose at most {AT_MOST} characters")
    left = written.casefold()
    for words in not_in_it:
        left = left.replace(words.casefold(), "") if words else left
    if len(left) < AT_LEAST // 2:
        raise FieldError("password", "Choose something that is not your name or address")
    if len(set(left)) < FEW_LETTERS:
        raise FieldError("password", "Choose something with more different characters")
    with _FREE:
        return _HASHER.hash(written)


def is_password(hashed: str | None, password: str) -> bool:
    """Tell whether it is the password. Takes as long where there is none (`hashed` is None).

    No transaction should be open meanwhile.
    """
    written = _normal(password)
    fits = hashed is not None and len(written) <= AT_MOST
    with _FREE:
        try:
            against = hashed if hashed is not None and fits else _NOBODYS
            return _HASHER.verify(against, written[:AT_MOST]) and fits
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False


def should_hash_again(hashed: str) -> bool:
    """Tell whether a hash was made with less care than is taken now."""
    return _HASHER.check_needs_rehash(hashed)


def _normal(password: str) -> str:
    # The same keys write é in two ways, by the machine that they are on (NIST SP 800-63B 3.1.1.2).
    return unicodedata.normalize("NFKC", password)

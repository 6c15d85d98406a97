"""Signing the messages of one stencil: what is the same for all of them is prepared once.

A body is hashed from its first slot on, a header field that no slot stands in is put into its
canonical form once, and all signatures of a message share both hashes but for their own field.
"""

import base64
import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_private_key

from digest.delivery.rendering.stencil import Stencil
from digest.delivery.signing.relaxed import relaxed_body, relaxed_field, relaxed_lines

# Named once more than they occur, so that nobody can add another that a reader would be shown, or
# a program would act on (RFC 6376 5.4 and 8.15). All List-* fields are as well.
OVERSIGNED: Final = (
    "From", "Reply-To", "To", "Cc", "Subject", "Date", "Message-ID", "MIME-Version",
    "Content-Type", "Content-Transfer-Encoding",
)  # fmt: skip
_LIST_FIELD: Final = re.compile(r"list-", re.IGNORECASE)
_FIELD_BREAK: Final = re.compile(rb"\r\n(?![ \t])")
# In no octet of a stencil: where a slot's value goes.
_PLACE: Final = b"\0"
_WIDTH: Final = 76
# Octets: of more than this hashlib lets other threads in meanwhile.
_SMALL: Final = 2047

PrivateKey = RSAPrivateKey | Ed25519PrivateKey
Parts = list[bytes | int]
Join = Callable[[Sequence[bytes]], bytes]


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key under the name by which its public part is published: selector and domain.

    `domain` in A-labels (RFC 6376 3.5, d=).
    """

    domain: str
    selector: str
    private: PrivateKey

    @property
    def algorithm(self) -> str:
        """As a= names it: RFC 6376 3.3.1, RFC 8463 3."""
        return "rsa-sha256" if isinstance(self.private, RSAPrivateKey) else "ed25519-sha256"

    def sign(self, digest: bytes) -> bytes:
        """Sign a SHA-256 hash."""
        if isinstance(self.private, RSAPrivateKey):
            return self.private.sign(digest, PKCS1v15(), _HASHED)
        return self.private.sign(digest)


def open_key(domain: str, selector: str, secret: bytes) -> SigningKey:
    """Make a key ready, of its PKCS #8 (RFC 5208).

    Raises:
        ValueError: it is no such key, or of an algorithm that does not sign mail.
    """
    # It is our own, and was sealed: to prove that its primes are primes takes 40 ms.
    private = load_der_private_key(secret, None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(private, RSAPrivateKey | Ed25519PrivateKey):
        raise ValueError(f"{selector}._domainkey.{domain} is of no algorithm that signs mail")
    return SigningKey(domain, selector, private)


_HASHED: Final = Prehashed(SHA256())


class Signer:
    """Makes the DKIM-Signature fields of the messages of one stencil. Safe for several threads."""

    def __init__(self, stencil: Stencil, keys: Sequence[SigningKey]) -> None:
        header, body = _halves(stencil)
        fields = _fields(header, stencil)
        self._whole = tuple(
            place for place, fill in enumerate(stencil.fills) if fill.header is not None
        )
        names = [name for name, _ in fields]
        self._header = _joined(_signed_parts(fields), len(stencil.fills))
        self._writers = [_Writer(key, _named(names)) for key in keys]
        self._body = _Body(body, len(stencil.fills))

    def sign(self, encoded: Sequence[bytes], *, at: int) -> bytes:
        """Return the fields, each ended by CRLF, that go before a message of these fills' values:
        one for each key, in their order.

        `at`: when the message was written, in seconds since 1970, for t=. A retry is the same
        message, so it is not when it is sent.
        """
        fields = list(encoded)
        for place in self._whole:
            fields[place] = relaxed_field(encoded[place])
        return _sealed(self._writers, self._header(fields), self._body.hash(encoded), at)


def sign_message(message: bytes, keys: Sequence[SigningKey], *, at: int) -> bytes:
    """Return a whole message, of CRLF lines, with a DKIM-Signature field by each key before it.

    `at`: as for `Signer.sign`. Its header may be UTF-8 (RFC 8616 4).
    """
    head, _, body = message.partition(b"\r\n\r\n")
    fields = _FIELD_BREAK.split(head)
    names = [line.partition(b":")[0].decode("ascii") for line in fields]
    header = b"".join([relaxed_field(line) + b"\r\n" for line in fields])
    writers = [_Writer(key, _named(names)) for key in keys]
    return _sealed(writers, header, hashlib.sha256(relaxed_body(body)).digest(), at) + message


def _sealed(writers: Sequence["_Writer"], header: bytes, body: bytes, at: int) -> bytes:
    """Return the fields; `header` is in its canonical form, and `body` the body's hash."""
    body_hash = base64.b64encode(body)
    what = b"%d;\r\n bh=%s;\r\n b=" % (at, body_hash)
    signed = b"%d; bh=%s; b=" % (at, body_hash)
    begun = hashlib.sha256(header)
    return b"".join([writer.write(begun, what, signed) for writer in writers])


class _Body:
    """Hashes a body of these parts, from its first slot on."""

    def __init__(self, parts: Parts, fills: int) -> None:
        self._used = sorted({part for part in parts if isinstance(part, int)})
        self._exact = _joined(parts, fills)
        self._is_by_lines = _is_by_lines(parts)
        if not self._is_by_lines:
            return
        first, *rest = [part if isinstance(part, int) else relaxed_lines(part) for part in parts]
        assert isinstance(first, bytes)
        if rest:
            last = rest[-1]
            assert isinstance(last, bytes)
            rest[-1] = relaxed_body(last)
            self._begun = hashlib.sha256(first)
        else:
            self._begun = hashlib.sha256(relaxed_body(first))
        self._join = _joined(rest, fills)

    def hash(self, encoded: Sequence[bytes]) -> bytes:
        # A line break behind each: a blank before it would be at the end of a line.
        values = b"\r\n".join([*[encoded[used] for used in self._used], b""])
        if self._is_by_lines and relaxed_lines(values) is values:
            hashing = self._begun.copy()
            _absorb(hashing, self._join(encoded))
            return hashing.digest()
        return hashlib.sha256(relaxed_body(self._exact(encoded))).digest()


def _absorb(hashing: "hashlib._Hash", octets: bytes) -> None:
    """Hash in small bits, for which hashlib keeps the interpreter to itself.

    To let the other connection's thread in for 15 µs, and wait for it, costs 70.
    """
    view = memoryview(octets)
    for at in range(0, len(octets), _SMALL):
        hashing.update(view[at : at + _SMALL])


class _Writer:
    """Writes the field of one key."""

    def __init__(self, key: SigningKey, named: str) -> None:
        self._sign = key.sign
        self._start = (
            f"DKIM-Signature: v=1; a={key.algorithm}; c=relaxed/relaxed;\r\n"
            f" d={key.domain}; s={key.selector};\r\n"
            f" h={named};\r\n t="
        ).encode("ascii")
        self._signed_start = relaxed_field(self._start)

    def write(self, begun: "hashlib._Hash", what: bytes, signed: bytes) -> bytes:
        """Write the field: `what` is the same for all keys, and `signed` its canonical form.

        All of the field is signed but for its signature, and without CRLF (RFC 6376 3.7).
        """
        hashing = begun.copy()
        hashing.update(self._signed_start + signed)
        signature = base64.b64encode(self._sign(hashing.digest()))
        room = _WIDTH - len(" b=")
        lines = [signature[:room], *_cut(signature[room:], _WIDTH - 1)]
        return b"%s%s%s\r\n" % (self._start, what, b"\r\n ".join(lines))


def _cut(text: bytes, width: int) -> Iterable[bytes]:
    return (text[start : start + width] for start in range(0, len(text), width))


def _halves(stencil: Stencil) -> tuple[Parts, Parts]:
    """Return the stencil's parts before and after the empty line that ends the header."""
    parts: Parts = [stencil.pieces[0]]
    for fill, piece in zip(stencil.order, stencil.pieces[1:], strict=True):
        parts += [fill, piece]
    for place, part in enumerate(parts):
        if isinstance(part, bytes) and b"\r\n\r\n" in part:
            before, _, after = part.partition(b"\r\n\r\n")
            return [*parts[:place], before], [after, *parts[place + 1 :]]
    raise ValueError("the stencil has no end of its header")


def _fields(parts: Parts, stencil: Stencil) -> list[tuple[str, Parts]]:
    """Return the names of the header's fields, and what each is in its canonical form."""
    text = b"".join([_PLACE if isinstance(part, int) else part for part in parts])
    places = iter([part for part in parts if isinstance(part, int)])
    fields: list[tuple[str, Parts]] = []
    for line in _FIELD_BREAK.split(text):
        if line == _PLACE:
            place = next(places)
            name = stencil.fills[place].header
            assert name is not None
            fields.append((name, [place]))
            continue
        first, *others = relaxed_field(line).split(_PLACE)
        canonical: Parts = [first]
        for static in others:
            canonical += [next(places), static]
        fields.append((line.partition(b":")[0].decode("ascii"), canonical))
    return fields


def _signed_parts(fields: Sequence[tuple[str, Parts]]) -> Parts:
    parts: Parts = []
    for _, canonical in fields:
        parts += [*canonical, b"\r\n"]
    return parts


def _named(names: Sequence[str]) -> str:
    """Return h=, folded at its colons: all fields there are, and those that there may not be."""
    present = {name.lower() for name in names}
    also = [name for name in names if _LIST_FIELD.match(name)]
    also += [name for name in OVERSIGNED if name.lower() in present]
    also += [name for name in OVERSIGNED if name.lower() not in present]
    lines = [""]
    for name in [*names, *also]:
        if len(lines[-1]) + len(name) + 2 > _WIDTH - 3:
            lines.append("")
        lines[-1] += f"{name}:"
    return "\r\n  ".join(lines).removesuffix(":")


def _is_by_lines(parts: Parts) -> bool:
    """Whether each slot begins a line, and is followed by the end of one, soft or hard; and the
    body ends with a line that is not empty, whatever stands in the slots."""
    before = [part for part in parts[:-1] if isinstance(part, bytes)]
    behind = [part for part in parts[1:] if isinstance(part, bytes)]
    last = parts[-1]
    assert isinstance(last, bytes)
    return (
        all(part.endswith(b"\r\n") for part in before)
        and all(part.startswith((b"=\r\n", b"\r\n")) for part in behind)
        and bool(last.strip(b" \t\r\n"))
    )


def _joined(parts: Parts, fills: int) -> Join:
    """Return what joins the parts with the values of so many fills."""
    statics = [b""]
    places: list[int] = []
    for part in parts:
        if isinstance(part, int):
            places += [part]
        else:
            places += [fills + len(statics)]
            statics.append(part)
    # An itemgetter of one place would not give a tuple: place `fills` holds nothing.
    pick = itemgetter(*places, fills, fills)
    return partial(_join, pick, statics)


def _join(
    pick: Callable[[Sequence[bytes]], Sequence[bytes]],
    statics: Sequence[bytes],
    values: Sequence[bytes],
) -> bytes:
    return b"".join(pick([*values, *statics]))

"""The places of a message that differ from reader to reader, and the values that may stand there.

A `Slot` is printed by a template as a private token; `stencil` finds the tokens in what was
rendered. A slot's kind decides what its values may be, so that a value can be
checked once, whatever number of places it goes to.
"""

import re
import secrets
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from digest.errors import DigestError

MAX_TEXT: Final = 256
"""Characters of a text value; a longer one is cut and ends in an ellipsis."""
MAX_URL: Final = 900
"""Characters of a URL value: `<url>` cannot be folded and a line holds 998 (RFC 5322 2.1.1)."""


class StencilError(DigestError):
    """A stencil cannot be built, read or filled. The message never quotes a reader's data."""


class MisplacedSlotError(StencilError):
    """A slot stands where no value of its kind could be safe; the template has to change."""


class MalformedStencilError(StencilError):
    """Stored bytes are not a stencil of this version of Digest."""


class MissingValueError(StencilError):
    """A slot of the stencil was given no value."""


class SlotValueError(StencilError):
    """A value cannot stand in its slot: this message cannot be sent as it is, others can."""

    def __init__(self, slot: str, reason: str) -> None:
        super().__init__(f"the value of slot {slot!r} {reason}")
        self.slot = slot
        self.reason = reason


class Kind(StrEnum):
    """What the values of a slot are."""

    TEXT = "text"
    """Words: a name, a site, a date in prose. Anything goes, and is cleaned by `clean_text`."""
    URL = "url"
    """An absolute https, http or mailto URI, wholly percent-encoded (RFC 3986)."""
    ADDRESS = "address"
    """An addr-spec (RFC 5322 3.4.1): dot-atom local part, domain as A-labels (RFC 5890).

    The local part may be of any letters (RFC 6532 3.2): such a message goes by SMTPUTF8 alone.
    """
    LOCAL_PART = "local-part"
    """The local part of an address of our own: lower-case letters, digits and hyphens."""
    MESSAGE_ID = "message-id"
    """The inside of a msg-id (RFC 5322 3.6.4), without its angle brackets."""
    DATE = "date"
    """A date-time as RFC 5322 3.3 writes it, such as `email.utils.format_datetime` gives."""


# Letters only, so that the token is one word to Jinja, to an HTML serialiser and to a wrapper of
# text; random, so that a story cannot smuggle in a reader's links by spelling out a token.
_NONCE: Final = "".join(secrets.choice(string.ascii_lowercase) for _ in range(16))
_TOKEN: Final = re.compile(f"{_NONCE}([a-z])([a-z0]+)9")
_REMAINS: Final = re.compile(_NONCE[:8], re.IGNORECASE)
_KINDS: Final = {kind.value[0]: kind for kind in Kind}
_SLOT_NAME: Final = re.compile(r"(?=.{1,32}\Z)[a-z]+(?:_[a-z]+)*")


@dataclass(frozen=True, slots=True)
class Slot:
    """A named place for a reader's own value; print it where the value shall stand.

    `str(slot)` is a token of 20 to 50 characters that survives autoescaping, CSS inlining, HTML
    minifying and wrapping. It is known to this process only: render and build in the same one. A
    template can print a slot, and nothing else: a test on it is always true, and filters that
    change letters damage it, which building reports.
    """

    name: str
    kind: Kind = Kind.TEXT

    def __post_init__(self) -> None:
        if not is_slot_name(self.name):
            raise StencilError(
                f"{self.name!r} is no name for a slot: use a-z and single underscores, at most 32"
            )

    def __str__(self) -> str:
        return f"{_NONCE}{self.kind.value[0]}{self.name.replace('_', '0')}9"

    def __html__(self) -> str:
        return str(self)


def is_slot_name(name: str) -> bool:
    return _SLOT_NAME.fullmatch(name) is not None


def split_at_slots(rendered: str, where: str) -> tuple[list[str], list[Slot]]:
    """Cut a rendered string at its tokens: n + 1 strings, and the n slots between them.

    Raises MisplacedSlotError, naming `where`, when part of a token is left over.
    """
    fragments = _TOKEN.split(rendered)
    statics = fragments[::3]
    for static in statics:
        if _REMAINS.search(static):
            raise MisplacedSlotError(
                f"a slot's marker in the {where} was changed after it was printed:"
                " do not use filters such as upper, title or truncate on a slot"
            )
    slots = [
        Slot(name.replace("0", "_"), _KINDS[letter])
        for letter, name in zip(fragments[1::3], fragments[2::3], strict=True)
    ]
    return statics, slots


# C0, DEL and C1 controls with every line break that Unicode knows, and runs of plain spaces.
_BREAKS: Final = re.compile("[\x00-\x20\x7f-\x9f\u2028\u2029]+")
# Embeddings, overrides and isolates can turn round the text that follows a name (Unicode UAX 9).
_BIDI: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")
_SURROGATES: Final = re.compile("[\ud800-\udfff]")


def clean_text(value: str) -> str:
    """Make a person's words safe for one line, in a header as in a body.

    Controls and line breaks become a space, runs of spaces one, and those at the ends go;
    bidirectional controls go; lone surrogates become U+FFFD; at most MAX_TEXT characters stay.
    """
    if (
        len(value) <= MAX_TEXT
        and value.isascii()
        and value.isprintable()
        and "  " not in value
        and value.strip() == value
    ):
        return value
    # A value is cut before it is searched, so that a megabyte costs no more than a page.
    value = _BIDI.sub("", _SURROGATES.sub("\ufffd", value[: MAX_TEXT * 8]))
    value = _BREAKS.sub(" ", value).strip(" ")
    if len(value) > MAX_TEXT:
        value = value[: MAX_TEXT - 1].rstrip(" ") + "…"
    return value


_ATEXT: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_DOT_ATOM: Final = rf"{_ATEXT}(?:\.{_ATEXT})*"
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN: Final = rf"{_LABEL}(?:\.{_LABEL})*"
# RFC 5321 4.5.3.1: a local part of 64 octets, a path of 256 with its brackets.
_ADDRESS: Final = re.compile(rf"{_DOT_ATOM}@{_DOMAIN}")
# RFC 6532 3.2, less what no reader of mail should ever see there: blanks, breaks and controls,
# marks that turn text round, surrogates and private letters.
_UTF8_ATEXT: Final = (
    r"(?:[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]|[^\x00-\xa0\xad\u0600-\u0605\u061c\u06dd\u1680\u180e"
    r"\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ud800-\uf8ff\ufeff\ufff0-\uffff\U000e0000-\U0010ffff])+"
)
_UTF8_ADDRESS: Final = re.compile(rf"{_UTF8_ATEXT}(?:\.{_UTF8_ATEXT})*@{_DOMAIN}")
_MAX_LOCAL_PART: Final = 64
_OWN_LOCAL_PART: Final = re.compile(rf"[a-z0-9-]{{1,{_MAX_LOCAL_PART}}}")
_MAX_ADDRESS: Final = 254
_URI_TEXT: Final = r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]"
_URL: Final = re.compile(rf"(?:https?://[A-Za-z0-9\[]|mailto:[A-Za-z0-9]){_URI_TEXT}*")
_DATE: Final = re.compile(
    r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), )?\d{1,2} "
    r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d [+-]\d{4}",
    re.ASCII,
)


def _text(_slot: str, value: str) -> str:
    return clean_text(value)


def _address(slot: str, value: str) -> str:
    if _is_addr_spec(value) and value.index("@") <= _MAX_LOCAL_PART:
        return value
    local, _, domain = value.rpartition("@")
    if not domain.isascii():
        raise SlotValueError(slot, "has a domain that is not written in A-labels (xn--)")
    if not local.isascii() and _is_utf8_addr_spec(value, local):
        return value
    raise SlotValueError(slot, "is not an address that SMTP can carry")


def _url(slot: str, value: str) -> str:
    if len(value) > MAX_URL or not _URL.fullmatch(value) or "=?" in value:
        raise SlotValueError(
            slot, f"is not a percent-encoded https, http or mailto URL of at most {MAX_URL}"
        )
    return value


def _local_part(slot: str, value: str) -> str:
    if not _OWN_LOCAL_PART.fullmatch(value):
        raise SlotValueError(slot, "is not the local part of an address of ours")
    return value


def _message_id(slot: str, value: str) -> str:
    if not _is_addr_spec(value):
        raise SlotValueError(slot, "is not the inside of a Message-ID")
    return value


def _date(slot: str, value: str) -> str:
    if not _DATE.fullmatch(value):
        raise SlotValueError(slot, "is not a date as RFC 5322 writes it")
    return value


def _is_addr_spec(value: str) -> bool:
    """Dot-atom, "@" and domain, without the "=?" that an encoded-word begins with (RFC 2047 2)."""
    return (
        len(value) <= _MAX_ADDRESS and _ADDRESS.fullmatch(value) is not None and "=?" not in value
    )


def _is_utf8_addr_spec(value: str, local: str) -> bool:
    try:
        octets, before_at = len(value.encode()), len(local.encode())
    except UnicodeEncodeError:
        return False
    return (
        octets <= _MAX_ADDRESS
        and before_at <= _MAX_LOCAL_PART
        and _UTF8_ADDRESS.fullmatch(value) is not None
        and "=?" not in value
    )


CHECKS: Final[Mapping[Kind, Callable[[str, str], str]]] = {
    Kind.TEXT: _text,
    Kind.URL: _url,
    Kind.ADDRESS: _address,
    Kind.LOCAL_PART: _local_part,
    Kind.MESSAGE_ID: _message_id,
    Kind.DATE: _date,
}
"""For each kind: (slot's name, value) to the value that is used. Raises SlotValueError."""

LONGEST: Final[Mapping[Kind, int]] = {
    Kind.TEXT: MAX_TEXT,
    Kind.URL: MAX_URL,
    Kind.ADDRESS: _MAX_ADDRESS,
    Kind.LOCAL_PART: _MAX_LOCAL_PART,
    Kind.MESSAGE_ID: _MAX_ADDRESS,
    Kind.DATE: len("Sat, 14 Nov 2026 06:00:00 +0000"),
}
"""Octets of a value of each kind, at most, as it stands in a structured header."""

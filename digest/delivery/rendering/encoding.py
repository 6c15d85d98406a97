"""How text is written in a 7-bit message: quoted-printable bodies, folded and encoded headers.

Nothing here ends its output with a line break, and nothing emits a line that begins with a dot, or
a byte above 126 other than those of an address that is not ASCII.
"""

import binascii
import re
from email import base64mime, quoprimime
from typing import Final

SOFT_BREAK: Final = b"=\r\n"
HEADER_WIDTH: Final = 78
"""Characters of a header line, where there is a place to fold it (RFC 5322 2.1.1)."""
ENCODED_WIDTH: Final = 76
"""Characters of a header line that holds an encoded-word (RFC 2047 2)."""

# What is lengthened after wrapping: "From " and a dot at the start of a line, which some relays
# rewrite, and a space before a soft break, which some strip. Each adds two characters.
_WRAP_AT: Final = 72
_ROOM_FOR_SOFT_BREAK: Final = 75
_LINE_START: Final = re.compile(r"^(?:F(?=rom )|\.)", re.MULTILINE)
_UNSAFE_STARTS: Final = (b".", b"From ")
_UNSAFE_ENDS: Final = (b" ", b"\t")
# One that stands as it is, with room for a soft break.
_PLAIN_LINE: Final = re.compile(r"(?!\.|From )[!-<>-~ ]{0,74}[!-<>-~]")
_SPACE_AT_BREAK: Final = re.compile(r"[ \t](?==\r$)", re.MULTILINE)


def quoted_printable(text: str) -> bytes:
    r"""Encode text whose lines end in "\n" (RFC 2045 6.7); lines end in CRLF, and are within 76.

    The first line starts at the left margin. The last has room for a soft break.
    """
    latin = text.encode("utf-8").decode("latin-1")
    wrapped = quoprimime.body_encode(latin, maxlinelen=_WRAP_AT, eol="\r\n")
    wrapped = _SPACE_AT_BREAK.sub(_quoted, wrapped)
    return _LINE_START.sub(_quoted, wrapped).encode("ascii")


def quoted_line(text: str) -> bytes:
    """`quoted_printable` of one line: some ten times quicker, for nearly all values."""
    if _PLAIN_LINE.fullmatch(text):
        return text.encode("ascii")
    encoded = binascii.b2a_qp(text.encode("utf-8"), istext=False)
    lines = encoded.split(b"=\n") if b"\n" in encoded else (encoded,)
    # The C encoder knows nothing of what relays change, and leaves no room in the last line.
    for line in lines:
        if line.startswith(_UNSAFE_STARTS) or line.endswith(_UNSAFE_ENDS):
            return quoted_printable(text)
    if len(lines[-1]) > _ROOM_FOR_SOFT_BREAK:
        return quoted_printable(text)
    return SOFT_BREAK.join(lines)


def _quoted(match: re.Match[str]) -> str:
    return quoprimime.quote(match[0])


def unstructured(header: str, text: str) -> bytes:
    """A whole unstructured field, such as Subject (RFC 5322 2.2.1), from a single-spaced text.

    Folded at its spaces; as encoded-words (RFC 2047 5 (1)) where it is not ASCII, has a word too
    long for a line, or would itself be taken for an encoded-word.
    """
    words = text.split(" ")
    limits = [HEADER_WIDTH - len(header) - 2] + [HEADER_WIDTH - 1] * (len(words) - 1)
    fits = all(len(word) <= limit for word, limit in zip(words, limits, strict=True))
    if text.isascii() and "=?" not in text and fits:
        return fold(header, words)
    return f"{header}: {_encoded_words(text, len(header) + 2)}".encode("ascii")


def fold(header: str, words: list[str]) -> bytes:
    """A field of ASCII words, folded before the first that is too much for a line.

    The first word stays beside the field's name: some readers of mail take a line that holds only
    the name for an empty field.
    """
    lines = [f"{header}:"]
    for index, word in enumerate(words):
        if index and len(lines[-1]) + 1 + len(word) > HEADER_WIDTH:
            lines.append("")
        lines[-1] += f" {word}"
    return "\r\n".join(lines).rstrip(" ").encode("ascii")


_ATOMS: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")


def phrase_and_angle(header: str, phrase: str, inside: str) -> bytes:
    """A whole field of a phrase and `<inside>`: an RFC 5322 name-addr, or an RFC 2919 List-Id.

    The phrase, single-spaced or empty, is written as atoms, a quoted-string (RFC 5322 3.2.4) or,
    where it is not ASCII or too long for a line, as encoded-words (RFC 2047 5 (3)). What is inside
    stands as it is, in UTF-8 (RFC 6532 3.2): an address may not be encoded (RFC 2047 5).
    """
    angle = f"<{inside}>"
    start = f"{header}: "
    if not phrase:
        return f"{start}{angle}".encode()
    written = phrase
    if not _ATOMS.fullmatch(phrase):
        written = '"' + phrase.replace("\\", "\\\\").replace('"', '\\"') + '"'
    room = HEADER_WIDTH - len(start)
    if not phrase.isascii() or "=?" in phrase or len(written) > room:
        written = _encoded_words(phrase, len(start))
        room = ENCODED_WIDTH - len(start) if "\r\n" not in written else ENCODED_WIDTH
    last_line = written.rpartition("\r\n")[2]
    gap = " " if len(last_line) + 1 + len(angle) <= room else "\r\n "
    return f"{start}{written}{gap}{angle}".encode()


# "=?utf-8?q?" and "?="
_WORD_FRAME: Final = 12


def _encoded_words(text: str, first_column: int) -> str:
    """Text as encoded-words, folded between them, each of whole characters (RFC 2047 5).

    One word is Q or B, whichever is shorter; several are B. Q keeps to what is lawful in a phrase.
    """
    octets = text.encode("utf-8")
    room = ENCODED_WIDTH - first_column
    candidates = quoprimime.header_encode(octets, "utf-8"), _encoded_b(octets)
    shortest = min(candidates, key=len)
    if len(shortest) <= room:
        return shortest
    words: list[str] = []
    while octets:
        cut = (room - _WORD_FRAME) // 4 * 3
        while cut < len(octets) and octets[cut] & 0xC0 == 0x80:  # inside a character of UTF-8
            cut -= 1
        words.append(_encoded_b(octets[:cut]))
        octets = octets[cut:]
        room = ENCODED_WIDTH - 1
    return "\r\n ".join(words)


def _encoded_b(octets: bytes) -> str:
    return base64mime.header_encode(octets, "utf-8")

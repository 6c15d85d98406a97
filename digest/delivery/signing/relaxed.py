"""The relaxed canonical form of a header field and of a body (RFC 6376 3.4.2 and 3.4.4).

All lines that come in end with CRLF, and no line is told apart by anything else.
"""

import re
from typing import Final

_BLANKS: Final = re.compile(rb"[ \t]+")
_BLANK_BEFORE_BREAK: Final = b" \r\n"


def relaxed_field(field: bytes) -> bytes:
    """Return a header field in its relaxed form; both without the CRLF that ends them."""
    name, _, value = field.partition(b":")
    unfolded = value.replace(b"\r\n", b"")
    return b"%s:%s" % (name.strip(b" \t").lower(), _BLANKS.sub(b" ", unfolded).strip(b" "))


def relaxed_lines(lines: bytes) -> bytes:
    """Return a part of a body in its relaxed form: whole lines, not the last of the body.

    A part may begin where a line goes on, if no blank stands before or behind that place; so it
    may end, if its last octet is no blank.
    """
    if b"  " not in lines and b"\t" not in lines:
        return lines.replace(_BLANK_BEFORE_BREAK, b"\r\n") if b" \r\n" in lines else lines
    return _BLANKS.sub(b" ", lines).replace(_BLANK_BEFORE_BREAK, b"\r\n")


def relaxed_body(body: bytes) -> bytes:
    """Return a whole body in its relaxed form: without the empty lines at its end."""
    lines = relaxed_lines(body)
    while lines.endswith(b"\r\n\r\n"):
        lines = lines[:-2]
    if lines == b"\r\n":
        return b""
    return lines if lines.endswith(b"\r\n") or not lines else lines + b"\r\n"

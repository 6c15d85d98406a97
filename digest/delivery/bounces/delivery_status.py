"""Reports about mail that came back (RFC 3464, RFC 6533): what they say, read within bounds.

A report is anybody's text. Of its structure only so much is taken apart as is needed to find the
part that machines read; all else in it, the returned mail included, is passed over.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.errors import MessageError
from email.message import Message
from email.parser import BytesHeaderParser
from email.policy import compat32

from digest.delivery.relay.wire import LONGEST_TEXT, presentable

LONGEST_HEADER = 64 * 1024
MOST_PARTS = 20
MOST_RECIPIENTS = 50
DEEPEST = 3
# A shorter one is a word like any other.
SHORTEST_NAME = 3

STATUS_PARTS = ("message/delivery-status", "message/global-delivery-status")
# Anything that the standard library has been seen to raise on a malformed mail.
MALFORMED = (MessageError, LookupError, ValueError, AttributeError, TypeError)

_BLANK_LINE = re.compile(rb"\r?\n[ \t]*\r?\n")
_STATUS = re.compile(r"\s*([245])\.([0-9]{1,3})\.([0-9]{1,3})\b")
_DIAGNOSTIC = re.compile(
    r"\s*smtp\s*;\s*(?:([245][0-9]{2})(?:[ -]|$))?\s*(?:#?[245]\.[0-9]{1,3}\.[0-9]{1,3}\s+)?",
    re.IGNORECASE,
)
_XTEXT = re.compile(r"\+([0-9A-F]{2})")


@dataclass(frozen=True)
class RecipientStatus:
    """What a report says of one recipient. `addresses` are in lower case, and never kept."""

    addresses: frozenset[str]
    action: str
    enhanced: str | None
    code: int | None
    words: str

    def text(self, local_part: str) -> str | None:
        """Return the words without addresses, nor the reader's `local_part`; None if none."""
        words = presentable(self.words)
        if len(local_part) >= SHORTEST_NAME:
            name = rf"(?<!\w){re.escape(local_part)}(?!\w)"
            words = re.sub(name, "<address>", words, flags=re.IGNORECASE)[:LONGEST_TEXT]
        return words or None


def read_report(content: bytes) -> list[RecipientStatus] | None:
    """Return what a report says of each recipient; None where the mail is no such report."""
    try:
        return _read(content, DEEPEST)
    except MALFORMED:
        return None


def _read(content: bytes, depth: int) -> list[RecipientStatus] | None:
    header, body = _parted(content.lstrip(b"\r\n") if depth == DEEPEST else content)
    kind = header.get_content_type()
    if kind in STATUS_PARTS:
        return list(_recipients(body))
    boundary = header.get_boundary()
    if not kind.startswith("multipart/") or not boundary or not depth:
        return None
    for part in _parts(body, boundary):
        found = _read(part, depth - 1)
        if found is not None:
            return found
    is_report = str(header.get_param("report-type") or "").lower() == "delivery-status"
    return [] if is_report else None


def _parted(content: bytes) -> tuple[Message, bytes]:
    if content.startswith((b"\n", b"\r\n")):
        return Message(), content.lstrip(b"\r\n")
    end = _BLANK_LINE.search(content, 0, LONGEST_HEADER)
    header, body = (content[: end.start()], content[end.end() :]) if end else (content, b"")
    parser = BytesHeaderParser(policy=compat32)
    return parser.parsebytes(header[:LONGEST_HEADER]), body


def _parts(body: bytes, boundary: str) -> list[bytes]:
    mark = re.escape(boundary.encode("utf-8", "surrogateescape"))
    line = re.compile(rb"(?:\A|\r?\n)--" + mark + rb"(?:--)?[ \t]*(?=\r?\n|\Z)")
    pieces = line.split(body, MOST_PARTS)[1:]
    return [re.sub(rb"\A\r?\n", b"", piece, count=1) for piece in pieces]


def _recipients(body: bytes) -> Iterator[RecipientStatus]:
    # The first group of fields is about the mail, each other one about a recipient; RFC 3464 2.1.
    for block in _BLANK_LINE.split(body.strip(b"\r\n"), MOST_RECIPIENTS)[:MOST_RECIPIENTS]:
        fields = BytesHeaderParser(policy=compat32).parsebytes(block[:LONGEST_HEADER])
        if "Action" not in fields:
            continue
        status = _STATUS.match(_value(fields, "Status"))
        diagnostic = _value(fields, "Diagnostic-Code")
        said = _DIAGNOSTIC.match(diagnostic)
        yield RecipientStatus(
            addresses=frozenset(_addresses(fields)),
            action=_value(fields, "Action").strip().lower(),
            enhanced=".".join(status.groups()) if status else None,
            code=int(said[1]) if said and said[1] else None,
            words=diagnostic[said.end() :] if said else diagnostic,
        )


def _addresses(fields: Message) -> Iterator[str]:
    for name in ("Original-Recipient", "Final-Recipient"):
        address = _value(fields, name).partition(";")[2].strip().strip("<>").lower()
        if address:
            yield address
            # RFC 3461 4: the original is written in xtext.
            yield _XTEXT.sub(lambda found: chr(int(found[1], 16)), address.upper()).lower()


def _value(fields: Message, name: str) -> str:
    raw = str(fields.get(name, ""))
    text = raw.encode("ascii", "surrogateescape").decode("utf-8", "replace") if raw else ""
    return " ".join(text.split())

"""Reports about mail that came back (RFC 3464, RFC 6533): what they say, read within bounds.

A report is anybody's text. Of its structure only so much is taken apart as is needed to find the
part that machines read; all else in it, the returned mail included, is passed over. What real
servers write beside the standard, and is read all the same, is told where it is read.
"""

import base64
import binascii
import quopri
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from email.errors import MessageError
from email.message import Message
from email.parser import BytesHeaderParser
from email.policy import compat32

from digest.delivery.relay.wire import LONGEST_TEXT, presentable

# So much of a mail is looked at.
LONGEST_REPORT = 1024 * 1024
LONGEST_HEADER = 64 * 1024
LONGEST_TYPE = 1000
MOST_PARTS = 20
MOST_RECIPIENTS = 50
DEEPEST = 3
# A shorter one is a word like any other.
SHORTEST_NAME = 3

STATUS_PARTS = ("message/delivery-status", "message/global-delivery-status")
# Anything that the standard library has been seen to raise on a malformed mail.
MALFORMED = (MessageError, LookupError, ValueError, AttributeError, TypeError)
# RFC 3464 2.2 and 2.3: a line that begins with another word goes on with the field before it, as
# some servers write long diagnostics without folding them.
FIELDS = frozenset(
    "original-envelope-id reporting-mta dsn-gateway received-from-mta arrival-date "
    "original-recipient final-recipient action status remote-mta diagnostic-code "
    "last-attempt-date final-log-id will-retry-until localized-diagnostic".split()
)

_BLANK_LINE = re.compile(rb"\r?\n[ \t]*\r?\n")
_BLANK_LINES = re.compile(rb"\r?\n(?:[ \t]*\r?\n)+")
# RFC 5322 4.5: blanks before the colon are obsolete, and to be read.
_FIELD = re.compile(rb"([!-9;-~]{1,60})[ \t]*:")
_ACTION = re.compile(r"\s*([a-z]+)", re.IGNORECASE)
_COMMENT = re.compile(r"\([^()]*\)")
_STATUS = re.compile(r"\s*([245])\.([0-9]{1,3})\.([0-9]{1,3})\b")
_DIAGNOSTIC = re.compile(
    # Before the code chasquid says in which step, as in "MAIL+RCPT 550 5.1.1 ...".
    r"\s*(?:(?:x-)?[a-z]{1,10}\s*;)?\s*(?:[A-Z]+(?:\+[A-Z]+)?[ ](?=[245][0-9]{2}[ -]))?"
    r"(?:([245][0-9]{2})(?:[ -]|$))?\s*(?:#?([245]\.[0-9]{1,3}\.[0-9]{1,3})[:,]?(?:\s+|$))?",
    re.IGNORECASE,
)
_XTEXT = re.compile(r"\+([0-9A-F]{2})")
# RFC 6533 3: the same as xtext, for all of Unicode.
_UNITEXT = re.compile(r"\\x\{([0-9A-F]{2,6})\}", re.IGNORECASE)
_EXPIRED = re.compile(rb"\benvelope expired\b", re.IGNORECASE)


@dataclass(frozen=True)
class RecipientStatus:
    """What a report says of one recipient. `addresses` are in lower case, and never kept.

    `final` are those of them that the report ends at: another than the original one where mail is
    forwarded (RFC 3464 2.3.1 and 2.3.2).

    `enhanced` is the most specific code (RFC 3463): that of the diagnostic, where `Status` is
    missing or says no more than x.0.0. `given_up`: nothing more is tried.
    """

    addresses: frozenset[str]
    action: str
    enhanced: str | None
    code: int | None
    words: str
    given_up: bool = False
    retries: bool = False
    final: frozenset[str] = frozenset()

    def is_of(self, known: Collection[str]) -> bool:
        """Tell whether it is about somebody's own address, and not where they forward mail to."""
        return not (self.final or self.addresses).isdisjoint(known)

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
        return _read(content[:LONGEST_REPORT].lstrip(b"\r\n"), DEEPEST)
    except MALFORMED:
        return None


def feedback_type(content: bytes) -> str | None:
    """Return what a report of feedback is about, in lower case, by its own part (RFC 5965 3.1).

    Raises one of `MALFORMED`.
    """
    header, body = parted(content[:LONGEST_REPORT].lstrip(b"\r\n"))
    boundary = header.get_boundary()
    for part in parts_of(body, boundary) if boundary else ():
        inner, said = parted(part)
        if inner.get_content_type() == "message/feedback-report":
            fields = BytesHeaderParser(policy=compat32).parsebytes(
                _decoded(inner, said)[:LONGEST_HEADER].lstrip(b"\r\n")
            )
            found = re.match(r"[a-z-]+", str(fields.get("Feedback-Type", "")).strip().lower())
            return found[0] if found else None
    return None


def header_of(content: bytes) -> Message:
    """Read the header of a mail, or of a part, within bounds. Raises one of `MALFORMED`."""
    return parted(content[: LONGEST_HEADER + 4].lstrip(b"\r\n"))[0]


def _read(content: bytes, depth: int) -> list[RecipientStatus] | None:
    header, body = parted(content)
    kind = header.get_content_type()
    if kind in STATUS_PARTS:
        return list(_recipients(_decoded(header, body)))
    boundary = header.get_boundary() if kind.startswith("multipart/") and depth else None
    if not boundary:
        return None
    parts = parts_of(body, boundary)
    for number, part in enumerate(parts):
        found = _read(part, depth - 1)
        if found is not None:
            return _expired(found, parts[:number])
    is_report = str(header.get_param("report-type") or "").lower() == "delivery-status"
    return [] if is_report else None


def _expired(found: list[RecipientStatus], before: list[bytes]) -> list[RecipientStatus]:
    """Find what OpenSMTPD gives up: it says `delayed`, and the rest to people alone."""
    if not any(_EXPIRED.search(part) for part in before):
        return found
    return [
        replace(each, given_up=True)
        if each.action == "delayed" and each.enhanced == "4.4.7" and not each.retries
        else each
        for each in found
    ]


def _decoded(header: Message, body: bytes) -> bytes:
    encoding = str(header.get("Content-Transfer-Encoding", "")).strip().lower()
    try:
        if encoding == "base64":
            whole = re.sub(rb"[^A-Za-z0-9+/]", b"", body)
            # Of one that was cut off, all that is whole.
            return base64.b64decode(whole + b"=" * (-len(whole) % 4))
        if encoding == "quoted-printable":
            return quopri.decodestring(body)
    except binascii.Error:
        pass
    return body


def parted(content: bytes) -> tuple[Message, bytes]:
    """Take a mail, or a part, apart into header and body."""
    if content.startswith((b"\n", b"\r\n")):
        return Message(), content.lstrip(b"\r\n")
    end = _BLANK_LINE.search(content, 0, LONGEST_HEADER)
    header, body = (content[: end.start()], content[end.end() :]) if end else (content, b"")
    read = BytesHeaderParser(policy=compat32).parsebytes(header[:LONGEST_HEADER])
    # The standard library reads its parameters in time that grows with the square of their length.
    if any(len(str(value)) > LONGEST_TYPE for value in read.get_all("Content-Type", ())):
        del read["Content-Type"]
    return read, body


def parts_of(body: bytes, boundary: str) -> list[bytes]:
    """Split a multipart body at its boundary, into 20 parts at most."""
    mark = re.escape(boundary.encode("utf-8", "surrogateescape"))
    line = re.compile(rb"(?:\A|\r?\n)--" + mark + rb"(?:--)?[ \t]*(?=\r?\n|\Z)")
    pieces = line.split(body, MOST_PARTS)[1:]
    return [re.sub(rb"\A\r?\n", b"", piece, count=1) for piece in pieces]


def _recipients(body: bytes) -> Iterator[RecipientStatus]:
    # The first group of fields is about the mail, each other one about a recipient; RFC 3464 2.1.
    for block in _BLANK_LINES.split(body.strip(b"\r\n"), MOST_RECIPIENTS)[:MOST_RECIPIENTS]:
        fields = _fields(block[:LONGEST_HEADER])
        # RFC 3464 2.1.1: comments may stand in it.
        action = _ACTION.match(_COMMENT.sub(" ", fields.get("action", "")))
        if action is None:
            continue
        diagnostic = fields.get("diagnostic-code", "")
        said = _DIAGNOSTIC.match(diagnostic)
        word = action[1].lower()
        yield RecipientStatus(
            addresses=frozenset(_addresses(fields)),
            action=word,
            enhanced=_enhanced(fields.get("status", ""), said[2] if said else None),
            code=int(said[1]) if said and said[1] else None,
            words=diagnostic[said.end() :] if said else diagnostic,
            # RFC 3464 2.3.3: no more is tried, whatever the status was while it was.
            given_up=word == "failed",
            retries="will-retry-until" in fields,
            final=frozenset(_written(fields, "final-recipient")),
        )


def _enhanced(status: str, said: str | None) -> str | None:
    found = _STATUS.match(_COMMENT.sub(" ", status))
    code = ".".join(found.groups()) if found else None
    return said if said and (code is None or code.endswith(".0.0")) else code


def _fields(block: bytes) -> dict[str, str]:
    """Read a group of fields; of each name the first counts."""
    read: dict[str, list[bytes]] = {}
    value: list[bytes] = []
    for line in block.splitlines():
        begins = _FIELD.match(line)
        name = begins[1].decode("ascii").lower() if begins else ""
        if begins and (name in FIELDS or name.startswith("x-")):
            value = [line[begins.end() :]]
            read.setdefault(name, value)
        else:
            value.append(line)
    return {
        name: " ".join(b" ".join(lines).decode("utf-8", "replace").split())
        for name, lines in read.items()
    }


def _addresses(fields: dict[str, str]) -> Iterator[str]:
    for name in ("original-recipient", "final-recipient"):
        yield from _written(fields, name)


def _written(fields: dict[str, str], name: str) -> Iterator[str]:
    address = fields.get(name, "").partition(";")[2].strip().strip("<>").lower()
    if address:
        yield address
        # RFC 3461 4: the original is written in xtext; RFC 6533 3: or in unitext.
        yield _XTEXT.sub(lambda found: chr(int(found[1], 16)), address.upper()).lower()
        yield _UNITEXT.sub(_character, address).lower()


def _character(found: re.Match[str]) -> str:
    number = int(found[1], 16)
    return chr(number) if number <= 0x10FFFF else found[0]

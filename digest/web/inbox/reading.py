"""A kept mail as its pages show it. What a mail says is not trusted, not even to be well-formed."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.errors import MessageError
from email.message import EmailMessage
from html.parser import HTMLParser

from markupsafe import Markup, escape

LONGEST_PREHEADER = 120
LONGEST_HEADER = 4000
# Anything a parser of the standard library has been seen to raise on a malformed mail.
MALFORMED = (MessageError, LookupError, ValueError, AttributeError, TypeError, IndexError)

URL = re.compile(r"https?://[^\s<>\"']+[^\s<>\"'.,;:!?)\]]")
RULE = re.compile(r"[-=_*]{4,}")
UNSUBSCRIBE_URL = re.compile(r"<(https?://[^\s<>]{1,1000})>")


@dataclass(frozen=True)
class ReadMail:
    """A mail taken apart. `text` and `html` are None where it has no such part."""

    sender: str | None
    to: str | None
    subject: str
    preheader: str
    text: str | None
    html: str | None
    headers: tuple[tuple[str, str], ...]
    source: str
    one_click_url: str | None


def read_mail(content: bytes) -> ReadMail:
    """Take a mail apart as far as that can be done."""
    message = message_from_bytes(content, policy=policy.default)
    headers = tuple(_headers(message))
    html = _part(message, "html")
    text = _part(message, "plain")
    return ReadMail(
        sender=_first(headers, "from"),
        to=_first(headers, "to"),
        subject=_first(headers, "subject") or "(no subject)",
        preheader=_preheader(html, text),
        text=text,
        html=html,
        headers=headers,
        source=content.decode("utf-8", "replace").replace("\r\n", "\n"),
        one_click_url=_one_click_url(headers),
    )


def linked(text: str) -> Markup:
    """Return plain text as HTML in which web addresses can be followed, in a new tab."""
    pieces: list[Markup] = []
    end = 0
    for match in URL.finditer(text):
        pieces.append(escape(text[end : match.start()]))
        pieces.append(
            Markup('<a href="{0}" target="_blank" rel="noopener">{0}</a>').format(match.group())
        )
        end = match.end()
    pieces.append(escape(text[end:]))
    return Markup().join(pieces)


def _headers(message: EmailMessage) -> Iterator[tuple[str, str]]:
    for name, raw in message.raw_items():
        try:
            value = str(message.policy.header_fetch_parse(name, raw))
        except MALFORMED:
            value = str(raw)
        yield name, " ".join(value.split())[:LONGEST_HEADER]


def _first(headers: tuple[tuple[str, str], ...], wanted: str) -> str | None:
    return next((value for name, value in headers if name.lower() == wanted), None)


def _part(message: EmailMessage, kind: str) -> str | None:
    try:
        part = message.get_body(preferencelist=(kind,))
        content = part.get_content() if part is not None else None
    except MALFORMED:
        return None
    return content if isinstance(content, str) else None


def _one_click_url(headers: tuple[tuple[str, str], ...]) -> str | None:
    """Return where a mail program's own unsubscribe button would post to (RFC 8058)."""
    if _first(headers, "list-unsubscribe-post") != "List-Unsubscribe=One-Click":
        return None
    found = UNSUBSCRIBE_URL.search(_first(headers, "list-unsubscribe") or "")
    return found.group(1) if found else None


def _preheader(html: str | None, text: str | None) -> str:
    described = _description(html) if html else ""
    begins = RULE.sub(" ", (text or "")[:1000])
    return (described or " ".join(begins.split()))[:LONGEST_PREHEADER].strip()


def _description(html: str) -> str:
    reader = _DescriptionReader()
    reader.feed(html[:20_000])
    return " ".join(reader.found.split())


class _DescriptionReader(HTMLParser):
    """Finds `<meta name="description">`, which repeats a mail's preheader."""

    def __init__(self) -> None:
        super().__init__()
        self.found = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "meta" and values.get("name") == "description" and not self.found:
            self.found = values.get("content") or ""

"""Text as the formats give it: which of it is markup, and which is text that looks like it.

Atom says so (RFC 4287, section 3.1; Atom 0.3 by `mode`). RSS does not: there only what looks like
HTML's own tags is markup. Everything is decoded once.
"""

import base64
import binascii
import re
from html import escape

from digest.newsroom.intake.reading.element_names import BLOCKS, INLINE, OTHERS
from digest.newsroom.intake.reading.elements import Element
from digest.newsroom.intake.reading.markup import html_from_unknown, plain, plain_from_unknown

TEXT_AT_MOST = 1_000

HTML_TYPES = frozenset({"html", "text/html"})
XHTML_TYPES = frozenset({"xhtml", "application/xhtml+xml"})
# The end of an element of HTML, or the beginning of one that needs none.
MARKUP = re.compile(
    rf"</(?:{'|'.join(sorted(INLINE | BLOCKS | OTHERS))})\s*+>|<(?:br|hr|img|p)\b[^<>]*+>",
    re.IGNORECASE,
)
PARAGRAPHS = re.compile(r"\n[ \t\r]*\n\s*")


def atom_plain(element: Element) -> str:
    """Return an Atom text construct as plain text, on one line."""
    kind = _kind(element)
    if kind == "text":
        return " ".join(_content(element).split())[:TEXT_AT_MOST]
    return plain(element.markup if kind == "xhtml" else _content(element), TEXT_AT_MOST)


def atom_html(element: Element) -> str:
    """Return an Atom text construct, or content, as HTML; "" where it is neither."""
    kind = _kind(element)
    if kind == "text":
        return paragraphs(_content(element))
    if kind == "xhtml":
        return element.markup
    return _content(element) if kind == "html" else ""


def rss_plain(element: Element) -> str:
    """Return what RSS gives as a title or a name as plain text, on one line."""
    text = element.text
    if "<" in text or "&" in text:
        return plain_from_unknown(text, TEXT_AT_MOST)
    return " ".join(text.split())[:TEXT_AT_MOST]


def rss_html(element: Element) -> str:
    """Return what RSS gives as a description as HTML."""
    return _mixed(element) if element.has_markup else html_from_unknown(element.text)


def rss_content(element: Element) -> str:
    """Return what RSS gives as `content:encoded`, which is HTML."""
    return _mixed(element) if element.has_markup else "".join(map(str, element.children))


def _mixed(element: Element) -> str:
    # Elements in a text of escaped markup: someone forgot to escape them, too.
    own = "".join(child for child in element.children if isinstance(child, str))
    return element.mixed_markup if MARKUP.search(own) else element.markup


def paragraphs(text: str) -> str:
    """Return plain text as HTML: a paragraph for each, and a break for each line."""
    parts = [part for part in PARAGRAPHS.split(text.strip()) if part]
    if len(parts) < 2 and "\n" not in text.strip():
        return escape("".join(parts), quote=False)
    broken = [escape(part, quote=False).replace("\n", "<br>") for part in parts]
    return "".join(f"<p>{part}</p>" for part in broken)


def _kind(element: Element) -> str:
    """Return text, html, xhtml, or "" for what is none of them."""
    kind = element.get("type").lower().partition(";")[0].strip()
    if kind in XHTML_TYPES or kind.endswith(("+xml", "/xml")):
        # Some say so, and escape it all the same.
        return "xhtml" if element.has_markup or not MARKUP.search(element.text) else "html"
    if element.has_markup:
        return "xhtml"
    if kind in HTML_TYPES:
        return "html"
    if kind in {"", "text", "plain"} or kind.startswith("text/"):
        return "text"
    return ""


def _content(element: Element) -> str:
    if element.get("mode").lower() != "base64":
        return element.text
    try:
        return base64.b64decode(element.text).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return ""

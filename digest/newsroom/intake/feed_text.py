"""A feed's bytes as text that a parser may be trusted with: decoded, bounded, without a prolog."""

import codecs
import html
import json
import re
from html.entities import html5

from digest.errors import DigestError

MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Python knows codecs that are no charsets, and some that take quadratic time.
CHARSETS = re.compile(
    r"ascii|utf-(8|16|32)(-[bl]e)?|iso8859-\d+|cp(125\d|932|949|950|936|866|437|850)|koi8-[ru]|"
    r"mac-roman|shift_jis(_2004)?|shift_jisx0213|euc_(jp|kr|jis_2004)|iso2022_(jp|kr).*|"
    r"gb(k|2312|18030)|big5(hkscs)?|tis-620"
)
DECLARED = re.compile(rb"""<\?xml\b[^>]{0,200}?\bencoding\s*=\s*["']([\w.:-]{1,40})["']""")
ROOT = re.compile(r"<(?:[\w.-]{1,40}:)?(?:rss|feed|RDF)(?=[\s>/])", re.IGNORECASE)
ROOT_WITHIN = 64_000
WEB_PAGE = re.compile(r"<(?:!doctype\s+html|html|head|body|script)\b", re.IGNORECASE)
WEB_PAGE_WITHIN = 4_000

# What XML 1.0 forbids (section 2.2); a parser would end at the first one.
FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
NAMED = re.compile(r"&([A-Za-z][A-Za-z0-9]{1,31});")
XML_NAMES = frozenset({"amp", "lt", "gt", "quot", "apos"})

# libxml2 compares each attribute of a tag with all of the others, and each namespace that is
# declared with all around it: 5 MB of them take it minutes.
LONG_TAG = re.compile(r"<[^<]{2000,}")
ATTRIBUTE = re.compile(r"""=\s*["']""")
ATTRIBUTES_AT_MOST = 1_000
NAMESPACES_AT_MOST = 5_000
# Reading dates takes longest; an archive of more entries is cut off.
ENTRY = re.compile(r"<(?:[\w.-]{1,40}:)?(?:item|entry)(?=[\s>/])[^<>]*", re.IGNORECASE)
ENTRIES_AT_MOST = 1_000

NO_FEED = "That address answers with something that is not a feed."
STRANGE = "The feed is not like any that we know, and we do not read it."


class FeedError(DigestError):
    """Not a feed that we can read, with the reason in words that may be shown to an editor."""


def feed_text(content: bytes, charset: str | None = None) -> str:
    """Return a feed from its root element on, or from its brace where it is a JSON Feed.

    `charset` is what the HTTP header says. The prolog is left out, and with it every entity that
    the feed defines: HTML's own are replaced by what they stand for.

    Raises:
        FeedError: it is empty, a web page, something else, or built to take for ever.
    """
    text = FORBIDDEN.sub("", decoded(content, charset)).lstrip()
    if not text:
        raise FeedError("The feed is empty.")
    if text.startswith("{"):
        return _bounded_json(text)
    return _bounded(_from_root(text))


def decoded(content: bytes, charset: str | None = None) -> str:
    """Return text, whatever the feed says about its charset.

    A byte order mark decides. Then what reads as UTF-8 is UTF-8: feeds say ISO-8859-1 and mean
    it, and no other text of any length reads as UTF-8 by chance. Then what the feed says, what
    the header says, and Windows-1252.
    """
    for mark, encoding in MARKS:
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding, "replace")
    if content[:4] in (b"<\x00?\x00", b"\x00<\x00?"):
        return content.decode("utf-16-le" if content[1] == 0 else "utf-16-be", "replace")
    declared = DECLARED.search(content, 0, 1000)
    said = declared[1].decode() if declared else None
    # ISO-2022 switches by escape: all of its bytes are ASCII, and read as UTF-8.
    names = [said, charset] if b"\x1b" in content else ["utf-8", said, charset]
    for name in names:
        text = _decoded_as(content, name)
        if text is not None:
            return text
    return content.decode("cp1252", "replace")


def _decoded_as(content: bytes, name: str | None) -> str | None:
    try:
        codec = codecs.lookup(name or "").name
        if codec in {"ascii", "iso8859-1"}:
            codec = "cp1252"  # as every browser does
        return content.decode(codec) if CHARSETS.fullmatch(codec) else None
    except (LookupError, ValueError):
        return None


def _from_root(text: str) -> str:
    root = ROOT.search(text, 0, ROOT_WITHIN)
    prolog = text[: root.start()] if root else text[:ROOT_WITHIN]
    if WEB_PAGE.search(prolog, 0, WEB_PAGE_WITHIN):
        raise FeedError("That address shows a web page, not a feed.")
    if "<!ENTITY" in prolog:
        raise FeedError("The feed defines entities of its own, which we do not read.")
    if root is None:
        raise FeedError(NO_FEED)
    return NAMED.sub(_character, text[root.start() :])


def _character(match: re.Match[str]) -> str:
    if match[1] in XML_NAMES:
        return match[0]
    character = html5.get(f"{match[1]};")
    return match[0] if character is None else html.escape(character)


def _bounded_json(text: str) -> str:
    try:
        feed = json.loads(text)
        feed["items"] = feed["items"][:ENTRIES_AT_MOST]
    except (ValueError, TypeError, LookupError, RecursionError):
        raise FeedError(NO_FEED) from None
    return json.dumps(feed)


def _bounded(text: str) -> str:
    for tag in LONG_TAG.finditer(text):
        if len(ATTRIBUTE.findall(tag[0])) > ATTRIBUTES_AT_MOST:
            raise FeedError(STRANGE)
    if text.count("xmlns") > NAMESPACES_AT_MOST:
        raise FeedError(STRANGE)
    for number, entry in enumerate(ENTRY.finditer(text)):
        if number == ENTRIES_AT_MOST:
            return text[: entry.start()]
    return text

"""A feed's bytes as text that a parser may be trusted with: decoded, bounded, without a prolog."""

import html
import re
from dataclasses import dataclass, field

from digest.errors import DigestError
from digest.newsroom.intake.reading.charsets import decoded
from digest.newsroom.intake.reading.lines import FORBIDDEN

ROOT = re.compile(r"<(?:[\w.-]{1,40}:)?(?:rss|feed|rdf|entry)(?=[\s>/])", re.IGNORECASE)
ROOT_WITHIN = 64_000
WEB_PAGE = re.compile(r"<(?:html|head|body|script)\b", re.IGNORECASE)
FEED_LIST = re.compile(r"<opml(?=[\s>])", re.IGNORECASE)
# Some feeds have it as well, so that it decides only where nothing else does.
HTML_DOCTYPE = re.compile(r"<!doctype\s+html\b", re.IGNORECASE)
WEB_PAGE_WITHIN = 4_000

ENTITY = re.compile(
    r"""<!ENTITY\s++(?:([A-Za-z_][\w.-]{0,62})\s++(?:"([^"]{0,2000})"|'([^']{0,2000})')\s*+>)?""",
    re.IGNORECASE,
)
ENTITIES_AT_MOST = 1_000
EXTERNAL = re.compile(r"<!ENTITY\s++[^<>]{0,200}?\b(?:SYSTEM|PUBLIC)\b")
SUBSET_ENDS = re.compile(r"\]\s*+>")
NUMBER = re.compile(r"&#(?:\d{1,8}|[xX][0-9a-fA-F]{1,7});")
REFERENCE = re.compile(r"&(?:#\w{1,8}|\w{1,32});")
UNKNOWN = re.compile(r"&[A-Za-z_][\w.-]*;")

# Each attribute of a tag costs us, and each namespace that is declared.
LONG_TAG = re.compile(r"<[^<]{2000,}")
ATTRIBUTE = re.compile(r"""=\s*["']""")
ATTRIBUTES_AT_MOST = 1_000
NAMESPACES_AT_MOST = 5_000

NO_FEED = "That address answers with something that is not a feed."
STRANGE = "The feed is not like any that we know, and we do not read it."
WEB_PAGE_SAID = "That address shows a web page, not a feed."
FEED_LIST_SAID = "That address answers with a list of feeds (OPML), not with one."
OUTSIDE = "The feed takes entities of its own from elsewhere, and we do not fetch them."
NESTED = "The feed defines entities of its own that are more than text, which we do not read."


class FeedError(DigestError):
    """Not a feed that we can read, with the reason in words that may be shown to an editor."""


@dataclass(frozen=True)
class FeedText:
    """A feed from its root element on, or from its brace where it is a JSON Feed.

    `entities` are the feed's own, as text; `oddities` are sentences for an editor.
    """

    text: str
    entities: dict[str, str] = field(default_factory=dict)
    oddities: tuple[str, ...] = ()

    @property
    def is_json(self) -> bool:
        """Tell whether it is a JSON Feed, if it is a feed at all."""
        return self.text.startswith("{")


def feed_text(content: bytes, charset: str | None = None) -> FeedText:
    """Return a feed's text. `charset` is what the HTTP header says.

    The prolog is left out, and with it the document type: entities that it defines as plain text
    are returned beside the text.

    Raises:
        FeedError: it is empty, a web page, something else, or built to take for ever.
    """
    read = decoded(content, charset)
    text = FORBIDDEN.sub("", read.text)
    oddities = [read.oddity] if read.oddity else []
    if len(text) < len(read.text):
        oddities.append("The feed has control characters in it, which we leave out.")
    text = text.lstrip("\ufeff \t\r\n")
    if not text:
        raise FeedError("The feed is empty.")
    if text.startswith("{"):
        return FeedText(text, {}, tuple(oddities))
    root, doctype = _root(text)
    entities = _entities(doctype)
    if root is None:
        raise FeedError(WEB_PAGE_SAID if HTML_DOCTYPE.match(doctype) else NO_FEED)
    _check_bounds(text[root:])
    return FeedText(text[root:], entities, tuple(oddities))


def _root(text: str) -> tuple[int | None, str]:
    """Return where the root element begins, and the document type before it (XML 1.0, 2.8)."""
    at, doctype = 0, ""
    missing: set[str] = set()
    while (at := text.find("<", at, ROOT_WITHIN)) >= 0:
        if at < WEB_PAGE_WITHIN and WEB_PAGE.match(text, at):
            raise FeedError(WEB_PAGE_SAID)
        if ROOT.match(text, at):
            return at, doctype
        if FEED_LIST.match(text, at):
            raise FeedError(FEED_LIST_SAID)
        end = at + 1
        if text.startswith("<!--", at):
            end = _after(text, "-->", at, missing)
        elif text.startswith("<?", at):
            end = _after(text, "?>", at, missing)
        elif not doctype and text[at : at + 9].upper() == "<!DOCTYPE":
            end = _doctype_end(text, at)
            doctype = text[at:end]
        at = end
    return None, doctype


def _after(text: str, end: str, at: int, missing: set[str]) -> int:
    # What is not there once is not there later: each is looked for in vain but once.
    found = -1 if end in missing else text.find(end, at, 2 * ROOT_WITHIN)
    if found < 0:
        missing.add(end)
        return at + 1
    return found + len(end)


def _doctype_end(text: str, at: int) -> int:
    closed = text.find(">", at, at + ROOT_WITHIN)
    bracket = text.find("[", at, closed)
    if closed < 0 or bracket < 0:
        return closed + 1 or at + 1
    within = SUBSET_ENDS.search(text, bracket, at + ROOT_WITHIN)
    return within.end() if within else at + ROOT_WITHIN


def _entities(doctype: str) -> dict[str, str]:
    """Return the entities that a document type defines (XML 1.0, section 4.2) as plain text."""
    found: dict[str, str] = {}
    for entity in ENTITY.finditer(doctype):
        name, *values = entity.groups()
        value = next((value for value in values if value is not None), None)
        if name is None or value is None:
            raise FeedError(OUTSIDE if EXTERNAL.match(doctype, entity.start()) else NESTED)
        if len(found) == ENTITIES_AT_MOST:
            raise FeedError(STRANGE)
        # The first definition is the one that holds.
        found.setdefault(name, _plain(value))
    return found


def _plain(value: str) -> str:
    # Numbers stand for themselves where it is defined; what that makes is read where it is used.
    defined = NUMBER.sub(lambda number: html.unescape(number[0]), value)
    text = REFERENCE.sub(lambda name: html.unescape(name[0]), defined)
    if "<" in defined or "%" in value or UNKNOWN.search(text):
        raise FeedError(NESTED)
    return FORBIDDEN.sub("", text)


def _check_bounds(text: str) -> None:
    for tag in LONG_TAG.finditer(text):
        if len(ATTRIBUTE.findall(tag[0])) > ATTRIBUTES_AT_MOST:
            raise FeedError(STRANGE)
    if text.count("xmlns") > NAMESPACES_AT_MOST:
        raise FeedError(STRANGE)

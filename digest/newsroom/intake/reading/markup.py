"""HTML from outside: to pieces, to plain text, to HTML that is safe to show.

Each function takes time in proportion to its input, however deep or broken that is. What a browser
would show stays; what only looks like a tag stays too.
"""

import html
import re
from collections.abc import Iterable, Iterator
from html.entities import html5
from itertools import islice
from typing import NamedTuple

import nh3

from digest.newsroom.intake.reading.element_names import BLOCKS, INLINE, VOID
from digest.newsroom.intake.reading.lines import one_line, shortened

# What is looked at, in characters: pictures written into a page are long, and are no text.
LOOKED_AT = 1_000_000
PIECES_AT_MOST = 20_000
# What has more pieces is HTML, whatever they are.
TAGS_OF_TEXT_AT_MOST = 2_000
# What is kept of it: a text beyond this is not one that a person wrote.
TEXT_AT_MOST = 300_000
# html5ever compares each block with all that are open around it: 30,000 of them take it seconds.
DEPTH_AT_MOST = 30

SCHEMES = {"http", "https"}
SAFE_TAGS = {"p", "br", "a", "em", "i", "strong", "b", "ul", "ol", "li", "blockquote", "h2", "h3"}
SAFE_INLINE = frozenset({"a", "em", "i", "strong", "b"})
IN_TEXT = INLINE | {"br", "img"}
# What parts the words before it from those behind it.
PARTING = BLOCKS | {"br", "hr", "title"}
# In text of an unknown kind, these are taken for blocks. `dialog`, `main`, `menu` and their like
# are words that people write about.
KNOWN_BLOCKS = frozenset(
    "blockquote center dd div dl dt figcaption figure h1 h2 h3 h4 h5 h6 hr li ol p pre table tbody"
    " td th thead tr ul".split()
)
# What stands between these tags is no text of the page's.
UNREAD = frozenset("audio button iframe noembed noframes select style script svg template".split())
UNREAD |= {"textarea", "title", "video", "noscript", "object"}
NEVER_TEXT = frozenset({"script", "style"})

# A quote counts wherever it stands in a tag, so that two attempts at most pass over any character.
PIECE = re.compile(
    r"<(?:(?P<end>/?)(?P<name>[a-zA-Z][a-zA-Z0-9:_-]*+)"
    r"""(?P<rest>(?:[\s/](?:[^<>"']++|"[^"]*+"|'[^']*+')*+|[\s/][^<>]*+)?)>"""
    r"|!--(?:-?>|.*?--!?>|.*)"
    r"|(?P<wrapped>!\[CDATA\[)"
    r"|[!?][a-zA-Z\[/][^<>]*+>)",
    re.DOTALL,
)
ATTRIBUTE = re.compile(
    r"""([^\s=/>"'<]++)(?:\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s"'<>]++)))?+""", re.DOTALL
)
ATTRIBUTES_AT_MOST = 50
REFERENCE = re.compile(r"&(#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31})(;?)")
# Python reads no number of more than 4,300 digits, and says so by an error.
LONG_NUMBER = re.compile(r"&#(\d{8,});?")
CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
SPACES = re.compile(r"\s+")
# Where a picture stands for one character, that character is what the writer wrote.
BLANK_LINE = re.compile(r"\n[ \t\r]*+\n\s*+")
EMOJI = re.compile(r"[^\x00-\x7f]{1,8}")


class Piece(NamedTuple):
    """A run of text (`name` is ""), or a tag: its name in lower case and what follows it."""

    text: str
    name: str = ""
    ends: bool = False
    rest: str = ""

    def attributes(self) -> dict[str, str]:
        """Return a tag's attributes, names in lower case, the first of a name."""
        found: dict[str, str] = {}
        for number, match in enumerate(ATTRIBUTE.finditer(self.rest)):
            if number == ATTRIBUTES_AT_MOST:
                break
            value = match[2] or match[3] or match[4] or ""
            found.setdefault(match[1].lower(), _attribute(value))
        return found


def pieces(markup: str, unread: frozenset[str] = UNREAD) -> Iterator[Piece]:
    """Give the text and the tags of HTML in their order, without what is never read.

    Comments are left out, and so is what stands within the tags named in `unread`. Text is given
    as it is written: see `decoded`.
    """
    markup = markup[:LOOKED_AT]
    lower = markup.lower() if "<" in markup else ""
    if len(lower) != len(markup):
        lower = markup  # "İ" is two characters in lower case
    last_end: dict[str, int] = {}
    at = 0
    wrapped = False
    for _ in range(PIECES_AT_MOST):
        match = PIECE.search(markup, at)
        if match is None:
            break
        if match.start() > at:
            yield _text(markup[at : match.start()], wrapped)
        at = match.end()
        ends, name, rest = match.group("end", "name", "rest")
        if not name:
            wrapped = wrapped or match["wrapped"] is not None
            continue
        name = name.lower()
        if name in unread and not ends:
            at = _after(lower, name, at, last_end, rest)
        else:
            yield Piece(match[0], name, ends == "/", rest)
    else:
        return
    if at < len(markup):
        yield _text(markup[at:], wrapped)


def _text(text: str, wrapped: bool) -> Piece:
    # What a writer wrapped twice has the inner wrapping's end in its text.
    return Piece(text.replace("]]>", "") if wrapped else text)


def _after(lower: str, name: str, at: int, last_end: dict[str, int], rest: str) -> int:
    """Return where reading goes on behind an element that is not read."""
    if name == "svg" and rest.endswith("/"):
        return at
    if name not in last_end:
        last_end[name] = lower.rfind(f"</{name}")
    if last_end[name] < at:
        # Nothing ends it: a browser would show nothing more, and we lose no text for a mistake.
        return len(lower) if name in NEVER_TEXT else at
    end = lower.find(">", lower.find(f"</{name}", at))
    return len(lower) if end < 0 else end + 1


def decoded(text: str) -> str:
    """Return text with its character references replaced, as HTML's text has them (once)."""
    if "&" not in text:
        return text
    return html.unescape(LONG_NUMBER.sub(_short_number, text))


def _short_number(match: re.Match[str]) -> str:
    digits = match[1].lstrip("0")
    return f"&#{digits};" if 0 < len(digits) < 8 else "\ufffd"


def _attribute(value: str) -> str:
    # In an attribute, "&copy=2" is no copyright sign (HTML, 13.2.5.73).
    return REFERENCE.sub(_in_attribute, value) if "&" in value else value


def _in_attribute(match: re.Match[str]) -> str:
    follows = match.string[match.end() : match.end() + 1]
    if match[1].startswith("#"):
        return html.unescape(match[0])
    if match[2]:
        return html5.get(f"{match[1]};", match[0])
    return match[0] if follows == "=" else html5.get(match[1], match[0])


def text_of(found: Iterable[Piece], at_most: int = TEXT_AT_MOST) -> str:
    """Return what a reader sees of some pieces: one line, cut off (not shortened) at `at_most`."""
    parts: list[str] = []
    size = 0
    for piece in found:
        part = SPACES.sub(" ", _shown(piece, at_most - size))
        if part and not (part == " " and parts and parts[-1][-1] == " "):
            parts.append(part)
            size += len(part)
        if size >= at_most:
            break
    return one_line("".join(parts))


def _shown(piece: Piece, at_most: int) -> str:
    if not piece.name:
        # A reference is at most 33 characters long, and white space is folded later.
        text = piece.text
        text = text if len(text) <= at_most else " ".join(text[: at_most * 34].split())
        return decoded(text)[: at_most + 1]
    if piece.name in PARTING:
        return " "
    if piece.name == "q":
        return "”" if piece.ends else "“"
    return _emoji(piece) if piece.name == "img" else ""


def _emoji(piece: Piece) -> str:
    alt = piece.attributes().get("alt", "")
    return alt if EMOJI.fullmatch(alt) and not any(map(str.isalnum, alt)) else ""


def plain(markup: str, at_most: int) -> str:
    """Return what a reader sees of HTML: one line, cut after a whole word where it is too long."""
    return shortened(text_of(pieces(markup), at_most * 2 + 100), at_most)


def plain_from_unknown(text: str, at_most: int) -> str:
    """Return what a reader sees of text that may or may not be HTML (RSS does not say)."""
    return plain(html_from_unknown(text), at_most)


def html_from_unknown(text: str) -> str:
    """Return text of an unknown kind as HTML: what is no markup in it is escaped.

    Text is HTML as a whole where it begins with a block, has one with its end, or has a tag with
    attributes. Else only pairs of inline tags and the like of `<br>` are tags, so that "the
    <dialog> element" and "Vector<int>" stay; and only a whole reference (`&amp;`) is one. Where
    there are no tags, a blank line parts paragraphs.
    """
    text = text[:LOOKED_AT]
    if "<" not in text and "&" not in text:
        return BLANK_LINE.sub("<br><br>", text)
    whole, mark, open_end = text.rpartition("-->")
    text = whole + mark + open_end.replace("<!--", "&lt;!--")
    found = list(islice(pieces(text, _ended(text)), TAGS_OF_TEXT_AT_MOST))
    if len(found) == TAGS_OF_TEXT_AT_MOST or _is_html(found, text):
        return text
    real = _real(found)
    if not real:
        return BLANK_LINE.sub("<br><br>", _escaped("".join(piece.text for piece in found)))
    parts = [
        piece.text if number in real else _escaped(piece.text) for number, piece in enumerate(found)
    ]
    return "".join(parts)


def _ended(text: str) -> frozenset[str]:
    lower = text.lower()
    return frozenset(name for name in NEVER_TEXT if f"</{name}>" in lower)


def _is_html(found: list[Piece], text: str) -> bool:
    begun: set[str] = set()
    first = next((piece for piece in found if piece.text.strip()), Piece(""))
    if first.name in KNOWN_BLOCKS and not first.ends:
        # "<p> is a paragraph" is a sentence about one.
        behind = text.partition(first.text)[2][:1]
        if behind and not behind.isspace():
            return True
    for piece in found:
        if not piece.name or piece.name not in KNOWN_BLOCKS | IN_TEXT:
            continue
        if any(match[2] or match[3] for match in ATTRIBUTE.finditer(piece.rest)):
            return True
        if piece.name in KNOWN_BLOCKS:
            if piece.ends and piece.name in begun:
                return True
            begun.add(piece.name)
    return False


def _real(found: list[Piece]) -> set[int]:
    """Return which pieces are tags: those of nothing within, and those that have their other."""
    real: set[int] = set()
    waiting: dict[str, list[int]] = {}
    for number, piece in enumerate(found):
        if piece.name in VOID & (IN_TEXT | KNOWN_BLOCKS):
            real.add(number)
        elif piece.name in IN_TEXT and not piece.ends:
            waiting.setdefault(piece.name, []).append(number)
        elif piece.name in IN_TEXT and waiting.get(piece.name):
            real |= {number, waiting[piece.name].pop()}
    return real


def _escaped(text: str) -> str:
    parts: list[str] = []
    at = 0
    for match in REFERENCE.finditer(text):
        known = match[1].startswith("#") or f"{match[1]};" in html5
        if match[2] and known:
            parts += (html.escape(text[at : match.start()], quote=False), match[0])
            at = match.end()
    return "".join((*parts, html.escape(text[at:], quote=False)))


def safe_html(markup: str) -> str:
    """Return HTML of a few plain tags, whose links can only be http and https.

    The sanitiser is nh3; what it is given is flat and bounded before.
    """
    # PostgreSQL cannot hold a NUL, and half a surrogate pair cannot be stored.
    markup = CONTROLS.sub("", markup[:LOOKED_AT]).encode("utf-8", "ignore").decode()
    return nh3.clean(
        _flattened(markup), tags=SAFE_TAGS, attributes={"a": {"href"}}, url_schemes=SCHEMES
    ).strip()


def _flattened(markup: str) -> str:
    parts: list[str] = []
    size = 0
    open_tags: list[str] = []
    for piece in pieces(markup):
        part = _kept(piece, open_tags)
        size += len(part)
        if size > TEXT_AT_MOST:
            # A tag goes as a whole, and what it opened with it.
            parts.append("" if piece.name else part[: TEXT_AT_MOST - size])
            break
        parts.append(part)
    return "".join((*parts, *(f"</{name}>" for name in reversed(open_tags))))


def _kept(piece: Piece, open_tags: list[str]) -> str:
    name = piece.name
    if not name:
        return html.escape(decoded(piece.text), quote=False)
    if name not in SAFE_TAGS:
        shown = _shown(piece, 100)
        return html.escape(shown) if shown != " " else "\n"
    if name == "br":
        return "<br>"
    if piece.ends:
        return _closing(name, open_tags)
    before = _implied(name, open_tags)
    if len(open_tags) >= DEPTH_AT_MOST:
        return before or " "
    open_tags.append(name)
    href = piece.attributes().get("href", "")[:2000] if name == "a" else ""
    return f'{before}<{name} href="{html.escape(href)}">' if href else f"{before}<{name}>"


def _implied(name: str, open_tags: list[str]) -> str:
    """Return the ends that a tag brings about: a block's that of a paragraph, an item's."""
    if name == "a":
        return _closing("a", open_tags)
    if name == "li":
        lists = [at for at, tag in enumerate(open_tags) if tag in {"ul", "ol"}]
        within = open_tags[lists[-1] if lists else 0 :]
        return _closing("li", open_tags) if "li" in within else ""
    if name in SAFE_INLINE:
        return ""
    innermost = next((tag for tag in reversed(open_tags) if tag not in SAFE_INLINE), "")
    return _closing("p", open_tags) if innermost == "p" else ""


def _closing(name: str, open_tags: list[str]) -> str:
    """Return the ends of what is open, down to the innermost `name`."""
    if name not in open_tags:
        return ""
    closed: list[str] = []
    while True:
        closed.append(open_tags.pop())
        if closed[-1] == name:
            return "".join(f"</{tag}>" for tag in closed)

"""Where in a page of HTML a slot stands, found by tokenising the page rather than by guessing.

Every slot is replaced by a probe: an escaped string of the characters that could end a text or an
attribute. A slot is well placed when its probe comes back whole, as character data or as the value
of an attribute; in an unquoted attribute, a tag, a comment or a script it does not.
"""

import html
import re
import secrets
from collections.abc import Sequence
from enum import StrEnum
from html.parser import HTMLParser
from typing import Final

from digest.delivery.rendering.slots import Kind, MisplacedSlotError, Slot


class Place(StrEnum):
    """How a value is written where it stands."""

    MARKUP = "markup"
    """Character data or a quoted attribute: escaping with quotes is right for both."""
    URL_PART = "url-part"
    """Inside a URL in an attribute: percent-encoded as a component (RFC 3986 2.1)."""


# Lists of what is known to be harmless: style, srcset, on* and whatever comes next stay out.
_URL_ATTRIBUTES: Final = frozenset({("a", "href"), ("area", "href"), ("img", "src")})
_TEXT_ATTRIBUTES: Final = frozenset({"alt", "title", "aria-label", "summary"})
_CLOSED_ELEMENTS: Final = frozenset(
    {"iframe", "math", "noembed", "noframes", "noscript", "object", "plaintext", "script"}
    | {"style", "svg", "template", "textarea", "xmp"}
)
# A value may follow only what has already settled the scheme and the whole authority.
_SETTLED_URL: Final = re.compile(r"\s*(?:https?://[^/?#\s]+[/?#]|mailto:)", re.IGNORECASE)


def find_places(statics: Sequence[str], slots: Sequence[Slot]) -> list[Place]:
    """The place of each slot in the page `statics[0] slots[0] statics[1] …`.

    Raises MisplacedSlotError for a slot in a script, style, comment, tag or unquoted attribute,
    in an attribute that is not known to be safe, in the scheme or host of a URL, and for a slot
    that is not of kind URL where a URL begins.
    """
    finder = _Finder(slots)
    page = [statics[0]]
    for index, static in enumerate(statics[1:]):
        page += [html.escape(finder.probe(index)), static]
    finder.read("".join(page))
    return [finder.place(index) for index in range(len(slots))]


class _Finder(HTMLParser):
    def __init__(self, slots: Sequence[Slot]) -> None:
        super().__init__(convert_charrefs=True)
        self._slots = slots
        nonce = secrets.token_hex(8)
        self._mark = f"q{nonce}n{{}}z"
        self._marks = re.compile(f"q{nonce}n([0-9]+)z")
        self._places: dict[int, Place] = {}
        self._closed: list[str] = []

    def probe(self, index: int) -> str:
        mark = self._mark.format(index)
        return f"{mark}<>\"' =&{mark}"

    def read(self, page: str) -> None:
        self.feed(page)
        # What the tokeniser still holds back, and would call text when it is closed.
        if "<" in self.rawdata or self._closed:
            raise MisplacedSlotError(
                "the HTML ends inside a tag, a comment or an element whose content is not shown"
            )
        self.close()

    def place(self, index: int) -> Place:
        if index not in self._places:
            raise self._misplaced(index, "a tag, an unquoted attribute, a comment or a script")
        return self._places[index]

    def _misplaced(self, index: int, where: str) -> MisplacedSlotError:
        return MisplacedSlotError(
            f"slot {self._slots[index].name!r} cannot stand in {where} of the HTML"
        )

    def _whole(self, found: str) -> list[int]:
        indexes = sorted({int(match[1]) for match in self._marks.finditer(found)})
        return [index for index in indexes if self.probe(index) in found]

    def handle_data(self, data: str) -> None:
        for index in self._whole(data):
            if self._closed:
                raise self._misplaced(index, f"<{self._closed[-1]}>")
            self._places[index] = Place.MARKUP

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            for index in self._whole(value or ""):
                self._places[index] = self._in_attribute(index, tag, name, value or "")
        if tag in _CLOSED_ELEMENTS:
            self._closed.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._closed:
            del self._closed[self._closed.index(tag) :]

    def _in_attribute(self, index: int, tag: str, name: str, value: str) -> Place:
        if self._closed:
            raise self._misplaced(index, f"<{self._closed[-1]}>")
        if (tag, name) not in _URL_ATTRIBUTES:
            if name in _TEXT_ATTRIBUTES:
                return Place.MARKUP
            raise self._misplaced(index, f"the attribute {name!r} of <{tag}>")
        before = value.partition(self.probe(index))[0]
        if not before.strip():
            if self._slots[index].kind is not Kind.URL:
                raise self._misplaced(index, f"{name!r}, where its URL begins, unless it is a URL")
            return Place.MARKUP
        # What begins with a slot begins with a URL, or it would have been refused just now; but
        # that URL may end in its host.
        begun = self._marks.match(before.lstrip()) and re.search("[/?#]", before)
        if not begun and not _SETTLED_URL.match(before):
            raise self._misplaced(index, f"{name!r} before its scheme and host are complete")
        return Place.URL_PART

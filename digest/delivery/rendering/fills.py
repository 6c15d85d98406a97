"""The encoded values of a stencil: what each is made of, and how it is written."""

import html
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Final

from digest.delivery.rendering.encoding import phrase_and_angle, quoted_line, unstructured
from digest.delivery.rendering.slots import clean_text


class How(StrEnum):
    """How a fill is written. A stored stencil holds these words: add, never rename."""

    TOKEN = "token"  # noqa: S105 - a slot's value as it is, in a structured header
    UNSTRUCTURED = "unstructured"
    MAILBOX = "mailbox"
    PLAIN = "plain"
    MARKUP = "markup"
    URL_PART = "url-part"


@dataclass(frozen=True, slots=True)
class Fill:
    """One encoded value; several places of a message may use it.

    `words` is the name of a slot; or, for a whole header field, the field's name, for MAILBOX the
    slot inside the brackets, and then the text, of which every second word names a slot.
    """

    how: How
    words: tuple[str, ...]

    @property
    def header(self) -> str | None:
        return self.words[0] if self.how in (How.UNSTRUCTURED, How.MAILBOX) else None

    @property
    def slots(self) -> tuple[str, ...]:
        if self.how is How.UNSTRUCTURED:
            return self.words[2::2]
        if self.how is How.MAILBOX:
            return (self.words[1], *self.words[3::2])
        return self.words

    def is_whole(self) -> bool:
        """Whether there are as many words as this way of writing needs."""
        count = len(self.words)
        if self.how is How.UNSTRUCTURED:
            return count >= 4 and count % 2 == 0
        if self.how is How.MAILBOX:
            return count >= 3 and count % 2 == 1
        return count == 1


Encoder = Callable[[Mapping[str, str]], bytes]
"""Takes a message's checked values. What it makes ends in no line break."""

LINES: Final[Mapping[How, Callable[[str], str]]] = {
    How.PLAIN: str,
    How.MARKUP: html.escape,
    # "@" is lawful in a path, a query and a mailto, and some mail programs show "%40".
    How.URL_PART: partial(urllib.parse.quote, safe="@"),
}
"""How a value is spelt that has lines of its own in a body, before it is quoted-printable."""


def encoder(fill: Fill) -> Encoder:
    """What makes the bytes of a fill that stands in a header."""
    name = fill.words[0]
    if fill.how is How.TOKEN:
        # Of an address alone there may be more than ASCII in it (RFC 6532 3.2).
        return lambda values: values[name].encode()
    if fill.how is How.UNSTRUCTURED:
        text = fill.words[1:]
        return lambda values: unstructured(name, clean_text(_written(text, values)))
    inside, phrase = fill.words[1], fill.words[2:]
    if len(phrase) == 3 and phrase[0] == phrase[2] == "":
        # The usual phrase, one slot and no more, was cleaned when it was checked.
        only = phrase[1]
        return lambda values: phrase_and_angle(name, values[only], values[inside])
    return lambda values: phrase_and_angle(
        name, clean_text(_written(phrase, values)), values[inside]
    )


class Writer:
    """Writes the fills of a stencil: of a header each by itself, of the bodies a slot at a time."""

    def __init__(self, fills: Sequence[Fill]) -> None:
        self._count = len(fills)
        self._encoders = tuple(
            (place, encoder(fill)) for place, fill in enumerate(fills) if fill.how not in LINES
        )
        lines: dict[str, list[tuple[int, Callable[[str], str]]]] = {}
        for place, fill in enumerate(fills):
            if fill.how in LINES:
                lines.setdefault(fill.words[0], []).append((place, LINES[fill.how]))
        self._lines = tuple((slot, tuple(places)) for slot, places in lines.items())

    def write(self, values: Mapping[str, str]) -> list[bytes]:
        """Return the bytes of each fill, for a message's checked values."""
        written = [b""] * self._count
        for place, encode in self._encoders:
            written[place] = encode(values)
        for slot, places in self._lines:
            value = values[slot]
            line = quoted_line(value)
            for place, spell in places:
                # Most values need no escaping, and so are the same in the text as in the HTML.
                spelt = spell(value)
                written[place] = line if spelt == value else quoted_line(spelt)
        return written


def _written(text: Sequence[str], values: Mapping[str, str]) -> str:
    return "".join([values[word] if index % 2 else word for index, word in enumerate(text)])

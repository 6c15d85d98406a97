"""The encoded values of a stencil: what each is made of, and how it is written."""

import html
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

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


Encoder = Callable[[Mapping[str, str], dict[str, bytes]], bytes]
"""Takes a message's checked values, and the lines that were encoded for this message so far."""


def encoder(fill: Fill) -> Encoder:
    """What makes the bytes of this fill. They end in no line break."""
    name = fill.words[0]
    match fill.how:
        case How.TOKEN:
            # Of an address alone there may be more than ASCII in it (RFC 6532 3.2).
            return lambda values, _: values[name].encode()
        case How.PLAIN:
            return lambda values, lines: _line(values[name], lines)
        case How.MARKUP:
            return lambda values, lines: _line(html.escape(values[name]), lines)
        case How.URL_PART:
            # "@" is lawful in a path, a query and a mailto, and some mail programs show "%40".
            return lambda values, lines: _line(urllib.parse.quote(values[name], safe="@"), lines)
        case How.UNSTRUCTURED:
            text = fill.words[1:]
            return lambda values, _: unstructured(name, clean_text(_written(text, values)))
        case How.MAILBOX:
            inside, phrase = fill.words[1], fill.words[2:]
            if len(phrase) == 3 and phrase[0] == phrase[2] == "":
                # The usual phrase, one slot and no more, was cleaned when it was checked.
                only = phrase[1]
                return lambda values, _: phrase_and_angle(name, values[only], values[inside])
            return lambda values, _: phrase_and_angle(
                name, clean_text(_written(phrase, values)), values[inside]
            )


def _line(text: str, lines: dict[str, bytes]) -> bytes:
    # Most values need no escaping, and so are the same line in the text as in the HTML.
    line = lines.get(text)
    if line is None:
        line = lines[text] = quoted_line(text)
    return line


def _written(text: Sequence[str], values: Mapping[str, str]) -> str:
    return "".join([values[word] if index % 2 else word for index, word in enumerate(text)])

"""What is new, and what is gone, between two texts: word by word, as a person reads it."""

import enum
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

# Comparing takes time by the product of two lengths: beyond it a passage is shown as new in whole.
PAIRS_AT_MOST = 4_000_000


class Kind(enum.StrEnum):
    """What became of some words."""

    SAME = "same"
    GONE = "gone"
    NEW = "new"


@dataclass(frozen=True)
class Piece:
    """Some words, and what became of them."""

    kind: Kind
    text: str


@dataclass(frozen=True)
class Passage:
    """Lines that belong together. One without a change is `unchanged`."""

    pieces: tuple[Piece, ...]
    lines: int

    @property
    def unchanged(self) -> bool:
        return all(piece.kind is Kind.SAME for piece in self.pieces)


def changed_words(before: str, after: str) -> list[Passage]:
    """Return both texts as one: the passages in order, with what is gone before what is new."""
    old, new = before.splitlines(), after.splitlines()
    return [_passage(kind, old[a:b], new[c:d]) for kind, a, b, c, d in _steps(old, new)]


Step = tuple[str, int, int, int, int]


def _steps(old: Sequence[str], new: Sequence[str]) -> Iterator[Step]:
    """Yield difflib's steps; where comparing would take too long, all but the ends is one."""
    head = _common(old, new)
    tail = _common(old[head:][::-1], new[head:][::-1])
    old_end, new_end = len(old) - tail, len(new) - tail
    if head:
        yield "equal", 0, head, 0, head
    if (old_end - head) * (new_end - head) > PAIRS_AT_MOST:
        yield "replace", head, old_end, head, new_end
    else:
        matcher = SequenceMatcher(None, old[head:old_end], new[head:new_end], autojunk=False)
        for kind, a, b, c, d in matcher.get_opcodes():
            yield kind, head + a, head + b, head + c, head + d
    if tail:
        yield "equal", old_end, len(old), new_end, len(new)


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    pairs = zip(one, other, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _passage(kind: str, old: Sequence[str], new: Sequence[str]) -> Passage:
    if kind == "equal":
        return Passage((Piece(Kind.SAME, "\n".join(new)),), len(new))
    pieces = tuple(_pieces(_words(old), _words(new)))
    return Passage(pieces, len(new))


def _words(lines: Sequence[str]) -> list[str]:
    """Return words and line breaks."""
    return re.findall(r"\n|[^\s]+", "\n".join(lines))


def _pieces(old: list[str], new: list[str]) -> Iterator[Piece]:
    for kind, a, b, c, d in _steps(old, new):
        if kind == "equal":
            yield Piece(Kind.SAME, _written(new[c:d]))
            continue
        if a < b:
            yield Piece(Kind.GONE, _written(old[a:b]))
        if c < d:
            yield Piece(Kind.NEW, _written(new[c:d]))


def _written(words: list[str]) -> str:
    return re.sub(r" ?\n ?", "\n", " ".join(words))

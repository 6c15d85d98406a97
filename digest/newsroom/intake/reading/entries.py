"""Entries: what any feed says of one article, before we decide what of it to believe."""

from dataclasses import dataclass, field

from digest.newsroom.intake.reading.picture_candidates import Declared
from digest.newsroom.intake.reading.sections import Category


@dataclass(frozen=True)
class Entry:
    """An entry of a feed. Each sequence has what is likeliest first.

    `title` is plain text; `summary` and `content` are HTML. Addresses are absolute. `authors` are
    groups, of which the first that names anybody counts. `may_be_whole`: the summary is as long as
    the piece itself, which may stand in its place.
    """

    title: str = ""
    links: tuple[str, ...] = ()
    guid: str = ""
    summary: str = ""
    content: str = ""
    base: str = ""
    authors: tuple[tuple[str, ...], ...] = ()
    categories: tuple[Category, ...] = ()
    dates: tuple[str, ...] = ()
    declared: tuple[Declared, ...] = ()
    may_be_whole: bool = False


@dataclass(frozen=True)
class Read:
    """A feed as it was read. `dropped` entries were none at all; `oddities` are sentences."""

    kind: str
    title: str
    entries: tuple[Entry, ...]
    dropped: int = 0
    oddities: tuple[str, ...] = field(default=())

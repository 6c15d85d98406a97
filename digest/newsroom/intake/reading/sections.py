"""Stand-in: helper "fields" has the real one."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Category:
    text: str
    kind: str = ""


def section_and_topics(categories: Sequence[Category]) -> tuple[str | None, tuple[str, ...]]:
    names = [category.text for category in categories if category.text]
    return (names[0] if names else None), tuple(names[1:])

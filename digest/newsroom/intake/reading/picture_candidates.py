"""Stand-in: helper "fields" has the real one."""

from collections.abc import Sequence
from dataclasses import dataclass

from digest.newsroom.intake.articles import GivenPicture


@dataclass(frozen=True)
class Declared:
    url: str
    origin: str
    alt: str = ""
    kind: str = ""
    width: int | None = None
    height: int | None = None


def candidates(declared: Sequence[Declared], content: str, base: str) -> tuple[GivenPicture, ...]:
    return tuple(GivenPicture(picture.url, picture.alt) for picture in declared)

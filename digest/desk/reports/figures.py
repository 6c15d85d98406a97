"""Figures: a finding in words, and the numbers that it is found in."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from digest import prose
from digest.spreadsheet import csv_cell, csv_line

FEWER = "fewer than five"


@dataclass(frozen=True)
class Point:
    """A place on a line. `label` is its name in the table, `short` the one below the line."""

    at: datetime
    label: str
    short: str
    number: int


@dataclass(frozen=True)
class Bar:
    """`number` is None where it is fewer than five. `none`: what is missing, or was not given."""

    label: str
    number: int | None
    none: bool = False

    @property
    def said(self) -> str:
        """The number as it is shown."""
        return FEWER if self.number is None else f"{self.number:,}"


@dataclass(frozen=True)
class Mark:
    """Words about one point of a line, which is at `place` among its points."""

    place: int
    words: str


@dataclass(frozen=True)
class Figure:
    """A line of `points` or a list of `bars`; neither, where there is nothing to show yet.

    `key` names it in addresses and commands. `title` is the finding, `subtitle` says what is shown
    and of whom, `columns` stand above the numbers. `from_zero`: where the line's axis begins.
    `mark` stands on the line; `note`: a sentence on what is not in it.
    """

    key: str
    title: str
    subtitle: str
    columns: tuple[str, str]
    points: tuple[Point, ...] = ()
    bars: tuple[Bar, ...] = ()
    from_zero: bool = False
    mark: Mark | None = None
    note: str = ""

    @property
    def rows(self) -> list[tuple[str, str]]:
        """What the table shows."""
        points = [(each.label, f"{each.number:,}") for each in self.points]
        return points or [(each.label, each.said) for each in self.bars]

    @property
    def sentence(self) -> str:
        """What the picture shows, for those who do not see it."""
        if self.points:
            first, last = self.points[0], self.points[-1]
            line = (
                f"{self.title}. A line from {first.number:,} ({first.label}) to {last.number:,} "
                f"({last.label})."
            )
            where = self.points[self.mark.place].label if self.mark else ""
            return f"{line} {self.mark.words}, before {where}." if self.mark else line
        bars = "; ".join(f"{each.label}: {each.said}" for each in self.bars[:12])
        return f"{self.title}. {bars}."


@dataclass(frozen=True)
class Number:
    """One of the few numbers above a report, and what it is a number of."""

    value: int
    words: str


def csv_lines(figure: Figure) -> Iterator[str]:
    """Yield a figure as CSV (RFC 4180), line by line, safe to open in a spreadsheet."""
    yield csv_line(figure.columns)
    for point in figure.points:
        yield csv_line([csv_cell(point.label), str(point.number)])
    for bar in figure.bars:
        yield csv_line([csv_cell(bar.label), FEWER if bar.number is None else str(bar.number)])


def summary_lines(numbers: Sequence[Number]) -> Iterator[str]:
    """Yield the numbers above a report as CSV."""
    yield csv_line(("What", "Readers"))
    for each in numbers:
        yield csv_line([csv_cell(each.words), str(each.value)])


def in_ten(part: int, whole: int) -> str:
    """Return "nine in ten", "all", "nearly all", "half", "fewer than one in ten", "none"."""
    tenths = round(part * 10 / whole)
    if part in {0, whole}:
        return "all" if part else "none"
    if tenths in {0, 5, 10}:
        return {0: "fewer than one in ten", 5: "half", 10: "nearly all"}[tenths]
    return f"{prose.number_in_words(tenths)} in ten"

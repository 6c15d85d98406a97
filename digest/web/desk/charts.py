"""Figures drawn as SVG at true pixel size (LOOK.md 12): one series, no legend, text never scaled.

What differs with the colour scheme stands in `reports.css`, by class: nothing here has a colour.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from markupsafe import Markup

from digest import prose
from digest.desk.reports.figures import Bar, Figure, Mark, Point

# On a wide page, beside another, and on a phone of 320 px.
WIDE, BESIDE, NARROW = 640, 368, 288
HEIGHT = 216
GRIDLINES = 4
# Room at the right for the axis, below for times, and at the ends for a line's width and dot.
GUTTER, FOOT, EDGE = 56, 32, 10
LABELS_APART = 76
# A letter of a sans of 15 px, on average; a label that does not fit is cut.
LETTER = 7.4
# A mark's words stand so far from their leader, which is at least so long.
GAP, LEADER = 6, 40
BAR, PITCH, STACKED_PITCH = 18, 38, 54
SHORTEST_LABELS, LONGEST_LABELS, VALUES = 150, 320, 56


@dataclass(frozen=True)
class Axis:
    """Where gridlines lie: `low`, and so on by `step`, to `high`."""

    low: int
    high: int
    step: int

    @property
    def ticks(self) -> range:
        return range(self.low, self.high + 1, self.step)

    def share(self, number: int) -> float:
        """How far up a number lies, from 0 to 1."""
        return (number - self.low) / (self.high - self.low)


def axis_for(numbers: Sequence[int], *, from_zero: bool) -> Axis:
    """Choose an axis of round numbers with at most four gridlines that holds all of them."""
    top, bottom = max(numbers), 0 if from_zero else min(numbers)
    if bottom == top:
        bottom, top = 0, max(top, 1)
    for step in _round_steps():
        low = bottom // step * step
        high = -(-top // step) * step
        if (high - low) // step < GRIDLINES:
            return Axis(low, high, step)
    raise AssertionError("steps never end")


def _round_steps() -> Iterator[int]:
    power = 1
    while True:
        for factor in (1, 2, 5):
            yield factor * power
        power *= 10


def draw(figure: Figure, width: int) -> Markup:
    """Draw a figure that has something to show."""
    if figure.points:
        height, inside = HEIGHT, _line(figure, width)
    else:
        height, inside = _bars(figure.bars, width)
    return Markup(  # noqa: S704 - every text in it is escaped
        f'<svg class="chart" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'role="img" aria-label="{escape(figure.sentence)}">{inside}</svg>'
    )


def _line(figure: Figure, width: int) -> str:
    axis = axis_for([point.number for point in figure.points], from_zero=figure.from_zero)
    right, top, foot = width - GUTTER, EDGE, HEIGHT - FOOT
    places = _places(figure.points, EDGE, right - EDGE / 2)

    def height_of(number: int) -> float:
        return round(foot - axis.share(number) * (foot - top), 1)

    grid = "".join(
        f'<line class="grid" x1="0" x2="{right}" y1="{height_of(tick)}" y2="{height_of(tick)}"/>'
        f'<text x="{right + 8}" y="{height_of(tick) + 4}">{tick:,}</text>'
        for tick in axis.ticks
    )
    spots = [(x, height_of(point.number)) for x, point in zip(places, figure.points, strict=True)]
    mark = _mark(figure.mark, spots[figure.mark.place], right) if figure.mark else ""
    path = " ".join(f"{x},{y}" for x, y in spots)
    end_x, end_y = spots[-1]
    return (
        f'{grid}{mark}<polyline class="series" points="{path}"/>'
        f'<circle class="end" cx="{end_x}" cy="{end_y}" r="5"/>'
        f"{_times(figure.points, places, right)}"
    )


def _mark(mark: Mark, spot: tuple[float, float], right: float) -> str:
    """Write words above or below the line, with a leader to their place on it."""
    x, y = spot
    length = len(mark.words) * LETTER
    if x >= length + GAP:
        words_at, anchor = x - GAP, "end"
    elif x + GAP + length <= right:
        words_at, anchor = x + GAP, "start"
    else:
        return ""
    above = y >= EDGE + LEADER
    begin, end, line = (EDGE + 6, y - 8, EDGE + 18) if above else (y + 8, y + LEADER, y + LEADER)
    return (
        f'<line class="leader" x1="{x}" x2="{x}" y1="{begin}" y2="{end}"/>'
        f'<text x="{words_at}" y="{line}" text-anchor="{anchor}">{escape(mark.words)}</text>'
    )


def _places(points: Sequence[Point], left: float, right: float) -> list[float]:
    first, last = points[0].at, points[-1].at
    lasted = (last - first).total_seconds()
    if not lasted:
        return [right for _ in points]
    return [
        round(left + (point.at - first).total_seconds() / lasted * (right - left), 1)
        for point in points
    ]


def _times(points: Sequence[Point], places: Sequence[float], right: float) -> str:
    """Name some of the places below the line, as far apart as their names need."""
    named: list[tuple[float, str]] = []
    for x, point in zip(places, points, strict=True):
        is_new = not named or (x - named[-1][0] >= LABELS_APART and point.short != named[-1][1])
        # What stands at the very end would be cut, or stand on the axis.
        if is_new and x <= right - LABELS_APART / 2:
            named.append((x, point.short))
    # The first stands flush with the page's text, the others below their place.
    middle = ' text-anchor="middle"'
    return "".join(
        f'<text x="{x if place else 0}" y="{HEIGHT - 6}"{middle if place else ""}>'
        f"{escape(words)}</text>"
        for place, (x, words) in enumerate(named)
    )


def _bars(bars: Sequence[Bar], width: int) -> tuple[int, str]:
    most = max((bar.number or 0 for bar in bars), default=0) or 1
    longest = max(len(bar.label) for bar in bars) * LETTER
    stacked = width == NARROW or longest > LONGEST_LABELS
    values = max([VALUES, *(len(bar.said) * LETTER for bar in bars)])
    left = 0.0 if stacked else max(SHORTEST_LABELS, longest + 8)
    room = width - left - values
    fits = int(width / LETTER)
    pitch = STACKED_PITCH if stacked else PITCH
    drawn = "".join(
        _bar(bar, number * pitch, left, room * (bar.number or 0) / most, width, fits, stacked)
        for number, bar in enumerate(bars)
    )
    return len(bars) * pitch, drawn


def _bar(
    bar: Bar, top: float, left: float, length: float, width: int, fits: int, stacked: bool
) -> str:
    # Centred on its line, or below its label.
    y = top + 26 if stacked else top + 10
    label = escape(prose.cut(bar.label, fits))
    kind = "none" if bar.none else "bar"
    # What is not nothing shows.
    length = max(length, 2.0) if bar.number else 0.0
    return (
        f'<text class="of" x="0" y="{top + 16 if stacked else y + 14}">{label}</text>'
        f'<rect class="{kind}" x="{left}" y="{y}" width="{round(length, 1)}" height="{BAR}"/>'
        f'<text class="of" x="{width}" y="{y + 14}" text-anchor="end">{bar.said}</text>'
    )

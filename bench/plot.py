"""The figures as one picture: bars in SVG, which follows the reader's light or dark."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment

from bench.results import Result

TEMPLATE = Path(__file__).with_name("bench.svg.jinja")
WIDTH, LABELS, NUMBERS = 720, 250, 110
BAR, TITLE, GAP = 26, 34, 18


@dataclass(frozen=True)
class Bar:
    """One figure; `ours` is drawn in the accent colour."""

    label: str
    number: str
    length: float
    y: float
    ours: bool


@dataclass(frozen=True)
class Panel:
    """A benchmark's bars, as long as its own greatest figure asks for."""

    title: str
    unit: str
    y: float
    bars: tuple[Bar, ...]


def draw(results: Sequence[Result]) -> str:
    """Return the SVG of all figures that are meant for it."""
    panels: list[Panel] = []
    y = float(GAP)
    for result in results:
        drawn = [figure for figure in result.figures if figure.drawn]
        if not drawn:
            continue
        most = max(figure.value for figure in drawn) or 1
        room = WIDTH - LABELS - NUMBERS
        bars = tuple(
            Bar(
                figure.what,
                f"{figure.value:,.0f}",
                round(figure.value / most * room, 1),
                y + TITLE + place * BAR,
                ours=place == 0 or result.name not in BESIDE_OTHERS,
            )
            for place, figure in enumerate(drawn)
        )
        panels.append(Panel(result.title, drawn[0].unit, y, bars))
        y += TITLE + len(bars) * BAR + GAP
    # Titles come from here, and are escaped all the same.
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(TEMPLATE.read_text())
    return template.render(
        panels=panels, width=WIDTH, height=round(y), labels=LABELS, bar=BAR, title=TITLE
    )


# Where the first bar is ours, and the others are what stands beside it.
BESIDE_OTHERS = ("send", "relay", "signups")

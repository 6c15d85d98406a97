"""Flat shapes on a canvas, drawn large and then reduced, so that every edge is smooth.

A picture is 480 units high at any size, and x is counted from its middle: a wider picture shows
more at its sides, and what lies within 320 of the middle is in the 4:3 picture too.
"""

import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

NAVY, GREEN, YELLOW, RED = "#10243A", "#006B5E", "#F2B731", "#D9503C"
PALE, BLUE, SAND, SKIN = "#EDF2EE", "#A9CFD0", "#E3D6B8", "#A06548"

HEIGHT = 480.0
OVERSAMPLING = 3

Point = tuple[float, float]


class Easel:
    """A picture being drawn, `width` × `height` pixels when it is finished."""

    def __init__(self, width: int, height: int, ground: str) -> None:
        self.scale = height * OVERSAMPLING / HEIGHT
        self.half = width / height * HEIGHT / 2
        self._image = Image.new("RGB", (width * OVERSAMPLING, height * OVERSAMPLING), ground)
        self._draw = ImageDraw.Draw(self._image)

    def box(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        """A rectangle by its top left corner and its size."""
        left, top = self._pixel((x, y))
        right, bottom = self._pixel((x + width, y + height))
        # Pillow counts the last row and column in.
        self._draw.rectangle((left, top, max(left, right - 1), max(top, bottom - 1)), colour)

    def band(self, y: float, height: float, colour: str) -> None:
        """A rectangle from edge to edge."""
        self.box(-self.half, y, 2 * self.half, height, colour)

    def shape(self, points: Sequence[Point], colour: str) -> None:
        """A polygon."""
        self._draw.polygon([self._pixel(point) for point in points], colour)

    def disc(self, x: float, y: float, radius: float, colour: str) -> None:
        """A circle by its middle."""
        self.oval(x, y, radius, radius, colour)

    def oval(self, x: float, y: float, across: float, down: float, colour: str) -> None:
        """An ellipse by its middle and its two radii."""
        left, top = self._pixel((x - across, y - down))
        right, bottom = self._pixel((x + across, y + down))
        self._draw.ellipse((left, top, right - 1, bottom - 1), colour)

    def segment(
        self, x: float, y: float, radius: float, start: float, end: float, colour: str
    ) -> None:
        """A circle cut off along a chord; degrees run clockwise from three o'clock."""
        left, top = self._pixel((x - radius, y - radius))
        right, bottom = self._pixel((x + radius, y + radius))
        self._draw.chord((left, top, right - 1, bottom - 1), start, end, colour)

    def bar(self, start: Point, end: Point, thickness: float, colour: str) -> None:
        """A straight line with square ends."""
        length = math.hypot(end[0] - start[0], end[1] - start[1])
        across = (end[1] - start[1]) / length * thickness / 2
        down = (end[0] - start[0]) / length * thickness / 2
        self.shape(
            [
                (start[0] - across, start[1] + down),
                (end[0] - across, end[1] + down),
                (end[0] + across, end[1] - down),
                (start[0] + across, start[1] - down),
            ],
            colour,
        )

    def arch(self, x: float, foot: float, width: float, height: float, colour: str) -> None:
        """A doorway with a round head, by the middle of its foot; `height` includes the head."""
        radius = width / 2
        self.disc(x, foot - height + radius, radius, colour)
        self.box(x - radius, foot - height + radius, width, height - radius, colour)

    def picture(self) -> Image.Image:
        """The picture at its own size."""
        return self._image.reduce(OVERSAMPLING)

    def _pixel(self, point: Point) -> tuple[int, int]:
        return (
            math.floor((point[0] + self.half) * self.scale + 0.5),
            math.floor(point[1] * self.scale + 0.5),
        )


@dataclass(frozen=True)
class Scene:
    """A picture of a story: its ground, what is seen in it, and how it is painted."""

    ground: str
    alt: str
    paint: Callable[[Easel], None]


def png(picture: Image.Image) -> bytes:
    """The same bytes each time: no date, no name, no profile."""
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()

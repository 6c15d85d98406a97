"""One accent colour becomes a newsletter's whole palette (LOOK, section 2).

Colours are hex text. Lightness and chroma are moved in OKLCH, by the matrices that Björn Ottosson
published with Oklab (2020); contrast is WCAG 2.2's.
"""

import math
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

PAPER, GROUND, INK = "#FFFFFF", "#F3F6F5", "#14212B"
DARK_PAPER, DARK_GROUND = "#141D23", "#0E1519"

TEXT_CONTRAST = 5.5
DARK_TEXT_CONTRAST = 6.5
WHITE_ON_FILL = 4.5
INK_ON_FILL = 7.0
EDGE_CONTRAST = 3.0
DARK_CHROMA_AT_MOST = 0.13
# A light accent is laid thinner over dark paper: yellow at its full share makes mud of it.
DARK_TINT = 0.16
DARK_TINT_LIGHTNESS = 0.264
STEP = 0.01
HOVER_STEP = 0.06

Triple = tuple[float, float, float]


def palette(accent: str) -> dict[str, Any]:
    """Compute every colour from one. The result can be stored as JSON.

    Keys: accent, text, tint, fill, on_fill, hover, rule, edge (a colour or None), and dark with
    the same, `accent` excepted.

    Raises:
        ValueError: not a hex colour like #006B5E.
    """
    accent = parse_hex(accent)
    tint = _mixed(accent, PAPER, 0.07)
    text = _darkened_until(accent, lambda colour: _clears(colour, (PAPER, GROUND, tint)))
    fill, on_fill = _fill(accent)
    stands_out = contrast(fill, PAPER) >= EDGE_CONTRAST
    return {
        "accent": accent,
        "text": text,
        "tint": tint,
        "fill": fill,
        "on_fill": on_fill,
        "hover": _lighter(fill, -HOVER_STEP),
        "rule": fill if stands_out else text,
        "edge": None if stands_out else text,
        "dark": _dark(accent),
    }


def _fill(accent: str) -> tuple[str, str]:
    if contrast(PAPER, accent) >= WHITE_ON_FILL:
        return accent, PAPER
    if contrast(INK, accent) >= INK_ON_FILL:
        return accent, INK
    return _darkened_until(accent, lambda c: contrast(PAPER, c) >= WHITE_ON_FILL), PAPER


def _dark(accent: str) -> dict[str, Any]:
    tint = _dark_tint(accent)
    lightness, chroma, hue = _to_oklch(accent)
    chroma = min(chroma, DARK_CHROMA_AT_MOST)
    text = _from_oklch((lightness, chroma, hue))
    while any(contrast(text, on) < DARK_TEXT_CONTRAST for on in (DARK_PAPER, DARK_GROUND, tint)):
        lightness += STEP
        text = _from_oklch((lightness, chroma, hue))
    return {
        "text": text,
        "tint": tint,
        "fill": text,
        "on_fill": DARK_GROUND,
        "hover": _lighter(text, HOVER_STEP),
        "rule": text,
        "edge": None,
    }


def _dark_tint(accent: str) -> str:
    share = DARK_TINT
    while _to_oklch(tint := _mixed(accent, DARK_PAPER, share))[0] > DARK_TINT_LIGHTNESS:
        share -= STEP
    return tint


def sentences(colours: dict[str, Any]) -> list[str]:
    """Say in plain words what had to be changed, and why; nothing where nothing had."""
    said = []
    name = _name(colours["accent"])
    if colours["text"] != colours["accent"]:
        said.append(f"Your {name} is too light for text, so links use {colours['text']}.")
    if colours["fill"] != colours["accent"]:
        said.append(
            f"White words on your {name} would be hard to read, so buttons use {colours['fill']}."
        )
    return said


def parse_hex(text: str) -> str:
    """Return a hex colour in upper case, #abc as #AABBCC. Raises ValueError with a sentence."""
    match = re.fullmatch(r"#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})", text.strip())
    if match is None:
        raise ValueError("should be a hex colour like #006B5E")
    digits = match[1].upper()
    return "#" + (digits if len(digits) == 6 else "".join(2 * digit for digit in digits))


@lru_cache(256)
def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, 1 to 21 (WCAG 2.2)."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _clears(colour: str, grounds: tuple[str, ...]) -> bool:
    return all(contrast(colour, ground) >= TEXT_CONTRAST for ground in grounds)


def _darkened_until(colour: str, enough: Callable[[str], bool]) -> str:
    lightness, chroma, hue = _to_oklch(colour)
    while not enough(colour):
        lightness -= STEP
        colour = _from_oklch((lightness, chroma, hue))
    return colour


def _lighter(colour: str, by: float) -> str:
    lightness, chroma, hue = _to_oklch(colour)
    return _from_oklch((min(max(lightness + by, 0.0), 1.0), chroma, hue))


def _mixed(colour: str, ground: str, share: float) -> str:
    pairs = zip(_channels(colour), _channels(ground), strict=True)
    return _hex([share * over + (1 - share) * under for over, under in pairs])


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _hex(channels: list[float]) -> str:
    return "#" + "".join(f"{round(value):02X}" for value in channels)


def _linear(colour: str) -> Triple:
    def one(value: int) -> float:
        share = value / 255
        return share / 12.92 if share <= 0.04045 else float(((share + 0.055) / 1.055) ** 2.4)

    red, green, blue = _channels(colour)
    return one(red), one(green), one(blue)


def _luminance(colour: str) -> float:
    red, green, blue = _linear(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _to_oklch(colour: str) -> Triple:
    red, green, blue = _linear(colour)
    long = math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue)
    middle = math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue)
    short = math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue)
    lightness = 0.2104542553 * long + 0.7936177850 * middle - 0.0040720468 * short
    a = 1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short
    b = 0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short
    return lightness, math.hypot(a, b), math.atan2(b, a)


def _from_oklch(colour: Triple) -> str:
    """Return the colour as hex, with as much of its chroma as sRGB can show."""
    lightness, chroma, hue = colour
    if lightness <= 0:
        return "#000000"
    if lightness >= 1:
        return "#FFFFFF"
    linear = _oklch_to_linear(lightness, chroma, hue)
    while chroma > 0 and not all(-0.0001 <= value <= 1.0001 for value in linear):
        chroma = max(chroma - 0.004, 0.0)
        linear = _oklch_to_linear(lightness, chroma, hue)
    return _hex([255 * _gamma(min(max(value, 0.0), 1.0)) for value in linear])


def _oklch_to_linear(lightness: float, chroma: float, hue: float) -> Triple:
    a, b = chroma * math.cos(hue), chroma * math.sin(hue)
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short,
    )


def _gamma(value: float) -> float:
    return 12.92 * value if value <= 0.0031308 else float(1.055 * value ** (1 / 2.4) - 0.055)


def _name(colour: str) -> str:
    _, chroma, hue = _to_oklch(colour)
    if chroma < 0.03:
        return "grey" if chroma < 0.012 else "accent"
    degrees = math.degrees(hue) % 360
    for end, name in (
        (10, "pink"),
        (32, "red"),
        (75, "orange"),
        (115, "yellow"),
        (160, "green"),
        (210, "teal"),
        (275, "blue"),
        (320, "purple"),
    ):
        if degrees < end:
            return name
    return "pink"

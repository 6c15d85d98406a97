"""Pictures from outside: checked, cropped, re-encoded, and stripped bare.

A crop is about the centre, or about a focal point: what is 30 % from the left of the whole picture
is 30 % from the left of the crop, as in CSS `object-position`.

Sizes are twice the shown ones (LOOK, sections 4, 7 and 13).
"""

from dataclasses import dataclass

from digest.errors import DigestError

BYTES_AT_MOST = 15_000_000
PIXELS_AT_MOST = 50_000_000
CENTRE = (0.5, 0.5)


class PictureError(DigestError):
    """Not a picture that we can use, with the reason in words."""


@dataclass(frozen=True)
class Shape:
    """What a picture is cropped to, in pixels; a crop narrower than `at_least` is not used."""

    width: int
    height: int
    at_least: int
    bytes_at_most: int


LEAD = Shape(1072, 603, at_least=600, bytes_at_most=120_000)
THUMBNAIL = Shape(332, 249, at_least=200, bytes_at_most=30_000)
PORTRAIT = Shape(288, 288, at_least=144, bytes_at_most=30_000)
# No shape to crop to, but to decode and to encode by.
WHOLE = Shape(1072, 603, at_least=0, bytes_at_most=500_000)
MARK = Shape(96, 96, at_least=48, bytes_at_most=30_000)


@dataclass(frozen=True)
class Encoded:
    """A picture of ours, ready to be stored."""

    content: bytes
    content_type: str
    width: int
    height: int


def crop_and_encode(
    data: bytes, shape: Shape, about: tuple[float, float] = CENTRE
) -> Encoded | None:
    """Return `data` in the given shape, never enlarged, or None where it is too small.

    `about`: the focal point, as parts of the width and of the height, 0 to 1.

    Raises:
        PictureError: not a JPEG, PNG, WebP, GIF or AVIF (by content, whatever its name), or it
            is too large, or damaged.
    """
    # Late, here and below: most processes know pictures by their names only.
    from digest.newsroom.intake import decoding

    return decoding.cropped(data, shape, about)


def scale_and_encode(data: bytes) -> Encoded:
    """Return `data` as a whole, as large as a crop in a lead's shape can use.

    Raises:
        PictureError: as `crop_and_encode`.
    """
    from digest.newsroom.intake import decoding

    return decoding.scaled(data)

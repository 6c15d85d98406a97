"""Pictures from outside: checked, cropped about the centre, re-encoded, and stripped bare.

Sizes are twice the shown ones (LOOK, sections 4, 7 and 13).
"""

import io
import struct
from dataclasses import dataclass

from PIL import Image, ImageOps

from digest.errors import DigestError

BYTES_AT_MOST = 15_000_000
PIXELS_AT_MOST = 50_000_000
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF")

# Pillow itself refuses what is more than twice this, before it decodes anything.
Image.MAX_IMAGE_PIXELS = PIXELS_AT_MOST

# What Pillow raises for a damaged file depends on where the damage is.
DAMAGED = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    RuntimeError,
    struct.error,
)

FLAT_COLOURS_AT_MOST = 4096
STRIP_HEIGHT = 256
QUALITIES = (85, 80, 74, 68, 60, 52, 44)


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
MARK = Shape(96, 96, at_least=48, bytes_at_most=30_000)


@dataclass(frozen=True)
class Encoded:
    """A picture of ours, ready to be stored."""

    content: bytes
    content_type: str
    width: int
    height: int


def crop_and_encode(data: bytes, shape: Shape) -> Encoded | None:
    """Return `data` in the given shape, never enlarged, or None where it is too small.

    Raises:
        PictureError: not a JPEG, PNG, WebP, GIF or AVIF (by content, whatever its name), or it
            is too large, or damaged.
    """
    if len(data) > BYTES_AT_MOST:
        raise PictureError(f"The picture is larger than {BYTES_AT_MOST // 1_000_000} MB.")
    try:
        picture = _opened(data, shape)
        cropped = _cropped(picture, shape)
    except PictureError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise PictureError(_TOO_MANY_PIXELS) from None
    except DAMAGED:
        raise PictureError(
            "We cannot read that picture. Give a JPEG, PNG, WebP, GIF or AVIF file."
        ) from None
    return None if cropped is None else _encoded(cropped, shape)


_TOO_MANY_PIXELS = f"The picture has more than {PIXELS_AT_MOST // 1_000_000} million pixels."


def _opened(data: bytes, shape: Shape) -> Image.Image:
    picture: Image.Image = Image.open(io.BytesIO(data), formats=FORMATS)
    if picture.width * picture.height > PIXELS_AT_MOST:
        raise PictureError(_TOO_MANY_PIXELS)
    # A JPEG can be decoded at a fraction of its size, which saves memory and time.
    picture.draft("RGB", (shape.width * 2, shape.width * 2))
    picture.load()
    ImageOps.exif_transpose(picture, in_place=True)
    flat = _flattened(picture)
    # Or a comment, or a profile of its colours, would come along into ours.
    flat.info = {}
    return flat


def _flattened(picture: Image.Image) -> Image.Image:
    if not picture.has_transparency_data:
        return picture if picture.mode == "RGB" else picture.convert("RGB")
    ground = Image.new("RGB", picture.size, "white")
    # Strip by strip: a small file may be a large picture, and each copy of it takes 200 MB.
    for top in range(0, picture.height, STRIP_HEIGHT):
        part = (0, top, picture.width, min(top + STRIP_HEIGHT, picture.height))
        strip = picture.crop(part).convert("RGBA")
        ground.paste(strip, (0, top), strip)
    return ground


def _cropped(picture: Image.Image, shape: Shape) -> Image.Image | None:
    width = min(picture.width, picture.height * shape.width // shape.height)
    if width < shape.at_least:
        return None
    width = min(width, shape.width)
    height = max(1, round(width * shape.height / shape.width))
    # `fit` rounds by itself: the crop is about the centre, at the wanted ratio.
    return ImageOps.fit(picture, (width, height), Image.Resampling.LANCZOS)


def _encoded(picture: Image.Image, shape: Shape) -> Encoded:
    best = _smallest_good(picture, shape.bytes_at_most)
    while best is None:
        # Pure noise: smaller is all that helps.
        picture = picture.resize((picture.width * 4 // 5, picture.height * 4 // 5))
        best = _smallest_good(picture, shape.bytes_at_most)
    content, content_type = best
    return Encoded(content, content_type, picture.width, picture.height)


def _smallest_good(picture: Image.Image, bytes_at_most: int) -> tuple[bytes, str] | None:
    for quality in QUALITIES:
        jpeg = _saved(picture, "JPEG", quality=quality, optimize=True, progressive=True)
        if len(jpeg) <= bytes_at_most:
            break
    else:
        return None
    if picture.getcolors(FLAT_COLOURS_AT_MOST):
        png = _saved(picture, "PNG", optimize=True)
        if len(png) < len(jpeg):
            return png, "image/png"
    return jpeg, "image/jpeg"


def _saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()

"""Pillow's part: pictures are decoded, cropped or scaled, and encoded. See `pictures`."""

import ctypes
import io
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from PIL import Image, ImageOps

from digest.newsroom.intake.pictures import (
    BYTES_AT_MOST,
    LEAD,
    PIXELS_AT_MOST,
    WHOLE,
    Encoded,
    PictureError,
    Shape,
)

Prepared = TypeVar("Prepared")

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
M_MMAP_THRESHOLD = -3
LARGE_BYTES = 1 << 20


def _give_back_what_is_large() -> None:
    """Have glibc return a picture's memory when it is let go: mallopt(3), M_MMAP_THRESHOLD.

    Left to itself it learns from the first picture that so much is usual, and each thread that
    ever read one keeps some 50 MB. Elsewhere there is no such thing to be told.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)


_give_back_what_is_large()


def cropped(data: bytes, shape: Shape, about: tuple[float, float]) -> Encoded | None:
    """As `pictures.crop_and_encode`."""
    found = _read(data, shape, lambda picture: _cropped(picture, shape, about))
    return None if found is None else _encoded(found, shape)


def scaled(data: bytes) -> Encoded:
    """As `pictures.scale_and_encode`."""
    return _encoded(_read(data, WHOLE, _scaled), WHOLE)


def _read(data: bytes, shape: Shape, prepare: Callable[[Image.Image], Prepared]) -> Prepared:
    if len(data) > BYTES_AT_MOST:
        raise PictureError(f"The picture is larger than {BYTES_AT_MOST // 1_000_000} MB.")
    try:
        return prepare(_opened(data, shape))
    except PictureError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise PictureError(_TOO_MANY_PIXELS) from None
    except DAMAGED:
        raise PictureError(
            "We cannot read that picture. Give a JPEG, PNG, WebP, GIF or AVIF file."
        ) from None


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


def _cropped(picture: Image.Image, shape: Shape, about: tuple[float, float]) -> Image.Image | None:
    width = min(picture.width, picture.height * shape.width // shape.height)
    if width < shape.at_least:
        return None
    width = min(width, shape.width)
    height = max(1, round(width * shape.height / shape.width))
    # `fit` rounds by itself: the crop is about the point, at the wanted ratio.
    return ImageOps.fit(picture, (width, height), Image.Resampling.LANCZOS, centering=about)


def _scaled(picture: Image.Image) -> Image.Image:
    # The crop's longer way is cut from what is left beside this.
    factor = max(LEAD.width / picture.width, LEAD.height / picture.height)
    if factor >= 1:
        return picture
    size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
    return picture.resize(size, Image.Resampling.LANCZOS)


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

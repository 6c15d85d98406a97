import io
import random
import struct
import subprocess
import sys
import zlib
from contextlib import suppress

import pytest
from PIL import Image, ImageDraw

from digest.newsroom.intake.pictures import (
    BYTES_AT_MOST,
    LEAD,
    PORTRAIT,
    THUMBNAIL,
    Encoded,
    PictureError,
    Shape,
    crop_and_encode,
)


def file_of(picture: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def photograph(width: int, height: int) -> Image.Image:
    """Return something of many colours, with red on its left and blue on its right edge."""
    picture = Image.linear_gradient("L").resize((width, height))
    photo = Image.merge("RGB", (picture, picture.rotate(180), picture))
    edge = max(1, width // 10)
    photo.paste("red", (0, 0, edge, height))
    photo.paste("blue", (width - edge, 0, width, height))
    return photo


def noise(width: int, height: int) -> Image.Image:
    pixels = random.Random(7).randbytes(width * height * 3)
    return Image.frombytes("RGB", (width, height), pixels)


def opened(encoded: Encoded | None) -> Image.Image:
    assert encoded is not None
    picture = Image.open(io.BytesIO(encoded.content))
    picture.load()
    assert picture.size == (encoded.width, encoded.height)
    assert picture.get_format_mimetype() == encoded.content_type
    return picture.convert("RGB")


def is_white(picture: Image.Image, x: int, y: int) -> bool:
    pixel = picture.getpixel((x, y))
    return isinstance(pixel, tuple) and min(pixel) > 245


def huge_png(width: int, height: int) -> bytes:
    """Return a PNG that says that it is that large, and holds nothing."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)

    def chunk(name: bytes, data: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + checksum

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0"))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "AVIF"])
def test_each_kind_of_picture_becomes_a_lead_and_a_thumbnail(kind: str) -> None:
    data = file_of(photograph(1600, 1000), kind)

    assert opened(crop_and_encode(data, LEAD)).size == (1072, 603)
    assert opened(crop_and_encode(data, THUMBNAIL)).size == (332, 249)


def test_a_picture_is_cropped_about_its_centre_and_never_stretched() -> None:
    picture = photograph(3000, 900)
    # A radius of 300 is 201 in the lead, where 900 pixels become 603.
    ImageDraw.Draw(picture).ellipse((1200, 150, 1800, 750), fill="white")
    wide = opened(crop_and_encode(file_of(picture), LEAD))

    # 1600 of its 3000 pixels are left; circles stay circles, and the circle was in the middle.
    assert is_white(wide, 536, 301)
    assert is_white(wide, 536 - 180, 301)
    assert is_white(wide, 536 + 180, 301)
    assert is_white(wide, 536, 301 - 180)
    assert not is_white(wide, 536 - 215, 301)
    assert not is_white(wide, 536 + 215, 301)
    assert not is_white(wide, 536, 301 - 215)


def test_a_portrait_is_a_square() -> None:
    assert opened(crop_and_encode(file_of(photograph(400, 900)), PORTRAIT)).size == (288, 288)


@pytest.mark.parametrize(
    ("width", "shape"), [(599, LEAD), (199, THUMBNAIL), (143, PORTRAIT), (1, THUMBNAIL)]
)
def test_a_picture_that_is_too_small_is_left_out(width: int, shape: Shape) -> None:
    assert crop_and_encode(file_of(photograph(width, 2000)), shape) is None


def test_a_strip_is_too_small_once_it_is_cropped() -> None:
    assert crop_and_encode(file_of(photograph(3000, 200)), LEAD) is None


def test_a_picture_is_never_enlarged() -> None:
    assert opened(crop_and_encode(file_of(photograph(700, 700)), LEAD)).size == (700, 394)


@pytest.mark.parametrize("shape", [LEAD, THUMBNAIL])
def test_the_worst_photograph_stays_within_its_bytes(shape: Shape) -> None:
    encoded = crop_and_encode(file_of(noise(1200, 900)), shape)

    assert encoded is not None
    assert len(encoded.content) <= shape.bytes_at_most


def test_flat_art_becomes_a_png_with_its_colours_exact() -> None:
    flat = Image.new("RGB", (1072, 603), "#10243A")
    flat.paste("#F2B731", (100, 100, 500, 500))

    encoded = crop_and_encode(file_of(flat, "PNG"), LEAD)

    assert encoded is not None
    assert encoded.content_type == "image/png"
    assert opened(encoded).getpixel((200, 200)) == (0xF2, 0xB7, 0x31)


def test_a_photograph_becomes_a_jpeg() -> None:
    encoded = crop_and_encode(file_of(noise(1600, 900).resize((1100, 700)), "PNG"), LEAD)

    assert encoded is not None
    assert encoded.content_type == "image/jpeg"


def test_a_picture_taken_sideways_is_turned_and_tells_nothing_about_its_camera() -> None:
    sideways = photograph(1000, 1600)
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees
    exif[0x010F] = "Camera of a reader"
    encoded = crop_and_encode(file_of(sideways, exif=exif), LEAD)

    turned = opened(encoded)
    assert encoded is not None
    assert turned.size == (1072, 603)
    assert b"Camera" not in encoded.content
    assert not Image.open(io.BytesIO(encoded.content)).getexif()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP"])
def test_nothing_but_the_picture_comes_along(kind: str) -> None:
    said = b"<script>alert('robin@example.org')</script>"
    extra = {"comment": said, "icc_profile": said * 4}
    for picture in (photograph(400, 400), Image.new("RGB", (400, 400), "#006B5E"), noise(400, 400)):
        encoded = crop_and_encode(file_of(picture, kind, **extra), PORTRAIT)
        assert encoded is not None
        assert b"script" not in encoded.content
        assert not {"comment", "icc_profile"} & Image.open(io.BytesIO(encoded.content)).info.keys()


# Not by getrusage: to a new process it also tells what the one before it had.
WEIGHED = """
import pathlib, re, sys
from digest.newsroom.intake.pictures import PORTRAIT, crop_and_encode
def most():
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", pathlib.Path("/proc/self/status").read_text())[1])
before = most()
crop_and_encode(sys.stdin.buffer.read(), PORTRAIT)
print(1024 * (most() - before))
"""


def test_a_small_file_of_many_pixels_takes_no_more_memory_than_two_of_it() -> None:
    sent = file_of(Image.new("RGBA", (5000, 4000), (1, 2, 3, 4)), "PNG")
    assert len(sent) < 200_000
    done = subprocess.run([sys.executable, "-c", WEIGHED], input=sent, capture_output=True)
    assert 10_000_000 < int(done.stdout) < 3 * 4 * 5000 * 4000


def test_what_is_transparent_becomes_white() -> None:
    clear = Image.new("RGBA", (800, 600), (0, 0, 0, 0))

    assert opened(crop_and_encode(file_of(clear, "PNG"), LEAD)).getpixel((9, 9)) == (255, 255, 255)


@pytest.mark.parametrize(
    "picture",
    [Image.new("CMYK", (800, 600)), Image.new("L", (800, 600)), Image.new("1", (800, 600))],
    ids=["CMYK", "grey", "black and white"],
)
def test_pictures_of_other_colour_modes(picture: Image.Image) -> None:
    kind = "JPEG" if picture.mode == "CMYK" else "PNG"

    assert opened(crop_and_encode(file_of(picture, kind), LEAD)).size == (800, 450)


# Where warnings are errors Pillow's own would hide that we look for ourselves.
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("size", [(30_000, 30_000), (8_000, 8_000), (100_000, 1_000)])
def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(
    size: tuple[int, int],
) -> None:
    with pytest.raises(PictureError, match="50 million pixels"):
        crop_and_encode(huge_png(*size), LEAD)


def test_a_file_of_too_many_bytes_is_refused() -> None:
    with pytest.raises(PictureError, match="15 MB"):
        crop_and_encode(b"\xff" * (BYTES_AT_MOST + 1), LEAD)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html><body>not a picture</body></html>",
        b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>',
        b"%PDF-1.7",
        b"%!PS-Adobe-3.0 EPSF-3.0",
        file_of(photograph(800, 600), "BMP"),
        file_of(photograph(800, 600), "TIFF"),
        file_of(photograph(800, 600))[:2000],
        huge_png(800, 600),
        b"\xff\xd8\xff" + b"\0" * 100,
    ],
    ids=lambda data: repr(data[:12]),
)
def test_what_is_no_picture_of_ours_is_refused_with_a_sentence(data: bytes) -> None:
    with pytest.raises(PictureError, match=r"We cannot read that picture"):
        crop_and_encode(data, LEAD)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "AVIF"])
def test_a_damaged_file_is_refused_or_read_but_nothing_else(kind: str) -> None:
    whole = file_of(photograph(640, 480), kind)
    luck = random.Random(3)
    for _ in range(40):
        damaged = bytearray(whole)
        for _ in range(luck.randint(1, 12)):
            damaged[luck.randrange(len(damaged))] = luck.randrange(256)
        with suppress(PictureError):
            crop_and_encode(bytes(damaged[: luck.randint(1, len(damaged))]), THUMBNAIL)

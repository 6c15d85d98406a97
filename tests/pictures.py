"""Pictures for the documentation: small, as they come with every clone."""

from pathlib import Path

from PIL import Image

LARGE_BYTES = 100_000


def shrink(picture: Path) -> None:
    """Write a large PNG again in 256 colours, which pages and mails need no more of."""
    if picture.stat().st_size > LARGE_BYTES:
        smaller = Image.open(picture).convert("RGB").quantize(256, dither=Image.Dither.NONE)
        smaller.save(picture, optimize=True)

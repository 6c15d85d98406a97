"""The paper's mark and its editor."""

from PIL import Image, ImageDraw

from digest.cli.art.easel import (
    GREEN,
    NAVY,
    OVERSAMPLING,
    PALE,
    RED,
    SKIN,
    YELLOW,
    Easel,
)

MARK_PIXELS = 96
PORTRAIT_PIXELS = 288


def draw_mark() -> Image.Image:
    """A staff with a pennant and a flag, on a tile of its own that holds on any ground."""
    mark = Easel(MARK_PIXELS, MARK_PIXELS, GREEN)
    mark.box(-120, 75, 34, 330, PALE)
    mark.shape([(-86, 84), (150, 178), (-86, 272)], YELLOW)
    mark.box(-86, 290, 168, 92, RED)
    return mark.picture()


def draw_portrait() -> Image.Image:
    """Imara, head and shoulders, in a yellow circle whose corners are clear."""
    easel = Easel(PORTRAIT_PIXELS, PORTRAIT_PIXELS, YELLOW)
    _hair(easel)
    _shoulders(easel)
    _face(easel)
    _glasses(easel)
    picture = easel.picture()
    picture.putalpha(_circle())
    return picture


def _hair(easel: Easel) -> None:
    easel.disc(3, 186, 118, NAVY)
    easel.shape([(-115, 186), (-112, 270), (-137, 380), (143, 380), (121, 270), (121, 186)], NAVY)


def _shoulders(easel: Easel) -> None:
    easel.oval(0, 485, 176, 122, GREEN)
    easel.box(-48, 300, 96, 84, SKIN)
    easel.oval(0, 384, 48, 26, SKIN)
    easel.shape(
        [(-84, 376), (-58, 376), (0, 452), (58, 376), (84, 376), (14, 480), (-14, 480)], PALE
    )


def _face(easel: Easel) -> None:
    easel.oval(0, 216, 79, 112, SKIN)
    # The fringe parts a little to one side.
    easel.shape([(-82, 190), (-60, 165), (-8, 148), (14, 138), (12, 100), (-70, 110)], NAVY)
    easel.shape([(8, 138), (40, 158), (66, 176), (84, 204), (76, 110), (4, 100)], NAVY)
    # A smile is a dark segment with one in the colour of her skin over it.
    easel.segment(0, 262, 33, 20, 160, NAVY)
    easel.segment(0, 251, 38, 20, 160, SKIN)


def _glasses(easel: Easel) -> None:
    for x in (-37, 37):
        easel.disc(x, 224, 28, NAVY)
        easel.disc(x, 224, 22, SKIN)
        easel.disc(x, 224, 6.5, NAVY)
    easel.box(-11, 216, 22, 7, NAVY)
    easel.box(-78, 217, 14, 6, NAVY)
    easel.box(64, 217, 14, 6, NAVY)


def _circle() -> Image.Image:
    side = PORTRAIT_PIXELS * OVERSAMPLING
    mask = Image.new("L", (side, side), 0)
    ImageDraw.Draw(mask).ellipse((0, 0, side - 1, side - 1), 255)
    return mask.reduce(OVERSAMPLING)

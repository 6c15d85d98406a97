"""The Halyard's pictures, in the geometry of signal flags: each has one thing out of place.

Drawn, not stored: the demo needs no files, and the same code gives the same bytes.
"""

from digest.cli.art import last_week, this_week
from digest.cli.art.easel import Easel, png
from digest.cli.art.person import draw_mark, draw_portrait

SCENES = {**this_week.SCENES, **last_week.SCENES}
NAMES = (*SCENES, "mark", "portrait")


def draw(name: str, width: int = 1200, height: int = 675) -> bytes:
    """Return a picture as PNG: a scene in the size asked for, the mark at 96, the portrait at 288.

    A scene is composed for 16:9, and its middle for 4:3, so that one file serves as lead and, cut
    about the centre, as thumbnail.

    Raises:
        KeyError: there is no such picture; NAMES has them all.
    """
    if name == "mark":
        return png(draw_mark())
    if name == "portrait":
        return png(draw_portrait())
    scene = SCENES[name]
    easel = Easel(width, height, scene.ground)
    scene.paint(easel)
    return png(easel.picture())

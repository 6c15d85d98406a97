"""The pictures of this week's stories."""

from collections.abc import Mapping

from digest.cli.art.easel import BLUE, GREEN, NAVY, PALE, RED, SAND, YELLOW, Easel, Scene

# How a container's ribs look on it, without a seventh colour: a little of the navy laid over.
RIBS = {RED: "#A84339", NAVY: "#2B3E50", YELLOW: "#C99A35", PALE: "#C3CBCB"}


def port(easel: Easel) -> None:
    easel.disc(166, 234, 135, YELLOW)
    easel.box(-29, 306, easel.half + 29, 174, NAVY)
    _quay(easel)
    _crane(easel)
    for row, (left, width) in enumerate(((46, 235), (78, 182), (91, 146), (110, 107), (128, 71))):
        easel.box(left, 318 + 23 * row, width, 9, YELLOW)
    easel.box(64, 306, 13, 34, NAVY)
    _flags(easel, 323)


def _quay(easel: Easel) -> None:
    stacks = (
        (RED, PALE, NAVY),
        (NAVY, YELLOW, RED, PALE),
        (PALE, RED, YELLOW, NAVY, RED),
        (YELLOW, NAVY, PALE),
        (RED, PALE),
    )
    easel.box(-easel.half, 285, easel.half - 29, 10, PALE)
    easel.box(-easel.half, 295, easel.half - 29, 185, GREEN)
    for column, stack in enumerate(stacks):
        for level, colour in enumerate(stack):
            _container(easel, -403 + 69.8 * column, 245 - 40 * level, colour)


def _container(easel: Easel, x: float, y: float, colour: str) -> None:
    easel.box(x, y, 66, 37, colour)
    for rib in range(5):
        easel.box(x + 10.5 + 11 * rib, y + 7, 1.8, 23, RIBS[colour])


def _crane(easel: Easel) -> None:
    for x in (0, 64):
        easel.box(x, 85, 13, 222, NAVY)
    easel.box(0, 178, 70, 9, NAVY)
    easel.bar((4, 290), (70, 190), 10, NAVY)
    easel.box(-121, 75, 398, 14, NAVY)
    easel.shape([(30, 76), (36, 14), (45, 14), (51, 76)], NAVY)
    for end in (-116, 272):
        easel.bar((40, 17), (end, 78), 4, NAVY)
    for x in (203, 233):
        easel.box(x, 88, 3, 88, NAVY)
    _container(easel, 186, 175, RED)


def _flags(easel: Easel, x: float) -> None:
    easel.box(x, 57, 5, 250, NAVY)
    easel.shape([(x + 5, 64), (x + 68, 92), (x + 5, 121)], RED)
    easel.box(x + 5, 135, 30, 39, GREEN)
    easel.box(x + 35, 135, 30, 39, PALE)


def cold(easel: Easel) -> None:
    easel.box(-342, 0, 684, 480, NAVY)
    easel.band(440, 40, GREEN)
    rows = ("pbpbp", "bpbrp", "pbppb", "bppbp")
    colours = {"p": PALE, "b": BLUE, "r": RED}
    for row, cells in enumerate(rows):
        for column, cell in enumerate(cells):
            easel.box(-263 + 110 * column, 49 + 100 * row, 88, 78, colours[cell])
    for end in ((-30, 0), (-17, -27), (17, -27)):
        middle = (-109.0, 188.0)
        start = (middle[0] - end[0], middle[1] - end[1])
        easel.bar(start, (middle[0] + end[0], middle[1] + end[1]), 6, NAVY)
    # Outside it snows, as it should.
    for x, y in ((-388, 60), (-404, 190), (-376, 300), (388, 110), (408, 246), (378, 366)):
        easel.disc(x, y, 9, PALE)


def roofs(easel: Easel) -> None:
    for row in range(4):
        for column in range(-7, 8):
            x = 72 * column + (36 if row % 2 else 0)
            easel.box(x - 4, 30 + 54 * row, 8, 30, GREEN if (row + column) % 3 else NAVY)
    for x, half, top, colour in (
        (-415, 120, 262, GREEN),
        (-190, 150, 220, RED),
        (446, 124, 238, RED),
        (226, 146, 246, GREEN),
        (20, 160, 190, NAVY),
    ):
        easel.shape([(x - half, 351), (x, top), (x + half, 351)], colour)
    easel.band(351, 11, BLUE)
    easel.band(362, 118, PALE)
    for x, width, colour in (
        (-400, 70, YELLOW),
        (-262, 92, NAVY),
        (-30, 100, YELLOW),
        (180, 82, RED),
        (346, 64, NAVY),
    ):
        easel.box(x, 390, width, 90, colour)


def bat(easel: Easel) -> None:
    for radius, colour in ((300, RED), (244, YELLOW), (189, RED), (132, YELLOW), (76, NAVY)):
        easel.disc(0, 480, radius, colour)
    wing = [(-4, 120), (-24, 105), (-112, 60), (-200, 148), (-130, 140), (-80, 190), (-30, 172)]
    other = [(-x, y) for x, y in reversed(wing)]
    easel.shape([*wing, (0, 212), *other], NAVY)
    for side in (-1, 1):
        easel.shape([(4 * side, 124), (20 * side, 78), (34 * side, 122)], NAVY)


def ledgers(easel: Easel) -> None:
    easel.band(416, 10, NAVY)
    for x, height in ((-262, 246), (-153, 298), (-44, 272), (65, 320)):
        easel.box(x, 416 - height, 86, height, GREEN)
    left, right, top = 174, 260, 144
    for x in range(left, right, 20):
        easel.box(x, top, 12, 5, RED)
    for y in range(top + 14, 410, 20):
        easel.box(left, y, 5, 12, RED)
        easel.box(right - 5, y, 5, 12, RED)
    easel.disc(217, 92, 36, YELLOW)


def librarian(easel: Easel) -> None:
    easel.band(0, 14, SAND)
    shelves = (
        "bbpgbpnbbgpbnpgbbpnbgbp",
        "gpbnbbgpbpnbg*bpbgnbpbg",
        "npbgbbpnbgpbbnpgbpbbgnp",
    )
    colours = {"b": BLUE, "p": PALE, "g": GREEN, "n": SAND}
    for shelf, spines in enumerate(shelves):
        foot = 150 + 155 * shelf
        x = -427.0
        for index, spine in enumerate(spines):
            width = (34, 40, 28, 46, 37)[(index * 3 + shelf) % 5]
            height = (112, 122, 104, 118)[(index + shelf) % 4]
            if spine == "*":
                _pencil(easel, x + 3, foot)
                x += 48
                continue
            easel.box(x, foot - height, width - 3, height, colours[spine])
            easel.box(x + 7, foot - height + 16, width - 17, 7, NAVY if spine != "g" else PALE)
            x += width
        easel.band(foot, 14, SAND)


def _pencil(easel: Easel, x: float, foot: float) -> None:
    easel.box(x, foot - 96, 42, 96, YELLOW)
    easel.box(x, foot - 14, 42, 14, RED)
    easel.box(x, foot - 22, 42, 8, PALE)
    easel.shape([(x, foot - 96), (x + 21, foot - 138), (x + 42, foot - 96)], SAND)
    easel.shape([(x + 14, foot - 124), (x + 21, foot - 138), (x + 28, foot - 124)], RED)


def tunnels(easel: Easel) -> None:
    far = easel.half
    easel.shape([(-far, 230), (-150, 62), (60, 62), (far, 220), (far, 480), (-far, 480)], RED)
    easel.band(400, 80, SAND)
    for x in (-245, 0, 245):
        easel.arch(x, 400, 204, 232, PALE)
    easel.arch(0, 400, 164, 212, NAVY)
    for x in (-245, 245):
        _wall(easel, x)
    easel.arch(0, 346, 58, 74, YELLOW)
    easel.shape([(-29, 346), (29, 346), (82, 400), (-82, 400)], SAND)
    for side in (-1, 1):
        easel.shape([(s * side, y) for s, y in ((14, 346), (18, 346), (84, 480), (70, 480))], NAVY)
    for y, half, thickness in ((366, 34, 4), (388, 48, 6), (416, 68, 9), (452, 92, 12)):
        easel.box(-half, y, 2 * half, thickness, NAVY)


def _wall(easel: Easel, x: float) -> None:
    """Bricks in a portal, each course cut to the round of its head."""
    easel.arch(x, 400, 164, 212, BLUE)
    for course in range(1, 7):
        y = 400 - 30 * course
        above_spring = max(0.0, 270 - y)
        reach = max(82**2 - above_spring**2, 0.0) ** 0.5
        easel.box(x - reach, y, 2 * reach, 5, NAVY)
        for joint in (-54, -10, 34) if course % 2 else (-32, 12, 56):
            if abs(joint) < reach - 6:
                easel.box(x + joint, y, 5, 30, NAVY)


def lighthouse(easel: Easel) -> None:
    easel.band(420, 60, NAVY)
    easel.shape([(24, 118), (easel.half, -30), (easel.half, 266)], YELLOW)
    easel.shape([(-24, 148), (24, 148), (42, 420), (-42, 420)], PALE)
    easel.shape([(-30.5, 236), (30.5, 236), (33.4, 280), (-33.4, 280)], RED)
    easel.shape([(-36.5, 330), (36.5, 330), (39.4, 374), (-39.4, 374)], RED)
    easel.box(-30, 96, 60, 54, NAVY)
    easel.box(4, 106, 26, 30, YELLOW)
    easel.shape([(-36, 96), (0, 60), (36, 96)], RED)
    for y in (428, 446, 464):
        easel.box(-4, y, 8, 10, PALE)


def washing(easel: Easel) -> None:
    easel.band(430, 50, GREEN)
    easel.box(-170, 70, 340, 370, PALE)
    easel.box(-150, 440, 40, 14, PALE)
    easel.box(110, 440, 40, 14, PALE)
    easel.box(-170, 70, 340, 62, BLUE)
    easel.box(-146, 90, 92, 22, PALE)
    easel.disc(122, 101, 20, NAVY)
    easel.bar((122, 101), (135, 88), 6, PALE)
    easel.disc(62, 101, 9, RED)
    easel.disc(0, 284, 132, BLUE)
    easel.disc(0, 284, 106, NAVY)
    easel.segment(0, 284, 106, 18, 162, BLUE)
    easel.disc(-4, 262, 54, YELLOW)
    easel.disc(22, 246, 46, NAVY)
    for x, y in ((-260, 90), (-330, 200), (-226, 270), (-390, 70)):
        easel.disc(x, y, 5, PALE)
        easel.disc(-x + 12, y + 30, 5, PALE)


def jars(easel: Easel) -> None:
    for shelf, foot in enumerate((226, 440)):
        for column in range(-3, 4):
            x = 124.0 * column
            odd = (shelf, column) == (1, 1)
            easel.box(x - 30, foot - 158, 60, 18, NAVY if not odd else RED)
            easel.box(x - 46, foot - 142, 92, 142, PALE)
            easel.box(x - 38, foot - 112, 76, 104, BLUE)
            _creature(easel, x, foot - 58, (column + shelf) % 3, odd)
        easel.band(foot, 12, NAVY)


def _creature(easel: Easel, x: float, y: float, kind: int, odd: bool) -> None:
    colour = RED if odd else GREEN
    side = -1 if odd else 1
    if kind == 0 or odd:
        easel.oval(x + 4 * side, y, 22, 13, colour)
        easel.shape([(x - 12 * side, y), (x - 30 * side, y - 14), (x - 30 * side, y + 14)], colour)
        easel.disc(x + 15 * side, y - 3, 3, PALE)
    elif kind == 1:
        easel.segment(x, y, 24, 180, 360, NAVY)
        for leg in (-18, -6, 6, 18):
            easel.box(x + leg - 2.5, y, 5, 26, NAVY)
    else:
        for height, lean in ((52, -14), (70, 2), (44, 16)):
            easel.box(x + lean - 4, y + 50 - height, 8, height, NAVY)


SCENES: Mapping[str, Scene] = {
    "port": Scene(
        BLUE,
        "A full quay, a setting sun, and a crane that holds one red container above the water.",
        port,
    ),
    "cold": Scene(
        BLUE, "A cold store at night: every window is frosted but one, which is red.", cold
    ),
    "roofs": Scene(
        SAND, "Rain falls on a row of roofs, and a gutter runs along all of them.", roofs
    ),
    "bat": Scene(YELLOW, "A bat hangs in the air over rings of sound.", bat),
    "ledgers": Scene(
        PALE, "Four green columns of a chart, and a fifth that is only a dashed line.", ledgers
    ),
    "librarian": Scene(
        NAVY, "Shelves full of scores, with a yellow pencil standing among them.", librarian
    ),
    "tunnels": Scene(
        BLUE, "Three tunnel mouths: two are walled up, and the third has light at its end.", tunnels
    ),
    "lighthouse": Scene(
        GREEN,
        "A striped lighthouse by night, with a dotted frontier running up to its door.",
        lighthouse,
    ),
    "washing": Scene(NAVY, "A washing machine at night, with the moon in its drum.", washing),
    "jars": Scene(
        YELLOW,
        "Two shelves of jars with sea creatures, and one red fish that swims the other way.",
        jars,
    ),
}

"""The pictures of last week's stories."""

from collections.abc import Mapping

from digest.cli.art.easel import BLUE, GREEN, NAVY, PALE, RED, SAND, YELLOW, Easel, Scene


def branch(easel: Easel) -> None:
    easel.band(410, 70, GREEN)
    easel.shape([(-32, 168), (138, 66), (308, 168)], NAVY)
    easel.box(-16, 168, 308, 26, PALE)
    easel.box(-4, 194, 284, 206, BLUE)
    for x in (2, 64, 174, 236):
        easel.box(x, 194, 38, 206, PALE)
    easel.box(109, 254, 58, 146, YELLOW)
    easel.box(-24, 396, 324, 16, PALE)
    easel.disc(138, 132, 18, RED)
    for place, height in enumerate((132, 150, 118, 92, 144, 152)):
        _person(easel, -62 - 62 * place, 424, height, RED if place == 3 else NAVY)


def _person(easel: Easel, x: float, foot: float, height: float, colour: str) -> None:
    easel.arch(x, foot, 44, height - 36, colour)
    easel.disc(x, foot - height + 14, 16, colour)


def peat(easel: Easel) -> None:
    far = easel.half
    layers = ((128, 116, GREEN), (158, 150, NAVY), (226, 240, SAND), (262, 270, RED),
              (330, 316, NAVY), (372, 380, GREEN), (398, 404, NAVY))  # fmt: skip
    for left, right, colour in layers:
        easel.shape([(-far, left), (far, right), (far, 480), (-far, 480)], colour)
    easel.disc(150, 438, 34, YELLOW)
    easel.box(-166, 20, 12, 160, SAND)
    easel.box(-196, 14, 72, 14, RED)
    easel.shape([(-204, 150), (-116, 150), (-116, 250), (-160, 290), (-204, 250)], PALE)


def nearly(easel: Easel) -> None:
    easel.band(420, 60, SAND)
    for x in (-220, 0, 220):
        easel.arch(x, 420, 168, 330, BLUE)
        easel.box(x - 50, 330, 100, 90, PALE)
        easel.box(x - 62, 318, 124, 14, PALE)
    easel.segment(-220, 320, 52, 180, 360, NAVY)
    easel.box(-233, 240, 26, 40, NAVY)
    easel.oval(-220, 222, 28, 34, NAVY)
    easel.box(-42, 184, 84, 134, RED)
    easel.box(-28, 200, 56, 34, PALE)
    for x in (-22, -4, 14):
        easel.box(x, 246, 10, 10, YELLOW)
    easel.box(-24, 276, 48, 8, NAVY)
    easel.box(-17, 279, 34, 56, YELLOW)
    easel.oval(220, 258, 46, 44, GREEN)
    easel.box(206, 192, 28, 40, GREEN)
    easel.box(190, 186, 60, 12, GREEN)
    easel.shape([(190, 318), (204, 292), (236, 292), (250, 318)], GREEN)


def clocks(easel: Easel) -> None:
    for row in range(3):
        for column in range(-3, 4):
            x, y = 126.0 * column, 90.0 + 150 * row
            slow = (row, column) == (1, 1)
            easel.disc(x, y, 50, RED if slow else NAVY)
            easel.bar((x, y), (x + (-34 if slow else 0), y - (10 if slow else 38)), 7, PALE)
            easel.bar((x, y), (x + 22, y + (18 if slow else 10)), 7, PALE)
            easel.disc(x, y, 6, PALE)


def ferry(easel: Easel) -> None:
    easel.disc(250, 140, 58, PALE)
    easel.band(372, 108, NAVY)
    easel.box(-150, 214, 250, 58, PALE)
    easel.box(-96, 158, 130, 56, PALE)
    for x in range(-132, 84, 36):
        easel.box(x, 232, 22, 22, YELLOW)
    for x in (-80, -40, 0):
        easel.box(x, 174, 24, 20, NAVY)
    easel.box(-44, 96, 40, 62, NAVY)
    easel.box(-44, 110, 40, 18, YELLOW)
    easel.shape([(-250, 272), (210, 272), (160, 376), (-200, 376)], RED)
    easel.box(-250, 272, 460, 16, PALE)
    easel.shape([(140, 262), (146, 232), (172, 226), (226, 262)], PALE)
    easel.disc(154, 228, 15, PALE)
    easel.shape([(142, 222), (142, 234), (124, 230)], YELLOW)
    easel.disc(151, 225, 3, NAVY)
    easel.box(166, 258, 4, 16, YELLOW)
    for y, start in ((404, -380), (440, -320)):
        for place in range(7):
            easel.box(start + 116 * place, y, 62, 7, BLUE)


def ladder(easel: Easel) -> None:
    easel.band(424, 56, NAVY)
    easel.box(-112, 0, 26, 424, NAVY)
    easel.box(86, 0, 26, 424, NAVY)
    for place in range(5):
        y = 362 - 78 * place
        easel.box(-86, y, 172, 20, RED if place == 1 else NAVY)
    for x in (-372, 372):
        easel.box(x - 6, 0, 12, 424, PALE)
        easel.box(x + (34 if x < 0 else -46), 0, 12, 424, PALE)
        for y in range(20, 420, 56):
            easel.box(x + (6 if x < 0 else -34), y, 28, 9, PALE)


def signal(easel: Easel) -> None:
    easel.band(414, 66, GREEN)
    for radius, colour in ((210, BLUE), (176, SAND), (142, BLUE), (108, SAND)):
        easel.disc(0, 170, radius, colour)
    easel.shape([(-110, 414), (-16, 170), (16, 170), (110, 414), (84, 414), (0, 200), (-84, 414)],
                NAVY)  # fmt: skip
    for y, half in ((250, 44), (320, 72)):
        easel.box(-half, y, 2 * half, 11, NAVY)
    easel.bar((-66, 325), (40, 256), 8, NAVY)
    easel.bar((66, 325), (-40, 256), 8, NAVY)
    easel.box(-60, 164, 120, 12, NAVY)
    easel.arch(0, 166, 92, 112, RED)
    easel.shape([(-46, 104), (-42, 42), (-10, 66)], RED)
    easel.shape([(46, 104), (42, 42), (10, 66)], RED)
    for x in (-21, 21):
        easel.disc(x, 98, 20, PALE)
        easel.disc(x, 98, 9, NAVY)
    easel.shape([(-8, 112), (8, 112), (0, 132)], YELLOW)


def queues(easel: Easel) -> None:
    easel.band(404, 76, NAVY)
    for row in range(3):
        for column in range(-6, 7):
            easel.box(72 * column + 36 * (row % 2), 26 + 54 * row, 8, 28, NAVY)
    for place, height in enumerate((152, 166, 150, 172, 158, 148, 170, 154, 162)):
        x = 96.0 * (place - 4)
        umbrella = place == 5
        _person(easel, x, 420, height, RED if umbrella else GREEN)
        if umbrella:
            easel.box(x + 24, 214, 6, 130, NAVY)
            easel.segment(x + 27, 240, 76, 180, 360, YELLOW)


SCENES: Mapping[str, Scene] = {
    "branch": Scene(
        SAND,
        "People queue in front of a small bank with a yellow door; the shortest is in red.",
        branch,
    ),
    "peat": Scene(
        BLUE, "A spade cuts through layers of bog, and an old sun lies at the bottom.", peat
    ),
    "nearly": Scene(GREEN, "Three museum niches: a bust, a ticket machine and an urn.", nearly),
    "clocks": Scene(YELLOW, "Rows of clocks that agree, and a red one that does not.", clocks),
    "ferry": Scene(BLUE, "A red ferry under way, with a gull for its passenger.", ferry),
    "ladder": Scene(GREEN, "A ladder whose second rung is red.", ladder),
    "signal": Scene(SAND, "A radio mast with an owl on its top.", signal),
    "queues": Scene(
        BLUE, "A queue in the rain, in which one person has brought an umbrella.", queues
    ),
}

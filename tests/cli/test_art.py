"""The demo newspaper's pictures."""

import io
from collections import Counter

import pytest
from PIL import Image, ImageChops, ImageStat

from digest.cli.art import NAMES, SCENES, draw
from digest.cli.art.easel import BLUE, GREEN, NAVY, PALE, RED, SAND, YELLOW
from digest.cli.halyard import LAST_WEEK, THIS_WEEK
from digest.newsroom.intake.pictures import LEAD, THUMBNAIL, Shape, crop_and_encode

COLOURS = {NAVY, GREEN, YELLOW, RED, PALE, BLUE, SAND}


def opened(content: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(content))
    assert picture.format == "PNG"
    return picture


def test_every_story_has_its_picture_and_words_for_it() -> None:
    for story in (*THIS_WEEK, *LAST_WEEK):
        assert 20 < len(SCENES[story.slug].alt) <= 125


def test_a_name_that_is_not_known_is_an_error() -> None:
    with pytest.raises(KeyError):
        draw("nothing")


@pytest.mark.parametrize("name", SCENES)
def test_a_scene_is_flat_full_bleed_and_in_the_papers_colours(name: str) -> None:
    picture = opened(draw(name, 600, 338))
    assert (picture.size, picture.mode) == ((600, 338), "RGB")
    count: Counter[str] = Counter()
    for number, colour in picture.getcolors(600 * 338) or ():
        assert isinstance(colour, tuple)
        count["#" + "".join(f"{channel:02X}" for channel in colour)] += number
    # What is left are smoothed edges, and the ribs of the containers.
    assert sum(count[colour] for colour in COLOURS) > 0.93 * 600 * 338
    assert sum(count[colour] > 0 for colour in COLOURS) >= 3


@pytest.mark.parametrize("name", SCENES)
@pytest.mark.parametrize("shape", [LEAD, THUMBNAIL])
def test_a_scene_is_small_enough_for_a_mail(name: str, shape: Shape) -> None:
    assert len(draw(name, shape.width, shape.height)) <= shape.bytes_at_most


def test_one_picture_serves_both_shapes() -> None:
    content = draw("bat")
    assert opened(content).size == (1200, 675)
    for shape in (LEAD, THUMBNAIL):
        encoded = crop_and_encode(content, shape)
        assert encoded is not None
        assert (encoded.width, encoded.height) == (shape.width, shape.height)
        own = opened(draw("bat", shape.width, shape.height))
        cut = Image.open(io.BytesIO(encoded.content))
        assert max(ImageStat.Stat(ImageChops.difference(own, cut)).mean) < 4


@pytest.mark.parametrize("name", NAMES)
def test_the_same_name_gives_the_same_bytes(name: str) -> None:
    assert draw(name, 320, 180) == draw(name, 320, 180)


def test_the_portrait_is_a_circle_with_clear_corners_and_the_mark_a_tile() -> None:
    portrait, mark = opened(draw("portrait")), opened(draw("mark"))
    assert (portrait.size, portrait.mode) == ((288, 288), "RGBA")
    assert portrait.getpixel((0, 0))[3] == 0  # type: ignore[index]
    assert portrait.getpixel((144, 2))[3] == 255  # type: ignore[index]
    assert (mark.size, mark.mode) == ((96, 96), "RGB")

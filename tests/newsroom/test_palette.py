import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.newsroom.palette import (
    DARK_GROUND,
    DARK_PAPER,
    GROUND,
    PAPER,
    contrast,
    palette,
    parse_hex,
    sentences,
)

COLOURS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06X}")


@given(COLOURS)
def test_every_colour_gives_a_palette_that_can_be_read(accent: str) -> None:
    colours = palette(accent)

    for ground in (PAPER, GROUND, colours["tint"]):
        assert contrast(colours["text"], ground) >= 5.5
    assert contrast(colours["fill"], colours["on_fill"]) >= 4.5
    assert contrast(colours["hover"], colours["on_fill"]) >= 4.5
    assert contrast(colours["rule"], PAPER) >= 3
    assert contrast(colours["edge"] or colours["fill"], PAPER) >= 3


@given(COLOURS)
def test_every_colour_gives_a_dark_palette_that_can_be_read(accent: str) -> None:
    dark = palette(accent)["dark"]

    for ground in (DARK_PAPER, DARK_GROUND, dark["tint"]):
        assert contrast(dark["text"], ground) >= 6.5
    assert contrast(dark["fill"], dark["on_fill"]) >= 6.5
    assert contrast(dark["hover"], dark["on_fill"]) >= 6.5


@given(COLOURS)
def test_the_stored_keys_are_always_the_same(accent: str) -> None:
    colours = palette(accent)

    light = {"text", "tint", "fill", "on_fill", "hover", "rule", "edge"}
    assert set(colours) == light | {"accent", "dark"}
    assert set(colours["dark"]) == light


@given(COLOURS)
def test_a_colour_that_was_changed_is_said_in_words(accent: str) -> None:
    colours = palette(accent)
    changed = [name for name in ("text", "fill") if colours[name] != accent]
    said = sentences(colours)

    assert len(said) == len(changed)
    for name, sentence in zip(changed, said, strict=True):
        assert colours[name] in sentence


@pytest.mark.parametrize(
    ("accent", "text", "fill", "on_fill"),
    [
        ("#006B5E", "#006B5E", "#006B5E", "#FFFFFF"),
        ("#FFD400", "#735F00", "#FFD400", "#14212B"),
        ("#FFF1E5", "#6B6055", "#FFF1E5", "#14212B"),
        ("#E4572E", None, "#D2461A", "#FFFFFF"),
        ("#0057FF", "#0150EB", "#0057FF", "#FFFFFF"),
        ("#39FF14", "#147204", "#39FF14", "#14212B"),
        ("#777777", None, "#747474", "#FFFFFF"),
        ("#990F3D", "#990F3D", "#990F3D", "#FFFFFF"),
        ("#111111", "#111111", "#111111", "#FFFFFF"),
    ],
)
def test_the_colours_that_the_look_was_tried_with(
    accent: str, text: str | None, fill: str, on_fill: str
) -> None:
    colours = palette(accent)

    assert (colours["fill"], colours["on_fill"]) == (fill, on_fill)
    assert text is None or colours["text"] == text


def test_the_demos_own_colour_gives_the_looks_table() -> None:
    colours = palette("#006b5e")

    assert colours["tint"] == "#EDF5F4"
    assert colours["hover"] == "#03584D"
    assert colours["edge"] is None
    assert colours["dark"]["text"] == "#67BBAB"
    assert colours["dark"]["tint"] == "#11292C"


def test_a_light_button_gets_an_edge_and_the_rule_takes_the_text_colour() -> None:
    colours = palette("#FFD400")

    assert colours["edge"] == colours["rule"] == "#735F00"
    assert sentences(colours) == ["Your yellow is too light for text, so links use #735F00."]


@pytest.mark.parametrize("text", ["", "green", "#12345", "#GGGGGG", "#006B5E;}", "rgb(1,2,3)"])
def test_what_is_no_hex_colour_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="#006B5E"):
        palette(text)


def test_a_short_hex_colour_is_written_out() -> None:
    assert parse_hex(" abc ") == "#AABBCC"


@given(COLOURS)
def test_a_panel_in_the_dark_stays_dark(accent: str) -> None:
    # Yellow at the full share made olive mud of it: #3A3A1D.
    dark = palette(accent)["dark"]
    assert contrast(dark["tint"], DARK_PAPER) <= 1.2


def test_a_yellow_panel_in_the_dark_is_nearly_grey() -> None:
    red, green, blue = bytes.fromhex(palette("#FFD400")["dark"]["tint"][1:])
    assert max(red, green, blue) - min(red, green, blue) < 8

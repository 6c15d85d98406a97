"""Figures as SVG: round axes, nothing outside of the picture, and every word in its place."""

from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

from hypothesis import given, settings
from hypothesis import strategies as st

from digest.desk.reports.figures import FEWER, Bar, Figure, Point
from digest.web.desk.charts import BESIDE, GRIDLINES, NARROW, WIDE, axis_for, draw

SVG = "{http://www.w3.org/2000/svg}"
SEVEN = datetime(2026, 11, 14, 7, 0, tzinfo=UTC)
widths = st.sampled_from([WIDE, BESIDE, NARROW])
numbers = st.integers(0, 2_000_000)


def drawn(figure: Figure, width: int) -> ElementTree.Element:
    # As a browser reads it inside of a page.
    return ElementTree.fromstring(
        str(draw(figure, width)).replace("<svg ", f'<svg xmlns="{SVG[1:-1]}" ')
    )


@given(st.lists(numbers, min_size=1), st.booleans())
def test_an_axis_holds_every_number_with_few_round_lines(
    given_: list[int], from_zero: bool
) -> None:
    axis = axis_for(given_, from_zero=from_zero)
    assert axis.low <= min(given_)
    assert max(given_) <= axis.high
    assert 2 <= len(axis.ticks) <= GRIDLINES
    assert not from_zero or axis.low == 0
    assert str(axis.step).rstrip("0") in {"1", "2", "5"}


@settings(max_examples=40)
@given(st.lists(numbers, min_size=1, max_size=40), widths)
def test_a_line_ends_in_a_dot_at_the_last_number_and_stays_within(
    given_: list[int], width: int
) -> None:
    points = tuple(
        Point(SEVEN + timedelta(minutes=place), f"07:{place:02}", f"07:{place:02}", number)
        for place, number in enumerate(given_)
    )
    figure = Figure("accepted", "Nine & ten", "", ("By", "Accepted"), points=points)
    svg = drawn(figure, width)
    line, dot = svg.find(f"{SVG}polyline"), svg.find(f"{SVG}circle")
    assert line is not None
    assert dot is not None
    spots = [tuple(map(float, each.split(","))) for each in line.attrib["points"].split()]
    assert len(spots) == len(points)
    assert spots[-1] == (float(dot.attrib["cx"]), float(dot.attrib["cy"]))
    assert all(0 <= x <= width and 0 <= y <= int(svg.attrib["height"]) for x, y in spots)
    # Higher numbers lie higher.
    assert all(
        y <= other
        for (_, y), (_, other), one, another in zip(spots, spots[1:], given_, given_[1:])  # noqa: B905
        if one > another
    )
    assert svg.attrib["role"] == "img"
    assert svg.attrib["aria-label"] == figure.sentence
    assert svg.attrib["width"] == str(width)


HOSTILE = "</text><script>alert(1)</script> & \"'"


@settings(max_examples=40)
@given(
    st.lists(st.builds(Bar, st.sampled_from(["Left", HOSTILE, "x" * 300]), numbers | st.none()),
             min_size=1, max_size=8),
    widths,
)  # fmt: skip
def test_bars_are_as_long_as_their_numbers_and_their_words_stay_words(
    bars: list[Bar], width: int
) -> None:
    svg = drawn(Figure("clicks", HOSTILE, "", ("Story", "Clicks"), bars=tuple(bars)), width)
    assert {element.tag.removeprefix(SVG) for element in svg.iter()} == {"svg", "text", "rect"}
    lengths = [float(each.attrib["width"]) for each in svg.iter(f"{SVG}rect")]
    told = [bar.number or 0 for bar in bars]
    assert [length > 0 for length in lengths] == [number > 0 for number in told]
    longest = lengths[told.index(max(told))]
    assert longest == max(lengths)
    assert all(float(each.attrib["x"]) + float(each.attrib["width"]) <= width
               for each in svg.iter(f"{SVG}rect"))  # fmt: skip
    words = [each.text for each in svg.iter(f"{SVG}text")]
    assert words[1::2] == [FEWER if bar.number is None else f"{bar.number:,}" for bar in bars]

"""The sign-up boxes on another site, laid beside LOOK.md 9.

DIGEST_WRITE_PICTURES=1 in the environment (`make pictures`) takes the pictures of docs/img anew.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from digest.models import Newsletter
from tests.browser import OpenPage
from tests.web.gallery import LONGEST_NAME, LONGEST_PROMISE, Gallery, change_newsletter
from tests.web.host import Host, assert_it_fits, show
from tests.web.looking import Scheme, assert_axe_finds_nothing, box, style, take_picture


def test_the_card_has_the_measures_of_the_plan(host: Host, open_page: OpenPage) -> None:
    page = open_page(width=1280).page
    show(page, host.hold("card", host.element("card")))

    card = page.locator(".box")
    assert (box(card)["x"], box(card)["width"]) == (300, 680)
    assert style(card, "borderTopWidth") == "4px"
    assert style(card, "padding") == "26px 28px"
    assert style(card, "backgroundColor") == "rgb(237, 245, 244)"
    title, sentence = page.locator(".title"), page.locator(".sentence")
    assert (style(title, "fontSize"), style(title, "lineHeight")) == ("24px", "30px")
    assert (style(sentence, "fontSize"), style(title, "color")) == ("17px", "rgb(20, 33, 43)")
    assert box(page.locator(".portrait"))["width"] == 64
    field, tick, press = (page.locator(f".{name}") for name in ("field", "tick", "button"))
    assert (box(field)["width"], box(field)["height"]) == (680 - 56, 52)
    assert (box(tick)["width"], box(tick)["height"]) == (24, 24)
    assert box(press)["height"] == 52
    consent = box(page.locator(".consent"))
    assert consent["height"] >= 44
    assert consent["x"] + consent["width"] <= box(press)["x"]
    assert not tick.is_checked()
    assert page.get_by_placeholder("").count() == 0

    # As the plan has it, from edge to edge: by the host's own margin.
    page.set_viewport_size({"width": 375, "height": 900})
    assert (box(card)["x"], box(card)["width"]) == (0, 375)
    assert style(card, "padding") == "22px 20px"
    assert box(page.locator(".portrait"))["width"] == 56
    assert box(press)["width"] == box(field)["width"] == 375 - 40
    assert box(press)["y"] > box(page.locator(".consent"))["y"] + consent["height"]


def test_a_box_takes_its_size_from_its_own_place(host: Host, open_page: OpenPage) -> None:
    page = open_page(width=1280).page
    narrow = f'<div class="narrow">{host.element("card")}</div>'
    show(page, host.hold("card", narrow))

    assert box(page.locator(".box"))["width"] == 300
    assert box(page.locator(".button"))["width"] == 260
    assert_it_fits(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_box_is_as_light_or_dark_as_the_page_around_it(
    host: Host, open_page: OpenPage, scheme: Scheme
) -> None:
    page = open_page(colour_scheme=scheme).page
    fill_ = {"light": "rgb(0, 107, 94)", "dark": "rgb(103, 187, 171)"}
    show(page, host.hold("card", host.element("card")))
    assert style(page.locator(".button"), "backgroundColor") == fill_[scheme]
    # A site that has no dark pages has no dark boxes.
    show(page, host.hold("card", host.element("card"), scheme="light"))
    assert style(page.locator(".button"), "backgroundColor") == fill_["light"]
    page.goto(host.hold("card", host.pasted("iframe").replace("variant", "scheme=light&variant")))
    held = page.frame_locator("iframe")
    assert style(held.locator(".button"), "backgroundColor") == fill_["light"]


def test_a_host_sets_colours_and_type_by_variables(host: Host, open_page: OpenPage) -> None:
    page = open_page().page
    show(page, host.hold("card", host.element("card")))
    page.evaluate(
        "document.documentElement.style.setProperty('--digest-accent-fill', '#123456');"
        "document.documentElement.style.setProperty('--digest-sans', 'Arial')"
    )
    press = page.locator(".button")
    assert style(press, "backgroundColor") == "rgb(18, 52, 86)"
    assert style(press, "fontFamily") == "Arial"


@pytest.fixture
def longest_in_yellow(paper: Gallery) -> Iterator[None]:
    with paper.runtime.database.reading() as session:
        newsletter = session.scalars(select(Newsletter)).one()
    before = {name: getattr(newsletter, name) for name in ("name", "promise", "accent")}
    change_newsletter(paper, name=LONGEST_NAME, promise=LONGEST_PROMISE, accent="#FFD400")
    yield
    change_newsletter(paper, **before)


@pytest.mark.usefixtures("longest_in_yellow")
def test_the_longest_words_and_a_light_accent_fit(host: Host, open_page: OpenPage) -> None:
    page = open_page().page
    show(page, host.hold("card", host.element("card", topic="chinese-economy")))

    assert style(page.locator(".button"), "backgroundColor") == "rgb(255, 212, 0)"
    assert_axe_finds_nothing(page)
    assert_it_fits(page)


def test_a_host_may_hide_a_box(host: Host, open_page: OpenPage) -> None:
    page = open_page().page
    element = show(page, host.hold("card", host.element("card")))
    element.evaluate("box => { box.hidden = true }")

    assert not element.is_visible()


def test_where_the_system_chooses_the_colours_edges_stay(host: Host, open_page: OpenPage) -> None:
    page = open_page().page
    page.emulate_media(forced_colors="active")
    show(page, host.hold("card", host.element("card")))

    for thing in (".button", ".field"):
        assert style(page.locator(thing), "borderTopWidth") == "2px"
    assert style(page.locator(".tick"), "appearance") == "auto"


# The file; the variant; width; scheme.
PICTURES: tuple[tuple[str, str, int, Scheme], ...] = (
    ("embed-card-375-light", "card", 375, "light"),
    ("embed-card-1280-light", "card", 1280, "light"),
    ("embed-card-1280-dark", "card", 1280, "dark"),
    ("embed-inline-1280-light", "inline", 1280, "light"),
    ("embed-inline-375-dark", "inline", 375, "dark"),
    ("embed-footer-1280-light", "footer", 1280, "light"),
    ("embed-footer-375-light", "footer", 375, "light"),
)


@pytest.mark.parametrize(("file", "variant", "width", "scheme"), PICTURES)
def test_pictures_for_the_docs(
    host: Host,
    open_page: OpenPage,
    tmp_path: Path,
    file: str,
    variant: str,
    width: int,
    scheme: Scheme,
) -> None:
    page = open_page(width=width, height=720, colour_scheme=scheme).page
    show(page, host.hold(variant, host.element(variant)))
    take_picture(page, file, tmp_path, whole=True)

"""The readers' pages in a real browser, laid beside LOOK.md: measures, reflow, colours, axe.

DIGEST_WRITE_PICTURES=1 in the environment (`make pictures`) takes the pictures of docs/img anew.
They are best taken where Georgia and Helvetica, or fonts of the same measures, are installed.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from digest.models import Story
from tests.browser import OpenPage
from tests.web.gallery import (
    LONGEST_NAME,
    LONGEST_PROMISE,
    MONDAY,
    Gallery,
    add_newsletters,
    change_newsletter,
    open_gallery,
)
from tests.web.looking import (
    Scheme,
    assert_axe_finds_nothing,
    assert_nothing_is_too_wide,
    box,
    style,
    take_picture,
)
from tests.web.visits import PAGES

# What LOOK.md 2 says of them.
PAPER = {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 29, 35)"}
INK = {"light": "rgb(20, 33, 43)", "dark": "rgb(241, 245, 243)"}


def the_same(_: Gallery) -> None:
    """Leave the paper as it is."""


def longest(gallery: Gallery) -> None:
    change_newsletter(gallery, name=LONGEST_NAME, promise=LONGEST_PROMISE)


def shortest(gallery: Gallery) -> None:
    change_newsletter(gallery, name="No", promise="One story.", editor_portrait=None)


def yellow(gallery: Gallery) -> None:
    change_newsletter(gallery, accent="#FFD400")


def withdrawn(gallery: Gallery) -> None:
    """Take back a lead, a story and a brief."""
    with gallery.runtime.database.transaction() as session:
        for position in (1, 2, 6):
            for story in session.scalars(select(Story).where(Story.position == position)):
                story.article.withdrawn_at = MONDAY


VARIANTS: dict[str, tuple[Callable[[Gallery], None], bool, tuple[str, ...]]] = {
    "several newsletters": (add_newsletters, True, ("sign-up-errors", "archive", "control")),
    "no issue yet": (the_same, False, ("sign-up", "archive")),
    "longest": (
        longest,
        True,
        ("sign-up-errors", "archive", "issue", "confirm", "preferences-left"),
    ),
    "shortest": (shortest, True, ("sign-up", "issue")),
    "yellow": (yellow, True, ("sign-up-errors", "issue")),
    "withdrawn stories": (withdrawn, True, ("archive", "issue")),
}


@pytest.fixture
def variant(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Gallery]:
    change, issues, _ = VARIANTS[request.param]
    with open_gallery(tmp_path, issues=issues) as gallery:
        change(gallery)
        yield gallery


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_wrong_with(name: str, gallery: Gallery, open_page: OpenPage) -> None:
    tab = open_page()
    PAGES[name](gallery, tab.page)

    assert tab.page.locator("h1").count() == 1
    assert [error for error in tab.console_errors if "Failed to load" not in error] == []
    assert_nothing_is_too_wide(tab.page)
    assert_axe_finds_nothing(tab.page)


@pytest.mark.parametrize("variant", VARIANTS, indirect=True)
def test_nothing_is_wrong_with_a_paper_that_has(
    variant: Gallery, open_page: OpenPage, request: pytest.FixtureRequest
) -> None:
    for name in VARIANTS[request.node.callspec.params["variant"]][2]:
        page = open_page().page
        PAGES[name](variant, page)
        assert_nothing_is_too_wide(page)
        assert_axe_finds_nothing(page)


def test_the_sign_up_page_has_the_measures_of_the_plan(
    gallery: Gallery, open_page: OpenPage
) -> None:
    page = open_page(width=1280).page
    PAGES["sign-up"](gallery, page)

    assert box(page.locator(".masthead")) == {"x": 0, "y": 0, "width": 1280, "height": 73}
    assert style(page.locator(".masthead"), "borderTopWidth") == "4px"
    nameplate = page.locator("h1")
    assert style(nameplate, "fontSize") == style(nameplate, "lineHeight") == "68px"
    field, tick, button = page.locator(".field"), page.locator(".tick"), page.locator(".button")
    assert (box(field)["x"], box(field)["width"], box(field)["height"]) == (104, 520, 52)
    assert (box(tick)["width"], box(tick)["height"]) == (24, 24)
    assert box(page.locator(".consent"))["height"] >= 44
    assert (box(button)["width"], box(button)["height"]) == (520, 52)
    rail = box(page.locator(".rail"))
    assert (rail["x"], rail["x"] + rail["width"]) == (704, 1176)
    # The next section crops the issue at 640.
    specimen, recent = box(page.locator(".specimen")), box(page.locator(".recent"))
    assert recent["y"] - specimen["y"] == 640
    assert specimen["height"] > 640
    assert not page.locator(".tick").is_checked()
    assert page.get_by_placeholder("").count() == 0


def test_the_phone_has_the_form_first_and_the_issue_after_it(
    gallery: Gallery, open_page: OpenPage
) -> None:
    page = open_page(width=375, height=812).page
    PAGES["sign-up"](gallery, page)

    assert style(page.locator("h1"), "fontSize") == "48px"
    assert (box(page.locator(".field"))["x"], box(page.locator(".field"))["width"]) == (20, 335)
    form, rail = box(page.locator(".sign-up-form")), box(page.locator(".rail"))
    assert rail["y"] > form["y"] + form["height"]
    assert (rail["x"], rail["width"]) == (0, 375)
    assert box(page.locator(".button"))["height"] == 52
    assert box(page.locator(".specimen"))["height"] <= 640


@pytest.mark.parametrize("name", ["asked", "unsubscribe", "left", "too-often"])
def test_a_short_page_is_one_column_of_560(
    name: str, gallery: Gallery, open_page: OpenPage
) -> None:
    page = open_page(width=1280).page
    PAGES[name](gallery, page)

    column, heading = box(page.locator(".short")), page.locator("h1")
    assert (column["x"], column["width"]) == (104, 560)
    assert (style(heading, "fontSize"), style(heading, "lineHeight")) == ("32px", "38px")
    assert page.locator(".short .button").count() <= 2


def test_an_issue_online_is_the_mail_in_a_column_of_680(
    gallery: Gallery, open_page: OpenPage
) -> None:
    page = open_page(width=1280).page
    PAGES["issue"](gallery, page)

    lead = box(page.locator(".lead-picture img"))
    assert (lead["x"], lead["width"], lead["height"]) == (300, 680, 382.5)
    assert page.get_by_role("link", name="Read Joss’s story").count() == 1
    assert page.locator(".middle, .story").count() == 3
    assert page.locator(".brief").count() == 4
    assert page.get_by_text("The one before, No. 41").is_visible()
    card = box(page.locator(".card"))
    assert (card["x"], card["width"]) == (300, 680)
    consent, button = box(page.locator(".consent")), box(page.locator(".card .button"))
    assert consent["y"] < button["y"] + button["height"]
    assert consent["x"] < button["x"]
    page.set_viewport_size({"width": 375, "height": 812})
    assert (box(page.locator(".card"))["x"], box(page.locator(".card"))["width"]) == (0, 375)
    assert box(page.locator(".lead-picture img"))["width"] == 375
    assert page.locator(".issue-head .meta").inner_text().endswith("· 14 November 2026")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_are_those_of_the_plan_by_day_and_by_night(
    scheme: Scheme, gallery: Gallery, open_page: OpenPage
) -> None:
    page = open_page(colour_scheme=scheme).page
    PAGES["sign-up"](gallery, page)

    assert style(page.locator("body"), "backgroundColor") == PAPER[scheme]
    assert style(page.locator("h1"), "color") == INK[scheme]
    fill = {"light": "rgb(0, 107, 94)", "dark": "rgb(103, 187, 171)"}[scheme]
    assert style(page.locator(".button"), "backgroundColor") == fill
    page.locator(".tick").check()
    assert style(page.locator(".tick"), "backgroundColor") == fill


@pytest.mark.parametrize("variant", ["yellow"], indirect=True)
def test_a_yellow_accent_colours_the_button_and_not_the_words(
    variant: Gallery, open_page: OpenPage
) -> None:
    page = open_page().page
    PAGES["sign-up"](variant, page)

    assert style(page.locator(".button"), "backgroundColor") == "rgb(255, 212, 0)"
    assert style(page.locator(".button"), "color") == INK["light"]
    assert style(page.locator(".section-label").first, "color") == "rgb(115, 95, 0)"


@pytest.mark.parametrize("variant", ["no issue yet"], indirect=True)
def test_before_the_first_issue_the_rail_says_when_it_comes(
    variant: Gallery, open_page: OpenPage
) -> None:
    page = open_page().page
    PAGES["sign-up"](variant, page)

    assert page.locator(".rail").get_by_text("The first issue goes out on Saturday.").is_visible()
    assert page.get_by_text("Eight stories, a note from Imara").is_visible()
    assert page.locator(".recent").count() == 0


def test_where_the_system_chooses_the_colours_edges_stay(
    gallery: Gallery, open_page: OpenPage
) -> None:
    page = open_page().page
    page.emulate_media(forced_colors="active")
    PAGES["sign-up"](gallery, page)

    for thing in (".button", ".field"):
        assert style(page.locator(thing), "borderTopWidth") == "2px"
        assert style(page.locator(thing), "borderTopStyle") == "solid"
    assert style(page.locator(".tick"), "appearance") == "auto"


def test_who_wants_no_motion_gets_none(gallery: Gallery, open_page: OpenPage) -> None:
    page = open_page().page
    PAGES["sign-up"](gallery, page)

    assert style(page.locator(".button"), "transitionDuration") == "0s"
    page.emulate_media(reduced_motion="no-preference")
    assert style(page.locator(".button"), "transitionDuration") == "0.12s, 0.12s"


# The file; the page; width, height where it is not the whole page; scheme.
PICTURES: tuple[tuple[str, str, int, int | None, Scheme], ...] = (
    ("signup-1280-light", "sign-up", 1280, 960, "light"),
    ("signup-1280-dark", "sign-up", 1280, 960, "dark"),
    ("signup-375-light", "sign-up", 375, None, "light"),
    ("signup-375-errors", "sign-up-errors", 375, 960, "light"),
    ("issue-1280-light", "issue", 1280, None, "light"),
    ("inbox-1280-light", "inbox-html", 1280, 960, "light"),
    ("unsubscribe-375-light", "unsubscribe", 375, 667, "light"),
)


@pytest.mark.parametrize(("file", "name", "width", "height", "scheme"), PICTURES)
def test_pictures_for_the_docs(
    gallery: Gallery,
    open_page: OpenPage,
    tmp_path: Path,
    file: str,
    name: str,
    width: int,
    height: int | None,
    scheme: Scheme,
) -> None:
    page = open_page(width=width, height=height or 960, colour_scheme=scheme).page
    PAGES[name](gallery, page)
    take_picture(page, file, tmp_path, whole=height is None)

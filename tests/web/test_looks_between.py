"""The widths between a phone and a desk, the dark, and paper."""

from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser import OpenPage
from tests.web.gallery import Gallery, add_newsletters, open_gallery
from tests.web.looking import box, style
from tests.web.visits import PAGES

SEEN = "element => element.checkVisibility()"


def right(page: Page, selector: str) -> float:
    found = box(page.locator(selector).first)
    return found["x"] + found["width"]


@pytest.mark.parametrize("width", [320, 390, 680, 681, 700, 768, 799, 800, 1280])
def test_an_issue_s_pictures_are_as_wide_as_its_words_or_its_screen(
    gallery: Gallery, open_page: OpenPage, width: int
) -> None:
    page = open_page(width=width).page
    PAGES["issue"](gallery, page)
    words = box(page.locator(".issue-head"))
    for wide in (page.locator(".lead-picture img"), page.locator(".card")):
        found = box(wide)
        if width <= 680:
            assert (found["x"], found["width"]) == (0, width)
        else:
            assert (found["x"], found["width"]) == (words["x"], words["width"])


@pytest.mark.parametrize("width", [390, 700, 768, 799, 1280])
def test_what_stands_above_the_specimen_ends_with_it(
    gallery: Gallery, open_page: OpenPage, width: int
) -> None:
    page = open_page(width=width).page
    PAGES["sign-up"](gallery, page)

    assert right(page, ".rail-head") == right(page, ".specimen")


def test_the_card_s_button_is_clear_of_the_field(gallery: Gallery, open_page: OpenPage) -> None:
    page = open_page(width=1280).page
    PAGES["issue"](gallery, page)
    field, button = box(page.locator(".card .field")), box(page.locator(".card .button"))
    tick = box(page.locator(".card .tick"))

    assert button["y"] - (field["y"] + field["height"]) == 12
    assert abs(tick["y"] + tick["height"] / 2 - button["y"] - button["height"] / 2) <= 2


@pytest.mark.parametrize("width", [280, 300, 320, 390, 680, 700])
def test_a_sentence_s_end_is_kept_together_in_a_frame_too(
    gallery: Gallery, open_page: OpenPage, width: int
) -> None:
    page = open_page(width=width).page
    page.goto(f"{gallery.url}/embed/editors-digest")

    assert box(page.locator(".unbroken"))["height"] <= 21


@pytest.mark.parametrize("width", [320, 360, 375, 390, 412, 700])
def test_a_name_and_a_sentence_s_end_are_kept_together(
    gallery: Gallery, open_page: OpenPage, width: int
) -> None:
    page = open_page(width=width).page
    for name, line in (("issue", 22), ("sign-up", 23)):
        PAGES[name](gallery, page)
        assert box(page.locator(".unbroken"))["height"] <= line + 1


def test_a_long_name_may_still_break(gallery: Gallery, open_page: OpenPage) -> None:
    page = open_page(width=320).page
    PAGES["issue"](gallery, page)
    page.locator(".unbroken").evaluate("e => { e.textContent = 'Imara Vance-Oduya '.repeat(9) }")

    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_the_day_is_asked_for_only_where_a_day_is_chosen(
    gallery: Gallery, open_page: OpenPage
) -> None:
    page = open_page(javascript=False).page
    PAGES["preferences"](gallery, page)
    field = page.locator("input[type=date]")
    assert not field.is_visible()
    page.get_by_label("until the day").check()
    assert field.is_visible()
    page.get_by_label("four weeks").check()
    assert not field.is_visible()
    PAGES["preferences-errors"](gallery, page)
    assert page.locator("input[type=date]").is_visible()


@pytest.mark.parametrize(
    ("query", "scheme"),
    [
        ("", "light"),
        ("?scheme=light", "light"),
        ("?scheme=dark", "dark"),
        ("?scheme=auto", "light dark"),
        ("?scheme=neon", "light"),
    ],
)
def test_a_frame_is_light_unless_its_site_says_otherwise(
    gallery: Gallery, open_page: OpenPage, query: str, scheme: str
) -> None:
    page = open_page(colour_scheme="dark").page
    page.goto(f"{gallery.url}/embed/editors-digest{query}")
    ink = {"light": "rgb(20, 33, 43)"}.get(scheme, "rgb(241, 245, 243)")

    assert style(page.locator("html"), "colorScheme") == scheme
    assert style(page.locator("h1"), "color") == ink


# On paper


@pytest.mark.parametrize(
    "name",
    [
        "issue",
        "sign-up",
        "sign-up-errors",
        "sign-up-doubt",
        "wrong-address",
        "archive",
        "asked",
        "confirmed",
        "left",
        "preferences",
        "control",
        "control-doubt",
        "data",
        "terms",
        "privacy",
        "lost-link",
    ],
)
def test_paper_has_nothing_to_press_and_no_panels(
    gallery: Gallery, open_page: OpenPage, name: str
) -> None:
    # Whoever prints in the dark has dark words on white paper.
    page = open_page(width=718, colour_scheme="dark").page
    PAGES[name](gallery, page)
    page.emulate_media(media="print", color_scheme="dark")

    assert page.locator("h1").is_visible()
    for thing in page.locator("button, input:not([type=hidden]), select, iframe, .button").all():
        assert not thing.evaluate(SEEN), thing.evaluate("e => e.outerHTML")
    assert style(page.locator("body"), "backgroundColor") == "rgb(255, 255, 255)"
    assert style(page.locator("h1"), "color") == "rgb(0, 0, 0)"
    grounds = page.evaluate(
        "[...document.querySelectorAll('main, main *:not(img)')].filter(e => e.checkVisibility()"
        " && !e.matches('.lead-picture')).map(e => getComputedStyle(e).backgroundColor)"
    )
    assert set(grounds) <= {"rgba(0, 0, 0, 0)", "rgb(255, 255, 255)"}


@pytest.mark.parametrize("again", [False, True])
def test_on_paper_no_sentence_lacks_what_was_to_be_pressed_in_it(
    gallery: Gallery, open_page: OpenPage, again: bool
) -> None:
    page = open_page(width=718).page
    PAGES["asked"](gallery, page)
    if again:
        with page.expect_navigation():
            page.get_by_role("button", name="send it again").click()
    page.emulate_media(media="print")
    printed = page.locator("main").inner_text()

    assert "Open it and press the button" in printed
    assert "Wrong address?" not in printed
    assert "Look in spam, or" not in printed


def test_on_paper_nothing_is_said_of_a_form_that_is_not_there(
    tmp_path: Path, open_page: OpenPage
) -> None:
    with open_gallery(tmp_path, issues=False) as several:
        add_newsletters(several)
        page = open_page(width=718).page
        PAGES["preferences"](several, page)
        assert page.get_by_text("More from us").is_visible()
        page.emulate_media(media="print")

        assert not page.get_by_text("More from us").is_visible()
        assert not page.get_by_text("We will email you one link to confirm").is_visible()
        assert page.get_by_text("It comes on Saturdays at seven.").is_visible()


@pytest.mark.parametrize("width", [718, 1000])
def test_on_paper_a_picture_is_whole(gallery: Gallery, open_page: OpenPage, width: int) -> None:
    page = open_page(width=width).page
    PAGES["issue"](gallery, page)
    page.emulate_media(media="print")
    shown = box(page.locator(".lead-picture img"))

    assert shown["height"] <= 341
    assert abs(shown["width"] / shown["height"] - 16 / 9) < 0.01


def test_on_paper_each_story_s_address_is_spelt_out_once(
    gallery: Gallery, open_page: OpenPage
) -> None:
    page = open_page(width=718).page
    PAGES["issue"](gallery, page)
    page.emulate_media(media="print")
    spelt = page.evaluate(
        "[...document.querySelectorAll('a')].filter(a => a.checkVisibility())"
        ".map(a => [a.href, getComputedStyle(a, '::after').content])"
        ".filter(([, content]) => content.includes('http'))"
    )

    addresses = [href for href, _ in spelt]
    assert len(addresses) == len(set(addresses)) == 8
    for href, content in spelt:
        assert href in content
    assert page.locator(".lead-picture img").is_visible()
    assert page.get_by_text("One last thing.").is_visible()


def test_on_paper_the_specimen_is_whole(gallery: Gallery, open_page: OpenPage) -> None:
    page = open_page(width=1000).page
    PAGES["sign-up"](gallery, page)
    page.emulate_media(media="print")
    rail, last = box(page.locator(".rail")), box(page.locator(".specimen .story").last)

    assert last["y"] + last["height"] <= rail["y"] + rail["height"]


def test_two_buttons_on_a_short_page_keep_their_distance(
    gallery: Gallery, open_page: OpenPage
) -> None:
    page = open_page(width=390).page
    PAGES["paused"](gallery, page)
    page.goto(page.url)
    for name in ("Unsubscribe", "put me back"):
        with page.expect_navigation():
            page.get_by_role("button", name=name).click()
    first, second = page.locator(".button").first, page.locator(".button").last

    assert box(second)["y"] - box(first)["y"] - box(first)["height"] == 12

"""Pages in a browser beside LOOK.md: measures, reflow, axe, and pictures of them."""

import os
from pathlib import Path
from typing import Any, Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import FloatRect, Locator, Page

from tests.pictures import shrink

DOCS = Path(__file__).parents[2] / "docs" / "img"
Scheme = Literal["light", "dark"]
# What a width or a colour scheme can change.
AXE_AGAIN = """axe.run({resultTypes: ["violations"], runOnly: {type: "rule", values: [
  "color-contrast", "link-in-text-block", "scrollable-region-focusable", "target-size",
]}})"""
COMBINATIONS: tuple[tuple[int, Scheme], ...] = (
    (1280, "light"),
    (1280, "dark"),
    (375, "dark"),
    (375, "light"),
)


def assert_nothing_is_too_wide(page: Page) -> None:
    """At each width, and with text of twice the size, a reader scrolls in one direction only."""
    # A reader who sets text to 200 % has the narrow layout on a wide screen: its limits are in rem.
    for size, widths in (("100%", (1280, 768, 375, 320)), ("200%", (768, 375))):
        page.evaluate("size => { document.documentElement.style.fontSize = size }", size)
        for width in widths:
            page.set_viewport_size({"width": width, "height": 900})
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, f"{wide} px on a screen of {width}, text at {size}"
    page.evaluate("document.documentElement.style.fontSize = ''")


def assert_axe_finds_nothing(page: Page, *, once: bool = False) -> None:
    """On each width, by day and by night; `once`: on a narrow screen at night."""
    found: list[dict[str, Any]] = []
    for at, (width, scheme) in enumerate(COMBINATIONS[2:3] if once else COMBINATIONS):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        results = page.evaluate(AXE_AGAIN) if at else Axe().run(page).response
        found += results["violations"]
    assert [(v["id"], [node["html"][:160] for node in v["nodes"]]) for v in found] == []


def take_picture(page: Page, file: str, elsewhere: Path, *, whole: bool) -> None:
    """Keep a picture of the page: in docs/img where pictures are taken anew, or only try it."""
    # Pictures further down come when they are scrolled to.
    page.evaluate("document.querySelectorAll('img').forEach(image => image.loading = 'eager')")
    page.wait_for_load_state("networkidle")
    folder = DOCS if os.environ.get("DIGEST_WRITE_PICTURES") else elsewhere
    picture = folder / f"{file}.png"
    page.evaluate("scrollTo(0, 0)")
    page.screenshot(path=picture, full_page=whole)
    shrink(picture)
    assert 10_000 < picture.stat().st_size < 300_000


def box(thing: Locator) -> FloatRect:
    found = thing.bounding_box()
    assert found is not None
    return found


def style(thing: Locator, name: str) -> str:
    return str(thing.evaluate("(element, name) => getComputedStyle(element)[name]", name))

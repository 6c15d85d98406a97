"""The mails in a real browser: nothing overflows, the dark is dark, axe has nothing serious to say.

DIGEST_WRITE_PICTURES=1 in the environment takes the pictures of docs/img anew. They are best taken
where Georgia and Helvetica, or fonts of the same measures, are installed.
"""

import os
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Route

from digest.delivery.rendering.issue import Rendered, render_issue
from digest.models import NoticeKind
from tests.browser import OpenPage
from tests.emails.samples import (
    NOTICE_KINDS,
    READER,
    halyard_issue,
    issue_of_unknown_length,
    longest_issue,
    media,
    notice,
    shortest_issue,
)
from tests.pictures import shrink

DOCS = Path(__file__).parents[2] / "docs" / "img"
Scheme = Literal["light", "dark"]
PAPER = {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 29, 35)"}

MAILS: dict[str, Callable[[], Rendered]] = {
    "issue": lambda: render_issue(halyard_issue(), READER),
    "yellow": lambda: render_issue(halyard_issue("#FFD400"), READER),
    "longest": lambda: render_issue(longest_issue(), READER),
    "shortest": lambda: render_issue(shortest_issue(), READER),
    "some of unknown length": lambda: render_issue(
        issue_of_unknown_length(all_of_it=False), READER
    ),
    "unknown length": lambda: render_issue(issue_of_unknown_length(), READER),
    **{str(kind): partial(notice, kind) for kind in NOTICE_KINDS},
}


@pytest.fixture(scope="module")
def pictures() -> dict[str, tuple[bytes, str]]:
    return dict(media())


@pytest.fixture
def show(open_page: OpenPage, pictures: dict[str, tuple[bytes, str]]) -> Callable[..., Page]:
    """Call it to see a mail: its HTML, with the pictures that it asks for."""

    def opened(
        html: str, width: int, scheme: Scheme = "light", *, images: bool = True, scale: float = 1
    ) -> Page:
        page = open_page(width=width, colour_scheme=scheme, device_scale_factor=scale).page

        def serve(route: Route) -> None:
            path = "/media/" + route.request.url.rpartition("/")[2]
            if not images or path not in pictures:
                route.abort()
                return
            content, content_type = pictures[path]
            route.fulfill(body=content, content_type=content_type)

        page.route("**/media/*", serve)
        page.set_content(html, wait_until="load")
        return page

    return opened


def too_wide(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > window.innerWidth"))


@pytest.mark.parametrize("name", MAILS)
def test_nothing_is_wider_than_the_screen(show: Callable[..., Page], name: str) -> None:
    page = show(MAILS[name]().html, 600)
    for width in (600, 375, 320):
        page.set_viewport_size({"width": width, "height": 800})
        assert not too_wide(page)
        outside = page.evaluate(
            "[...document.querySelectorAll('p, h1, h2, h3, img')].filter(element => {"
            "  const box = element.getBoundingClientRect();"
            "  return box.right > window.innerWidth || box.left < -3 }).length"
        )
        assert outside == 0


@pytest.mark.parametrize("name", ["issue", "yellow", "confirmation", "held"])
def test_axe_finds_nothing_serious(show: Callable[..., Page], name: str) -> None:
    page = show(MAILS[name]().html, 375)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found = Axe().run(page).response["violations"]
        serious = [
            (scheme, violation["id"], node["html"][:200])
            for violation in found
            if violation["impact"] in {"serious", "critical"}
            for node in violation["nodes"]
        ]
        assert serious == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_paper_is_white_by_day_and_dark_by_night(show: Callable[..., Page], scheme: Scheme) -> None:
    page = show(MAILS["issue"]().html, 600, scheme)
    colour = page.locator(".paper").first.evaluate("e => getComputedStyle(e).backgroundColor")
    assert colour == PAPER[scheme]


def test_the_lead_picture_runs_from_edge_to_edge_on_a_phone(show: Callable[..., Page]) -> None:
    page = show(MAILS["issue"]().html, 375)
    lead = page.locator(".bleed img").bounding_box()
    assert lead is not None
    assert (lead["x"], lead["width"]) == (0, 375)
    assert lead["height"] == pytest.approx(375 * 9 / 16, abs=1)


def test_the_column_is_600_wide_and_stands_in_the_middle(show: Callable[..., Page]) -> None:
    page = show(MAILS["issue"]().html, 1000)
    column = page.locator(".column").first.bounding_box()
    lead = page.locator(".bleed img").bounding_box()
    assert column is not None
    assert lead is not None
    assert (column["x"], column["width"]) == (200, 600)
    assert (lead["x"], lead["width"]) == (232, 536)


def test_phones_drop_the_weekday(show: Callable[..., Page]) -> None:
    html = MAILS["issue"]().html
    for width, shown in ((600, True), (375, False)):
        page = show(html, width)
        assert page.get_by_text("Saturday", exact=False).first.is_visible() is shown


@pytest.mark.parametrize("width", [600, 375])
def test_without_pictures_it_reads_as_well(show: Callable[..., Page], width: int) -> None:
    page = show(MAILS["issue"]().html, width, images=False)
    assert page.get_by_role("heading", name="The port that decided to stop growing").is_visible()
    assert page.locator(".bleed img").get_attribute("alt")
    tint = page.locator("td.tint").last.evaluate("e => getComputedStyle(e).backgroundColor")
    assert tint == "rgb(237, 245, 244)"
    assert not too_wide(page)


@pytest.mark.parametrize("width", [600, 375])
def test_without_style_blocks_the_layout_holds(show: Callable[..., Page], width: int) -> None:
    html = re.sub(r"<style>.*?</style>", "", MAILS["issue"]().html, flags=re.DOTALL)
    page = show(html, width)
    assert not too_wide(page)
    thumbnail = page.locator("td[width='31%'] img").first.bounding_box()
    assert thumbnail is not None
    assert thumbnail["width"] == pytest.approx(0.31 * (width - 64), abs=1.5)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_pressed_is_large_enough(show: Callable[..., Page], scheme: Scheme) -> None:
    page = show(MAILS["issue"]().html, 375, scheme)
    button = page.get_by_role("link", name="Read Joss’s story").bounding_box()
    assert button is not None
    assert button["height"] >= 44
    for name in ("Unsubscribe", "Change what we send"):
        line = page.locator(".foot-link", has_text=name).bounding_box()
        assert line is not None
        assert line["height"] >= 32


@pytest.mark.parametrize(
    ("file", "make", "width", "scheme"),
    [
        ("email-600-light", MAILS["issue"], 600, "light"),
        ("email-375-light", MAILS["issue"], 375, "light"),
        ("email-375-dark", MAILS["issue"], 375, "dark"),
        ("confirmation-375-light", MAILS[NoticeKind.CONFIRMATION.value], 375, "light"),
    ],
)
def test_pictures_for_the_docs(
    show: Callable[..., Page],
    tmp_path: Path,
    file: str,
    make: Callable[[], Rendered],
    width: int,
    scheme: Scheme,
) -> None:
    folder = DOCS if os.environ.get("DIGEST_WRITE_PICTURES") else tmp_path
    picture = folder / f"{file}.png"
    show(make().html, width, scheme).screenshot(path=picture, full_page=True)
    shrink(picture)
    assert 10_000 < picture.stat().st_size < 300_000

"""The frame and the plain form on another site; and our own page that shows every box."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser import OpenPage
from tests.servers.web import WebServer
from tests.web.gallery import Gallery
from tests.web.host import VARIANTS, Host, asked, fill, show
from tests.web.looking import (
    Scheme,
    assert_axe_finds_nothing,
    assert_nothing_is_too_wide,
    box,
)


def frame(host: Host, variant: str) -> str:
    return host.pasted("iframe").replace("variant=card", f"variant={variant}")


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(
    ("width", "scheme", "javascript"), [(375, "dark", False), (1280, "light", True)]
)
def test_a_frame_takes_a_sign_up_and_answers_inside(
    host: Host,
    paper: Gallery,
    open_page: OpenPage,
    variant: str,
    width: int,
    scheme: Scheme,
    javascript: bool,
) -> None:
    tab = open_page(width=width, colour_scheme=scheme, javascript=javascript)
    page, email = tab.page, f"framed.{variant}.{width}@example.org"
    page.goto(host.hold(variant, frame(host, variant), head=host.listener()))
    held = page.frame_locator("iframe")
    if javascript:
        assert_whole(page)
    if javascript:
        held.get_by_role("button", name="Sign up").click()
        expect(held.locator(".problem")).to_be_focused()
        assert_whole(page)
        if variant == "card":
            assert_axe_finds_nothing(page)
        held.get_by_label("Email address").fill(email)
        held.get_by_label("I have read and agree").check()
        held.get_by_role("button", name="Sign up").click()
    else:
        # By keyboard alone: nothing else on the page takes the focus.
        page.keyboard.press("Tab")
        # The frame is a process of its own, and gets the keys a moment later.
        expect(held.get_by_label("Email address")).to_be_focused()
        page.keyboard.type(email)
        for key in ("Tab", "Space", "Tab", "Tab", "Enter"):
            page.keyboard.press(key)
    answer = held.get_by_role("heading", name="Now check your email")
    expect(answer).to_be_visible()
    if javascript:
        expect(answer).to_be_focused()

    assert page.url == f"{host.url}/{variant}"
    found, topics, detail = asked(paper, email)
    assert (found.form, found.site, topics) == ("article card", "localhost", [])
    assert detail.page_url == f"{host.url}/"
    assert page.context.cookies() == []
    # A frame of another site gets the focus by its script only.
    benign = ("422", "Blocked autofocusing")
    assert [each for each in tab.console_errors if not any(b in each for b in benign)] == []


def assert_whole(page: Page) -> None:
    """The frame is as high as what it holds: it does not scroll, and has nothing left over."""
    page.wait_for_function(
        "Math.abs(document.querySelector('iframe').offsetHeight"
        " - document.querySelector('iframe').height) < 1"
    )
    inside = page.frames[1]
    page.wait_for_timeout(100)
    heights = inside.evaluate("[document.body.getBoundingClientRect().height, innerHeight]")
    assert 0 <= heights[1] - heights[0] < 1


def test_a_frame_looks_as_the_element_does(host: Host, open_page: OpenPage) -> None:
    page = open_page().page
    show(page, host.hold("card", host.element("card")))
    element = [box(page.locator(f".{name}")) for name in ("box", "title", "field", "tick")]
    page.goto(host.hold("card", frame(host, "card"), head=host.listener()))
    held = page.frame_locator("iframe")
    framed = [box(held.locator(f".{name}")) for name in ("box", "title", "field", "tick")]
    at = framed[0]["y"] - element[0]["y"]
    for one, other in zip(element[1:], framed[1:], strict=True):
        assert (one["x"], one["width"], one["height"]) == (
            other["x"],
            other["width"],
            other["height"],
        )
        assert abs(other["y"] - one["y"] - at) < 1


def test_a_site_that_was_not_declared_gets_no_frame(
    host_server: WebServer, host: Host, open_page: OpenPage
) -> None:
    tab = open_page()
    host.hold("card", frame(host, "card"))
    tab.page.goto(f"{host_server.url}/card")

    tab.page.wait_for_timeout(300)
    assert tab.page.frame_locator("iframe").get_by_label("Email address").count() == 0
    assert any("frame-ancestors" in error for error in tab.console_errors)


# The plain form, and the page that shows all of it


def test_mistakes_are_told_in_a_frame_without_a_script(host: Host, open_page: OpenPage) -> None:
    page = open_page(width=375, javascript=False).page
    page.goto(host.hold("card", frame(host, "card"), head=""))
    held = page.frame_locator("iframe")
    held.get_by_label("Email address").fill("robin.example.org")
    held.get_by_role("button", name="Sign up").click()

    expect(held.get_by_role("heading", name="There is a problem")).to_be_visible()
    expect(held.get_by_label("Email address")).to_have_value("robin.example.org")
    assert page.url == f"{host.url}/card"


def test_the_plain_form_works_under_the_same_policy_without_a_script(
    host: Host, paper: Gallery, open_page: OpenPage
) -> None:
    looked_at = open_page(width=1280).page
    looked_at.goto(f"{paper.url}/embed/")
    form = looked_at.locator("pre").last.inner_text()
    page = open_page(width=375, javascript=False).page
    page.goto(host.hold("card", form, scheme="plain", head=""))
    fill(page, "plain@example.org")
    page.get_by_role("button", name="Sign up").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Now check your email")
    assert asked(paper, "plain@example.org")[0].site == "localhost"


def test_every_box_can_be_looked_at_live(paper: Gallery, open_page: OpenPage) -> None:
    tab = open_page(width=1280)
    tab.page.goto(f"{paper.url}/embed/")
    for element in tab.page.locator("digest-signup").all():
        element.scroll_into_view_if_needed()
        expect(element).to_have_attribute("state", "ready")
    for number in range(3):
        held = tab.page.frame_locator("iframe").nth(number)
        expect(held.get_by_label("Email address")).to_be_visible()
    assert_axe_finds_nothing(tab.page)
    assert_nothing_is_too_wide(tab.page)
    assert (tab.console_errors, tab.failed_requests) == ([], [])

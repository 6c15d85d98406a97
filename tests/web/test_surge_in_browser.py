"""A surge as a reader meets it: the browser does a small sum, on our page or on the one between."""

import time
from collections.abc import Iterator
from typing import Literal

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from sqlalchemy import select

from digest.models import ConsentDetail, SignUp
from tests.browser import OpenPage
from tests.servers.web import WebServer
from tests.web.gallery import Gallery, open_gallery
from tests.web.host import Host, fill, show
from tests.web.looking import box

HTML = {"Content-Type": "text/html"}
PASTED = """<!doctype html>
<html lang="en"><head><title>A blog</title><link rel="icon" href="data:,"></head><body>
<form method="post" action="{url}/subscribe">
  <input type="hidden" name="newsletter" value="editors-digest">
  <input type="hidden" name="wording" value="1">
  <input type="hidden" name="form" value="article foot">
  <label>Email address <input name="email"></label>
  <label><input type="checkbox" name="consent" value="yes"> I agree</label>
  <button>Sign up</button>
</form></body></html>"""


# Under that path nothing is found without it.
@pytest.fixture(scope="module", params=["", "/embed"])
def flooded(
    request: pytest.FixtureRequest,
    host_server: WebServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Gallery]:
    """The paper's pages, while sign-ups surge."""
    folder = tmp_path_factory.mktemp("flooded")
    site = host_server.url.replace("127.0.0.1", "localhost")
    with open_gallery(
        folder, issues=False, path=request.param, surge=1, embed_origins=(site,)
    ) as gallery:
        for number in range(2):
            fields = {"email": f"flood{number}@example.org", "newsletter": "editors-digest"}
            httpx.post(f"{gallery.url}/subscribe", data=fields)
        # What a process has heard of a surge it remembers for a second.
        time.sleep(1.1)
        yield gallery


def asked(gallery: Gallery, email: str) -> list[SignUp]:
    with gallery.runtime.database.reading() as session:
        return list(session.scalars(select(SignUp).where(SignUp.email == email)))


def fill_in(page: Page, email: str) -> None:
    page.get_by_label("Email address").fill(email)
    page.get_by_label("agree").check()


def test_on_our_page_the_reader_notices_nothing(flooded: Gallery, open_page: OpenPage) -> None:
    tab = open_page()
    tab.page.goto(flooded.url)
    fill_in(tab.page, "ours@example.org")
    # At once: whoever is faster than the sum waits for it.
    tab.page.get_by_role("button", name="Send me").click()

    expect(tab.page.locator("h1")).to_have_text("Now check your email")
    assert len(asked(flooded, "ours@example.org")) == 1
    assert not tab.console_errors


@pytest.mark.parametrize(
    ("width", "scheme"), [(375, "light"), (1280, "dark")], ids=["phone", "desktop"]
)
def test_from_another_site_a_page_of_ours_comes_between(
    flooded: Gallery,
    open_page: OpenPage,
    http_server: WebServer,
    width: int,
    scheme: Literal["light", "dark"],
) -> None:
    email = f"theirs{width}@example.org"
    blog = http_server.route("/blog", PASTED.format(url=flooded.url).encode(), headers=HTML)
    blog = blog.replace("127.0.0.1", "localhost")
    tab = open_page(width=width, colour_scheme=scheme)
    page = tab.page
    page.goto(blog)
    fill_in(page, email)
    page.get_by_role("button", name="Sign up").click()

    expect(page.locator("h1")).to_have_text("Once more, please")
    assert not asked(flooded, email)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert Axe().run(page).violations_count == 0
    page.get_by_role("button", name="Sign me up").click()
    expect(page.locator("h1")).to_have_text("Now check your email")
    [row] = asked(flooded, email)
    assert (row.site, row.form) == ("localhost", "article foot")
    with flooded.runtime.database.reading() as session:
        told = select(ConsentDetail.page_url).where(ConsentDetail.email == email)
        assert session.scalar(told) == blog.replace("/blog", "/")
    assert not [error for error in tab.console_errors if "403" not in error]


def test_without_scripts_it_is_said_what_to_do(flooded: Gallery, open_page: OpenPage) -> None:
    page = open_page(javascript=False).page
    page.goto(flooded.url)
    fill_in(page, "scriptless@example.org")
    for button in ("Send me", "Sign me up"):
        page.get_by_role("button", name=button).click()
        expect(page.locator("h1")).to_have_text("Once more, please")
        expect(page.get_by_text("Switch it on for this page and load it again")).to_be_visible()
    assert not asked(flooded, "scriptless@example.org")


def test_a_browser_that_cannot_do_the_sum_is_told(flooded: Gallery, open_page: OpenPage) -> None:
    page = open_page().page
    page.route("**/proof-worker.js", lambda route: route.fulfill(body="throw new Error()"))
    page.goto(flooded.url)
    fill_in(page, "broken@example.org")
    page.get_by_role("button", name="Send me").click()

    expect(page.get_by_role("status")).to_contain_text("Your browser could not do the sum.")
    assert not asked(flooded, "broken@example.org")


def test_a_box_on_another_site_does_the_sum_by_itself(
    flooded: Gallery, host_server: WebServer, open_page: OpenPage
) -> None:
    host = Host(host_server, flooded.url)
    tab = open_page()
    element = show(tab.page, host.hold("card", host.element("card")))
    fill(tab.page, "boxed@example.org")
    tab.page.get_by_role("button", name="Sign up").click()

    expect(tab.page.get_by_role("heading", name="Now check your email")).to_be_focused()
    expect(element).to_have_attribute("state", "asked")
    assert len(asked(flooded, "boxed@example.org")) == 1
    tab.page.get_by_role("button", name="send it again").click()
    expect(tab.page.get_by_text("Sent again.")).to_be_visible()
    assert not [error for error in tab.console_errors if "403" not in error]


def test_a_frame_on_another_site_stays_a_frame(
    flooded: Gallery, host_server: WebServer, open_page: OpenPage
) -> None:
    host = Host(host_server, flooded.url)
    address = f"{flooded.url}/embed/editors-digest?variant=footer"
    tab = open_page()
    tab.page.goto(host.hold("footer", f'<iframe title="Sign up" src="{address}"></iframe>'))
    frame = tab.page.frame_locator("iframe")
    frame.get_by_label("Email address").fill("framed@example.org")
    frame.get_by_label("I have read and agree").check()
    frame.get_by_role("button", name="Sign up for free").click()

    expect(frame.get_by_role("heading", name="Now check your email")).to_be_visible()
    [row] = asked(flooded, "framed@example.org")
    assert row.site == "localhost"


def test_a_button_that_waits_for_the_sum_stays_as_it_was(
    flooded: Gallery, open_page: OpenPage
) -> None:
    page = open_page().page
    never = "export async function solve() { await new Promise(() => {}); }"
    page.route("**/embed-proof.js", lambda r: r.fulfill(body=never, content_type="text/javascript"))
    page.goto(f"{flooded.url}/embed/editors-digest?variant=card")
    fill_in(page, "patient@example.org")
    button = page.get_by_role("button", name="Sign up")
    before = box(button)
    button.click()

    status = page.get_by_role("status")
    expect(status).to_have_text("One moment: your browser is doing a small sum.")
    # To the pixel: its width is set in whole ones.
    assert box(button) == pytest.approx(before, abs=1)
    assert box(status)["y"] > before["y"] + before["height"]
    assert not asked(flooded, "patient@example.org")

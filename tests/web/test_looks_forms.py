"""The forms in a real browser: by keyboard alone, with mistakes, and while they are being sent."""

import json
import time
from dataclasses import dataclass
from typing import Literal

import pytest
from playwright.sync_api import expect
from sqlalchemy import func, select

from digest.models import SignUp, Subscriber
from digest.runtime import Bell
from digest.tokens import Purpose
from tests.browser import OpenPage
from tests.web.gallery import Gallery
from tests.web.visits import PAGES

FOCUS = "document.activeElement.innerText || document.activeElement.id"


def sign_ups(gallery: Gallery, email: str) -> int:
    with gallery.runtime.database.reading() as session:
        asked = select(func.count(SignUp.id)).where(SignUp.email == email)
        return session.scalar(asked) or 0


@pytest.mark.parametrize("javascript", [True, False])
def test_a_reader_signs_up_by_keyboard_alone(
    gallery: Gallery, open_page: OpenPage, javascript: bool
) -> None:
    page = open_page(javascript=javascript).page
    PAGES["sign-up"](gallery, page)
    email = f"keys-{javascript}@example.org".lower()
    seen = []

    def tab() -> None:
        page.keyboard.press("Tab")
        seen.append(page.evaluate(FOCUS).strip())

    tab()
    assert page.get_by_role("link", name="Skip to the text").is_visible()
    for _ in range(3):
        tab()
    page.keyboard.type(email)
    tab()
    page.keyboard.press("Space")
    for _ in range(2):
        tab()
    assert seen == [
        "Skip to the text",
        "The Halyard",
        "Past issues",
        "email",
        "consent",
        "terms & conditions",
        "Send me the Digest",
    ]
    page.keyboard.press("Enter")
    page.wait_for_url("**/subscribe")
    expect(page.locator("h1")).to_have_text("Now check your email")
    assert sign_ups(gallery, email) == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_whatever_has_the_focus_shows_it(
    scheme: Literal["light", "dark"], gallery: Gallery, open_page: OpenPage
) -> None:
    page = open_page(colour_scheme=scheme).page
    ink = {"light": "rgb(20, 33, 43)", "dark": "rgb(241, 245, 243)"}[scheme]
    for name in ("sign-up", "unsubscribe", "archive"):
        PAGES[name](gallery, page)
        focusable = page.locator("a:not([tabindex]), button, input:not([type=hidden], [tabindex])")
        for number in range(focusable.count()):
            page.keyboard.press("Tab")
            shown = page.evaluate(
                "(seen => [seen.outlineStyle, seen.outlineWidth, seen.outlineColor])"
                "(getComputedStyle(document.activeElement))"
            )
            assert shown == ["solid", "3px", ink], (name, number, page.evaluate(FOCUS))


@pytest.mark.parametrize("javascript", [True, False])
def test_mistakes_are_told_where_the_reader_looks(
    gallery: Gallery, open_page: OpenPage, javascript: bool
) -> None:
    tab = open_page(width=375, javascript=javascript)
    page = tab.page
    PAGES["sign-up-errors"](gallery, page)

    assert page.title().startswith("Error: ")
    problem = page.get_by_role("alert")
    assert problem.locator("h2").inner_text() == "There is a problem"
    page.wait_for_function("document.activeElement.className == 'problem'")
    field = page.get_by_label("Email address")
    assert field.input_value() == "robin.example.org"
    assert field.get_attribute("aria-invalid") == "true"
    said = "Enter an email address with an @, like name@example.org"
    assert page.locator(f"#{field.get_attribute('aria-describedby')}").inner_text() == said
    assert field.evaluate("e => getComputedStyle(e).borderTopWidth") == "2px"
    tick = page.get_by_label("I have read and agree")
    assert tick.get_attribute("aria-invalid") == "true"
    assert not tick.is_checked()
    problem.get_by_role("link", name=said).click()
    page.keyboard.press("Tab" if not javascript else "End")
    if javascript:
        assert page.evaluate(FOCUS) == "email"
        assert page.get_by_text("Email address", exact=True).is_visible()
    assert page.url.endswith("/subscribe#email" if not javascript else "/subscribe")


@dataclass
class SlowBell:
    """A bell that is slow to answer, and the form with it."""

    bell: Bell

    def ring(self, task: str, *ids: int) -> None:
        time.sleep(0.5)
        self.bell.ring(task, *ids)


# What is seen while it is being sent; then it is pressed again, and Enter in the field is too.
PRESS_AGAIN = """() => {
  const form = document.querySelector("form"), button = form.querySelector(".button");
  const before = button.offsetWidth;
  form.addEventListener("submit", () => setTimeout(() => {
    sessionStorage.seen = JSON.stringify([
      button.textContent, button.ariaDisabled, button.offsetWidth - before,
      document.activeElement == button,
    ]);
  }), {once: true});
  // Later, when the first is on its way: two presses at the same moment are one for any browser.
  form.addEventListener("submit", () => setTimeout(() => {
    button.click();
    form.requestSubmit();
  }, 150), {once: true});
}"""


def test_a_button_that_was_pressed_says_so_and_sends_once(
    gallery: Gallery, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gallery.runtime, "bell", SlowBell(gallery.runtime.bell))
    page = open_page().page
    posted = []
    page.on("request", lambda request: posted.append(request.method) if request.post_data else None)
    PAGES["sign-up"](gallery, page)
    page.get_by_label("Email address").fill("once@example.org")
    page.get_by_label("I have read and agree").check()
    page.evaluate(PRESS_AGAIN)
    page.locator(".button").click()

    page.get_by_text("Now check your email").wait_for()
    assert json.loads(page.evaluate("sessionStorage.seen")) == ["Sending…", "true", 0, True]
    assert posted == ["POST"]
    assert sign_ups(gallery, "once@example.org") == 1


def test_the_button_that_was_pressed_is_the_one_that_counts(
    gallery: Gallery, open_page: OpenPage
) -> None:
    page = open_page().page
    PAGES["unsubscribe"](gallery, page)
    page.get_by_role("button", name="Pause for four weeks instead").click()

    expect(page.locator("h1")).to_have_text("Editor’s Digest is paused")


def test_going_back_finds_a_form_that_is_not_busy(gallery: Gallery, open_page: OpenPage) -> None:
    page = open_page().page
    PAGES["asked"](gallery, page)
    page.go_back()

    assert page.locator(".button").inner_text() == "Send me the Digest"
    assert page.locator(".button").get_attribute("aria-disabled") is None


@pytest.mark.parametrize("javascript", [True, False])
def test_a_reader_pauses_and_erases_themselves_by_keyboard_alone(
    gallery: Gallery, open_page: OpenPage, javascript: bool
) -> None:
    page = open_page(width=375, javascript=javascript).page
    period = gallery.reader()

    def press(words: str) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate(FOCUS).strip() == words:
                with page.expect_navigation():
                    page.keyboard.press("Enter")
                return
        pytest.fail(f"no Tab leads to {words}")

    page.goto(gallery.url + gallery.path(Purpose.PREFERENCES, period))
    page.get_by_label("No break").focus()
    page.keyboard.press("ArrowDown")
    press("Save")
    assert (
        page.get_by_role("status")
        .inner_text()
        .startswith("The Editor’s Digest is paused until Monday 14 December.")
    )
    assert "Paused until Monday 14 December." in page.locator("main").inner_text()
    press("Mail me a fresh link")
    page.goto(gallery.url + gallery.newest_link())
    press("Yes, open it")
    assert "@example.org" in page.locator("main").inner_text()
    press("Erase everything about me")
    press("Erase my data")
    assert page.locator("h1").inner_text() == "Everything about you is erased"
    with gallery.runtime.database.reading() as session:
        assert session.get_one(Subscriber, period.subscriber_id).email is None

"""The Friday story in Chromium: where no script runs, by the keyboard alone, and on a phone."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import ElementHandle, Locator, Page, expect

from tests.browser import OpenPage
from tests.web.desk.friday import Friday, Hands, friday, play

# Tells by which key the focus comes nearer to an element, and what is wrong with how it is seen.
STEP = """wanted => {
  const here = document.activeElement;
  if (here === wanted) return ["there", seen(here)];
  const after = wanted.compareDocumentPosition(here) & Node.DOCUMENT_POSITION_PRECEDING;
  return [here === document.body || after ? "Tab" : "Shift+Tab", seen(here)];
  function seen(element) {
    if (element === document.body || element.matches("iframe")) return "";
    const { outlineStyle, outlineWidth } = getComputedStyle(element);
    if (outlineStyle === "none" || outlineWidth === "0px") return "it has no ring";
    const { left, top, right, bottom } = element.getBoundingClientRect();
    const [x, y] = [Math.max(left, 0) + right, Math.max(top, 0) + bottom].map(sum => sum / 2);
    const on_top = document.elementFromPoint(x, y);
    return on_top && (element.contains(on_top) || on_top.contains(element)) ? "" : "it is covered";
  }
}"""
MOST_STEPS = 150


def beginning(name: str) -> re.Pattern[str]:
    return re.compile(rf"^{re.escape(name)}")


class Pointer(Hands):
    """A mouse."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def open(self, address: str) -> None:
        self.page.goto(address)

    def write(self, label: str, words: str) -> None:
        self._field(label).fill(words)

    def press(self, button: str) -> None:
        self._act(self._button(button))

    def follow(self, link: str) -> None:
        self._act(self._link(link))

    def unfold(self, summary: str) -> None:
        self._act(self.page.locator("summary", has_text=summary).first)

    def named(self, button: str) -> list[str]:
        found = self.page.get_by_role("button", name=beginning(button)).all()
        return [" ".join(each.inner_text().split()) for each in found if each.is_visible()]

    def miss(self, button: str) -> None:
        expect(self.page.get_by_role("button", name=beginning(button))).to_have_count(0)

    def can_follow(self, link: str) -> bool:
        return self._link(link).is_visible()

    def see(self, words: str) -> None:
        expect(self.page.locator("body")).to_contain_text(words)

    def see_in_email(self, words: str) -> None:
        frame = self.page.frame_locator(".seen iframe:not(.coming)")
        expect(frame.locator("body")).to_contain_text(words)

    def _act(self, on: Locator) -> None:
        # By key: a whole Chromium may hit the email's frame beside what has just been scrolled to.
        on.press("Enter")

    def _button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=beginning(name)).first

    def _link(self, name: str) -> Locator:
        return self.page.get_by_role("link", name=beginning(name)).first

    def _field(self, label: str) -> Locator:
        return self.page.get_by_label(label, exact=True).locator("visible=true").first


class Finger(Pointer):
    """A finger on glass."""

    def _act(self, on: Locator) -> None:
        on.tap()


class Keys(Pointer):
    """A keyboard, and nothing else: what it is to act on it goes to, by Tab."""

    def write(self, label: str, words: str) -> None:
        self._go_to(self._field(label))
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.type(words)

    def _act(self, on: Locator) -> None:
        self._go_to(on)
        self.page.keyboard.press("Enter")

    def _go_to(self, thing: Locator) -> None:
        wanted = thing.element_handle()
        for _ in range(MOST_STEPS):
            way, wrong = self._step(wanted)
            assert not wrong, f"{wrong}: {self._focused()}"
            if way == "there":
                return
            self.page.keyboard.press(way)
        raise AssertionError(f"{MOST_STEPS} times Tab did not lead to it, but to {self._focused()}")

    def _step(self, wanted: ElementHandle) -> tuple[str, str]:
        way, wrong = wanted.evaluate(STEP)
        return str(way), str(wrong)

    def _focused(self) -> str:
        return str(self.page.evaluate("document.activeElement.outerHTML.slice(0, 200)"))


@pytest.fixture
def paper(tmp_path: Path) -> Iterator[Friday]:
    with friday(tmp_path) as made:
        yield made


def test_where_no_script_runs(paper: Friday, open_page: OpenPage) -> None:
    play(paper, Pointer(open_page(width=1440, javascript=False).page))


def test_by_the_keyboard_alone(paper: Friday, open_page: OpenPage) -> None:
    play(paper, Keys(open_page(width=1440).page))


def test_by_a_finger_on_a_phone(paper: Friday, open_page: OpenPage) -> None:
    play(paper, Finger(open_page(width=390, height=844, touch=True).page))

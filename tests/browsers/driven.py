"""The hands that play in a browser through its driver (WebDriver, W3C)."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium.common.exceptions import NoSuchElementException, WebDriverException
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.remote.webelement import WebElement

from tests.browsers.engines import Engine
from tests.clients.sight import Sight
from tests.pictures import shrink
from tests.web.desk.friday import Hands
from tests.web.looking import Scheme

HEIGHT = 900
WIDTHS = (1440, 390)
PATIENCE_SECONDS = 30
# What is in sight and has a name that begins so, in boxes of their own too. A field is named by its
# label.
FIND = """
const [selector, name] = arguments;
const words = node => node.nodeType === Node.TEXT_NODE ? node.data
  : node.nodeType !== Node.ELEMENT_NODE || node.ariaHidden === "true" ? ""
  : [...node.childNodes].map(words).join("");
const all = root => [
  ...root.querySelectorAll(selector),
  ...[...root.querySelectorAll("*")].flatMap(each => each.shadowRoot ? all(each.shadowRoot) : []),
];
const called = each => words(each).split(/\\s+/).filter(Boolean).join(" ");
const found = all(document)
  .map(each => [each.control ?? each, called(each)])
  .filter(([, is]) => is.startsWith(name))
  .filter(([each]) => each.checkVisibility());
"""
FIND_ELEMENTS = f"{FIND} return found.map(([each]) => each)"
FIND_NAMES = f"{FIND} return found.map(([, is]) => is)"
TEXT = """
const all = root => root.textContent + [...root.querySelectorAll("*")]
  .map(each => each.shadowRoot ? all(each.shadowRoot) : "").join(" ");
return all(document.body);
"""

# Frames come after what is around them, and nobody may look into one that is sandboxed.
LOADED = """
const frames = document.querySelectorAll("iframe");
return document.readyState === "complete"
  && [...frames].every(each => !each.classList.contains("coming"))
  && [...document.images].every(each => each.complete || each.loading === "lazy");
"""


class Driven(Hands):
    """A mouse and a keyboard. On a wide screen stories are dragged."""

    def __init__(
        self,
        engine: Engine,
        browser: WebDriver,
        sight: Sight,
        pictures: Path,
        scheme: Scheme,
        width: int,
    ) -> None:
        self.engine = engine
        self.browser = browser
        self.sight = sight
        self.pictures = pictures
        self.scheme = scheme
        self.width = width

    def open(self, address: str) -> None:
        self.browser.get(address)
        self.engine.resize(self.browser, self.width, HEIGHT)

    def write(self, label: str, words: str) -> None:
        def type_it() -> bool:
            field = self._first("label", label)
            field.send_keys(Keys.CONTROL, "a")
            field.send_keys(words)
            return str(field.get_property("value")) == words

        self._until(type_it, f"“{label}” holds what was typed")

    def press(self, button: str) -> None:
        self._click("button", button)

    def follow(self, link: str) -> None:
        self._click("a", link)

    def unfold(self, summary: str) -> None:
        self._click("summary", summary)

    def tick(self, label: str) -> None:
        self._click("label", label)

    def named(self, button: str) -> list[str]:
        return [str(name) for name in self._told(FIND_NAMES, "button", button) or ()]

    def miss(self, button: str) -> None:
        self._until(lambda: not self.named(button), f"no “{button}” is left")

    def can_follow(self, link: str) -> bool:
        return bool(self._all("a", link))

    def see(self, words: str) -> None:
        self._until(lambda: words in one_line(self._told(TEXT) or ""), f"“{words}”")

    def see_in_email(self, words: str) -> None:
        def is_seen() -> bool:
            with self._in_email():
                return words in one_line(self.browser.find_element(By.TAG_NAME, "body").text)

        self._until(is_seen, f"“{words}” in the email")

    def lift(self, story: str) -> None:
        if self.width < max(WIDTHS):
            super().lift(story)
            return
        row = "return [...document.querySelectorAll('.composed-row')].find("
        row += "each => each.querySelector('h3').textContent.includes(arguments[0]))"
        dragged = self.browser.execute_script(row, story)
        above = self.browser.execute_script("return arguments[0].previousElementSibling", dragged)
        self.browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", above)
        handle = dragged.find_element(By.CSS_SELECTOR, ".handle")
        title = above.find_element(By.TAG_NAME, "h3")
        pointer = ActionChains(self.browser).click_and_hold(handle).move_by_offset(0, -10)
        pointer.move_to_element(title).move_by_offset(0, -10).release().perform()

    def pause(self, moment: str) -> None:
        """Take a picture at each width, and see that nobody has to scroll sideways."""
        for width in WIDTHS:
            self.engine.resize(self.browser, width, HEIGHT)
            self._until(lambda: self._told(LOADED), "all of the page is there")
            wide = self.browser.execute_script("return document.documentElement.scrollWidth")
            self.sight.expect(f"{moment}: fits {width} px", wide <= width, wide)
            name = f"{self.engine.name.lower()}-{moment}-{width}-{self.scheme}.png"
            self.browser.save_screenshot(str(self.pictures / name))
            shrink(self.pictures / name)
        self.engine.resize(self.browser, self.width, HEIGHT)

    def _click(self, selector: str, name: str) -> None:
        def click() -> bool:
            # By the pointer: WebKit's driver takes a summary for something that nobody can click.
            found = self._first(selector, name)
            self.browser.execute_script("arguments[0].scrollIntoView({block: 'nearest'})", found)
            ActionChains(self.browser).move_to_element(found).click().perform()
            return True

        self._until(click, f"“{name}” can be pressed")

    @contextmanager
    def _in_email(self) -> Iterator[None]:
        frame = self.browser.find_element(By.CSS_SELECTOR, ".seen iframe:not(.coming)")
        self.browser.switch_to.frame(frame)
        try:
            yield
        finally:
            self.browser.switch_to.default_content()

    def _first(self, selector: str, name: str) -> WebElement:
        found = self._all(selector, name)
        if not found:
            raise NoSuchElementException(f"There is no {selector} “{name}”.")
        return found[0]

    def _all(self, selector: str, name: str) -> list[WebElement]:
        return list(self._told(FIND_ELEMENTS, selector, name) or ())

    def _told(self, script: str, *given: str) -> Any:
        """Return what a script finds on the page; None while Firefox leaves it for the next."""
        return self.browser.execute_script(script, *given)

    def _until(self, wanted: Callable[[], Any], what: str) -> None:
        """Try until it is true: what is not there yet, or is replaced meanwhile, is no error."""
        deadline, error = time.monotonic() + PATIENCE_SECONDS, ""
        while time.monotonic() < deadline:
            try:
                if wanted():
                    return
            except WebDriverException as failed:
                error = words_of(failed)
            time.sleep(0.1)
        raise AssertionError(f"It never came to this: {what}. {error}".strip())


def words_of(error: WebDriverException) -> str:
    """Return what a driver said, without what Selenium adds to it."""
    return one_line((error.msg or type(error).__name__).partition("; For documentation")[0])


def one_line(text: str) -> str:
    return " ".join(text.split())

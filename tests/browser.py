"""A real Chromium for tests: `open_page` gives a page of a context of its own.

Playwright's synchronous interface keeps an event loop running in the test's thread from the first
test that uses it: `asyncio.run` in a later test of the same process needs a thread of its own.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
    Playwright,
    Request,
    expect,
    sync_playwright,
)

from tests.servers.unavailable import unavailable

# The shell is the same engine without a browser's own windows: a third of the processor time.
NAMES = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
)
HOW_TO_GET_IT = (
    "install Debian's package chromium-headless-shell (or chromium, with which the tests take "
    "longer), or run `playwright install chromium`, or set CHROMIUM to the path of a Chromium"
)
# As long as Playwright waits for anything else: a busy machine is none of a page's faults.
expect.set_options(timeout=30_000)
LOOPBACK = ("127.0.0.1", "localhost", "::1")

ARGUMENTS = [
    # A test talks to nobody but its own servers, and neither does the browser behind its back.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost, EXCLUDE [::1]",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
    "--disable-gpu",
]


@dataclass
class Tab:
    """A page, and what went wrong in it."""

    page: Page
    console_errors: list[str] = field(default_factory=list)
    failed_requests: list[str] = field(default_factory=list)
    # What the page wanted from elsewhere than this machine. Must be empty when the test ends.
    refused: list[str] = field(default_factory=list)


class OpenPage(Protocol):
    def __call__(
        self,
        *,
        width: int = 1280,
        height: int = 900,
        colour_scheme: Literal["light", "dark"] = "light",
        javascript: bool = True,
        device_scale_factor: float = 1.0,
        touch: bool = False,
    ) -> Tab: ...


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what asks for the browser: `-m "not browser"` leaves it out."""
    for item in items:
        if "chromium" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")


@contextmanager
def running() -> Iterator[Browser]:
    """A browser, ended with the block."""
    with sync_playwright() as playwright:
        path = find(playwright)
        if path is None:
            unavailable("Chromium", HOW_TO_GET_IT)
        # Playwright leaves Chromium's sandbox off, which root and many containers need; the only
        # pages it opens here are our own.
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser of this process, started once."""
    with running() as browser:
        yield browser


def find(playwright: Playwright) -> str | None:
    named = os.environ.get("CHROMIUM")
    if named:
        return named
    for name in NAMES:
        if found := shutil.which(name):
            return found
    own = playwright.chromium.executable_path
    return own if Path(own).exists() else None


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[OpenPage]:
    """Call it for a new page, with nothing of an earlier one in it."""
    tabs: list[Tab] = []
    with ExitStack() as contexts:

        def open_tab(
            *,
            width: int = 1280,
            height: int = 900,
            colour_scheme: Literal["light", "dark"] = "light",
            javascript: bool = True,
            device_scale_factor: float = 1.0,
            touch: bool = False,
        ) -> Tab:
            context = chromium.new_context(
                viewport={"width": width, "height": height},
                color_scheme=colour_scheme,
                java_script_enabled=javascript,
                device_scale_factor=device_scale_factor,
                has_touch=touch,
                is_mobile=touch,
                reduced_motion="reduce",
                service_workers="block",
                locale="en-GB",
                timezone_id="UTC",
            )
            contexts.callback(context.close)
            tab = Tab(context.new_page())
            listen(context, tab)
            tabs.append(tab)
            return tab

        yield open_tab
    refused = [url for tab in tabs for url in tab.refused]
    assert not refused, f"asked for something that is not on this machine: {refused}"


def listen(context: BrowserContext, tab: Tab) -> None:
    def on_request(request: Request) -> None:
        if not is_local(request.url):
            tab.refused.append(request.url)

    # On the context, which sees the windows that a page opens too, and each step of a redirect.
    context.on("request", on_request)
    context.on("requestfailed", lambda request: tab.failed_requests.append(request.url))
    context.on(
        "console",
        lambda message: (
            tab.console_errors.append(message.text) if message.type == "error" else None
        ),
    )
    context.on("weberror", lambda error: tab.console_errors.append(str(error.error)))


def is_local(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme not in ("http", "https", "ws", "wss") or parts.hostname in LOOPBACK

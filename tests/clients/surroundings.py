"""What a client is looked at with: the mails, its Debian, a browser, a folder for pictures."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import httpx
from playwright.sync_api import Browser, Page, Route
from rich.console import Console
from rich.terminal_theme import DEFAULT_TERMINAL_THEME
from rich.text import Text

from tests.browser import Tab, listen
from tests.clients.mails import PUBLIC_URL, Post
from tests.debian import Debian
from tests.pictures import shrink
from tests.servers.run import Run

Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
TERMINAL_PAGE = """<!doctype html><meta charset="utf-8"><style>
body {{ margin: 0; background: #fff }}
pre {{ display: inline-block; margin: 0; padding: 12px 16px; font: 14px/18px "DejaVu Sans Mono",
  "Liberation Mono", monospace }}
pre span {{ padding: 1px 0 }}
{stylesheet}</style><pre>{code}</pre>"""


@dataclass(frozen=True)
class Surroundings:
    """Given to each client in turn."""

    run: Run
    debian: Debian
    post: Post
    browser: Browser
    pictures: Path

    @contextmanager
    def page(self, width: int, height: int = 900, scheme: Scheme = "light") -> Iterator[Tab]:
        """Open a page in which the mails' pictures come from the demo; nothing else comes."""
        context = self.browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            reduced_motion="reduce",
            service_workers="block",
            locale="en-GB",
            timezone_id="UTC",
        )
        tab = Tab(context.new_page())
        listen(context, tab)
        # A function of its own, as Playwright keeps something on what it calls.
        context.route(f"{PUBLIC_URL}/**", lambda route: self._serve(route))
        try:
            yield tab
        finally:
            context.close()

    def _serve(self, route: Route) -> None:
        path = route.request.url.removeprefix(PUBLIC_URL)
        if path.startswith("/media/"):
            picture = httpx.get(self.post.site + path, trust_env=False)
            route.fulfill(
                status=picture.status_code,
                body=picture.content,
                content_type=picture.headers.get("Content-Type"),
            )
        else:
            route.abort()

    def keep(self, page: Page, name: str) -> None:
        """Keep a picture of what is seen of a page."""
        picture = self.pictures / f"client-{name}.png"
        page.screenshot(path=picture)
        shrink(picture)

    def draw(self, screen: str, name: str) -> None:
        """Keep a picture of a terminal's screen, given with its escape sequences."""
        # With colours of its own, so that what is reversed is.
        text = Text.from_ansi(screen.rstrip("\n"), style="#000000 on #ffffff")
        console = Console(record=True, width=max(text.cell_len, 20), file=io.StringIO())
        console.print(text, soft_wrap=True)
        html = console.export_html(theme=DEFAULT_TERMINAL_THEME, code_format=TERMINAL_PAGE)
        with self.page(1280) as tab:
            tab.page.set_content(html)
            picture = self.pictures / f"client-{name}.png"
            tab.page.locator("pre").screenshot(path=picture)
            shrink(picture)

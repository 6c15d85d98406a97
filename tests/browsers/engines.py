"""The browsers, each with its driver, in a Debian of their own: how they are had and started."""

import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from selenium.webdriver import FirefoxOptions, WebKitGTKOptions
from selenium.webdriver.common.options import ArgOptions
from selenium.webdriver.remote.webdriver import WebDriver

from tests.debian import Debian, Listening
from tests.programs import CannotRunError, run
from tests.servers.process import free_port
from tests.servers.run import Run
from tests.web.looking import Scheme

# Ignored by git, and kept from one run to the next.
FOLDER = Path(__file__).parent.parent.parent / ".browsers"
GECKODRIVER = "0.37.1"
BUILDING_SECONDS = 3600
SCREEN = ("xvfb-run", "--auto-servernum", "--server-args=-screen 0 1920x1200x24")
AROUND = ("xvfb", "xauth", "fonts-liberation", "fonts-dejavu-core")
# Where GTK looks for the styles of windows.
LOOKS = "/etc/looks"
# What is not on this machine is asked of a proxy that there is not.
NOWHERE = "127.0.0.1:9"
HERE = ("127.0.0.1", "localhost")


class Engine(ABC):
    """A browser and its driver, on a screen nobody sees. `packages`: Debian's, its own first."""

    name: str
    packages: Sequence[str]

    def install(self, debian: Debian) -> None:
        """Have it in the Debian.

        Raises:
            CannotRunError: why it cannot be had.
        """
        debian.install(self.packages)

    def version(self, debian: Debian) -> str:
        return (debian.version(self.packages[0]) or "").partition("-")[0]

    @contextmanager
    def session(self, owner: Run, debian: Debian, scheme: Scheme) -> Iterator[WebDriver]:
        """Start the browser with nothing in it, in a colour scheme; end it with the block."""
        driver = _Driver(owner, debian, self)
        with ExitStack() as ends:
            driver.start()
            ends.callback(driver.discard)
            browser = WebDriver(f"http://127.0.0.1:{driver.port}", options=self.options(scheme))
            ends.callback(browser.quit)
            yield browser

    @abstractmethod
    def command(self, port: int) -> list[str]:
        """Return what starts the driver."""

    @abstractmethod
    def options(self, scheme: Scheme) -> ArgOptions: ...

    @abstractmethod
    def resize(self, browser: WebDriver, width: int, height: int) -> None:
        """Have the page this wide and high."""


class Firefox(Engine):
    """Debian's, with Mozilla's driver, which is built from its crate."""

    name = "Firefox"
    packages = ("firefox-esr", *AROUND)
    driver = f"opt/geckodriver-{GECKODRIVER}"

    def install(self, debian: Debian) -> None:
        super().install(debian)
        root = debian.folder / self.driver
        if (root / "bin/geckodriver").exists():
            return
        if shutil.which("cargo") is None:
            raise CannotRunError("Cargo is not on this machine, to build geckodriver with.")
        print(f"Building geckodriver {GECKODRIVER} (once).", flush=True)
        crate = f"geckodriver@{GECKODRIVER}"
        build = ["cargo", "install", "--quiet", "--locked", "--root", str(root), crate]
        run(build, within=BUILDING_SECONDS)

    def command(self, port: int) -> list[str]:
        program = f"/{self.driver}/bin/geckodriver"
        return [*SCREEN, program, "--port", str(port), "--websocket-port", str(free_port())]

    def options(self, scheme: Scheme) -> FirefoxOptions:
        options = FirefoxOptions()
        options.binary_location = "/usr/bin/firefox-esr"
        options.enable_bidi = True
        address, port = NOWHERE.split(":")
        preferences: dict[str, str | int] = {
            "network.proxy.type": 1,
            "network.proxy.http": address,
            "network.proxy.http_port": int(port),
            "network.proxy.ssl": address,
            "network.proxy.ssl_port": int(port),
            "network.proxy.no_proxies_on": ", ".join(HERE),
            "ui.systemUsesDarkTheme": 1 if scheme == "dark" else 0,
            "ui.prefersReducedMotion": 1,
        }
        for name, value in preferences.items():
            options.set_preference(name, value)
        return options

    def resize(self, browser: WebDriver, width: int, height: int) -> None:
        # A window of Firefox is never narrower than 450 px; what it shows a page in may be.
        window = browser.current_window_handle
        size = {"width": width, "height": height}
        browser.browsing_context.set_viewport(context=window, viewport=size)


class WebKit(Engine):
    """WebKitGTK's own small browser, with WebKit's driver."""

    name = "WebKit"
    packages = ("webkit2gtk-driver", *AROUND)
    browser = "/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser"

    def install(self, debian: Debian) -> None:
        super().install(debian)
        # Its bars would keep its window from being as narrow as a phone.
        debian.write(f"{LOOKS}/gtk-3.0/gtk.css", "* { min-width: 0; margin: 0; padding: 0; }")

    def command(self, port: int) -> list[str]:
        looks = f"XDG_CONFIG_HOME={LOOKS}"
        return ["env", looks, *SCREEN, "WebKitWebDriver", f"--port={port}"]

    def options(self, scheme: Scheme) -> WebKitGTKOptions:
        options = WebKitGTKOptions()
        options.binary_location = self.browser
        ours = [f"--ignore-host={host}" for host in HERE]
        for argument in ("--automation", f"--proxy=http://{NOWHERE}", *ours):
            options.add_argument(argument)
        if scheme == "dark":
            options.add_argument("--dark-mode")
        return options

    def resize(self, browser: WebDriver, width: int, height: int) -> None:
        inner = "return [innerWidth, innerHeight]"
        for _ in range(2):  # The window's frame and bars are known once it has a size.
            across, down = browser.execute_script(inner)
            outer = browser.get_window_size()
            browser.set_window_size(
                outer["width"] + width - across, outer["height"] + height - down
            )


ENGINES: tuple[Engine, ...] = (Firefox(), WebKit())


class _Driver(Listening):
    def __init__(self, owner: Run, debian: Debian, engine: Engine) -> None:
        super().__init__(owner, debian, engine.name.lower())
        self._engine = engine

    def command(self) -> list[str]:
        return self.debian.command(*self._engine.command(self.port))

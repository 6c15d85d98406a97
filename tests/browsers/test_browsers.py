"""The machinery of `make browsers`, without what it installs; Chromium's tests play the story."""

from collections.abc import Sequence
from pathlib import Path

from click.testing import CliRunner
from selenium.common.exceptions import NoSuchElementException
from selenium.webdriver.common.options import ArgOptions

from tests.browsers.__main__ import main
from tests.browsers.driven import words_of
from tests.browsers.engines import ENGINES
from tests.browsers.seeing import see
from tests.debian import Debian
from tests.programs import CannotRunError
from tests.servers.run import Run


class NotToBeHad(Debian):
    """A Debian that cannot be installed."""

    def install(self, packages: Sequence[str]) -> None:
        raise CannotRunError("no mirror answers.")


def test_a_browser_that_cannot_be_had_is_named(tmp_path: Path) -> None:
    sight = see(ENGINES[1], Run(tmp_path), NotToBeHad(tmp_path / "debian"), tmp_path)

    assert not sight.is_well
    assert sight.text() == "WebKit: not tried: no mirror answers.\n"


def test_a_browser_asks_nobody_but_this_machine_and_is_dark_where_it_should_be() -> None:
    def said(options: ArgOptions) -> str:
        return str(options.to_capabilities())  # type: ignore[no-untyped-call]

    for engine in ENGINES:
        light, dark = (said(engine.options(scheme)) for scheme in ("light", "dark"))
        assert "127.0.0.1" in light
        assert "proxy" in light
        assert light != dark


def test_what_selenium_adds_to_an_error_is_left_out() -> None:
    assert (
        words_of(NoSuchElementException("There is no button “Go”.")) == "There is no button “Go”."
    )


def test_a_browser_that_there_is_not_is_a_usage_error() -> None:
    said = CliRunner().invoke(main, ["--only", "Lynx"])

    assert said.exit_code == 2
    assert "There are: Firefox, WebKit." in said.output

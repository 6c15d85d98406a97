"""The machinery of `make clients`, without what it installs."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from playwright.sync_api import Browser

from tests.clients import unstyled
from tests.clients.__main__ import main
from tests.clients.clients import CLIENTS, Client, see
from tests.clients.mails import Mail, Post
from tests.clients.sight import Sight, filler_in
from tests.clients.surroundings import Surroundings
from tests.debian import Debian
from tests.programs import CannotRunError
from tests.servers.run import Run
from tests.servers.web import WebServer

GOLDEN = Path(__file__).parents[1] / "emails"


class NotToBeHad(Debian):
    """A Debian that cannot be installed."""

    def install(self, packages: Sequence[str]) -> None:
        raise CannotRunError("no mirror answers.")


@pytest.fixture
def around(chromium: Browser, http_server: WebServer, tmp_path: Path) -> Surroundings:
    """Everything but what is installed: the golden mails, whose pictures are missing."""
    post = Post(golden("confirmation"), golden("issue"), http_server.url)
    return Surroundings(Run(tmp_path), NotToBeHad(tmp_path), post, chromium, tmp_path)


def golden(name: str) -> Mail:
    return Mail(name, (GOLDEN / f"{name}.golden").read_bytes())


def test_without_media_blocks_and_lightened_the_mails_show_their_lines(
    around: Surroundings,
) -> None:
    sight = see(CLIENTS[-1], around)

    assert sight.client == "Unstyled"
    assert sight.wrong == []
    assert len(list(around.pictures.glob("client-unstyled-*.png"))) == 4


def test_lines_in_a_colour_of_their_own_are_found_wrong(around: Surroundings) -> None:
    mail = around.post.issue
    fixed = Mail(mail.name, mail.content.replace(b"currentColor", b"#14212B"))
    sight = Sight("Unstyled")
    unstyled.look(replace(around, post=replace(around.post, issue=fixed)), sight)

    assert [wrong for wrong in sight.wrong if "lightened: 2 ink lines" in wrong]


def test_a_client_that_cannot_be_had_is_named(around: Surroundings) -> None:
    sight = see(Client("Pine", ("pine",), unstyled.look), around)

    assert not sight.is_well
    assert sight.text() == "Pine: not tried: no mirror answers.\n"


def test_a_client_that_shows_nothing_is_wrong(around: Surroundings) -> None:
    def look(around: Surroundings, sight: Sight) -> None:
        raise CannotRunError("it never showed “Subject”.")

    sight = see(Client("Mute", (), look), around)

    assert not sight.is_well
    assert "it never showed “Subject”." in sight.text()


def test_one_sentence_that_does_not_hold_is_enough() -> None:
    sight = Sight("NeoMutt", "2022")
    sight.expect("the nameplate stands on top", True)
    well = sight.is_well
    sight.expect_all("no filler", filler_in("Robin\u034f\u200c"))

    assert (well, sight.is_well) == (True, False)
    assert sight.text() == (
        "NeoMutt 2022\n  ✓ the nameplate stands on top\n  ✗ no filler: ['U+034F', 'U+200C']\n"
    )


def test_a_client_that_there_is_not_is_a_usage_error() -> None:
    said = CliRunner().invoke(main, ["--only", "Pine"])

    assert said.exit_code == 2
    assert "There are: NeoMutt, Alpine, w3m, Roundcube" in said.output

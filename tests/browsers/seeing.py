"""What is played in each browser, and what was seen of it."""

from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from selenium.common.exceptions import WebDriverException

from digest.cli.proof import StoryError
from tests.browsers.driven import WIDTHS, Driven, one_line, words_of
from tests.browsers.engines import Engine
from tests.clients.sight import Sight
from tests.debian import Debian
from tests.programs import CannotRunError
from tests.servers.process import CannotStartError
from tests.servers.run import Run
from tests.servers.web import WebServer
from tests.web.desk.friday import Friday, friday, play
from tests.web.host import Host
from tests.web.looking import Scheme

SCHEMES: tuple[Scheme, ...] = ("light", "dark")
READER = "wren@example.org"


def see(engine: Engine, owner: Run, debian: Debian, pictures: Path) -> Sight:
    """Return what was seen in a browser, or why it could not be had."""
    sight = Sight(engine.name)
    try:
        engine.install(debian)
        sight.version = engine.version(debian)
        for width, scheme in zip(WIDTHS, SCHEMES, strict=True):
            with engine.session(owner, debian, scheme) as browser:
                _play(Driven(engine, browser, sight, pictures, scheme, width))
    except (CannotRunError, CannotStartError) as error:
        sight.missing = str(error)
    except WebDriverException as error:
        sight.wrong.append(f"it could not be looked at to the end: {words_of(error)}")
    return sight


def _play(hands: Driven) -> None:
    with ExitStack() as ends:
        server = WebServer()
        ends.callback(server.close)
        folder = Path(ends.enter_context(TemporaryDirectory()))
        origin = server.url.replace("127.0.0.1", "localhost")
        made = ends.enter_context(friday(folder, embed_origins=(origin,)))
        host = Host(server, made.url)
        for sentence, story in (
            ("the editor's Friday, and what she made is what arrived", partial(play, made)),
            ("a reader signs up on another site, and confirms", partial(sign_up, made, host)),
        ):
            held, found = True, ""
            try:
                story(hands)
            except (AssertionError, StoryError) as error:
                held, found = False, one_line(str(error))
                hands.pause("wrong")
            hands.sight.expect(f"{hands.width} px, {hands.scheme}: {sentence}", held, found)


def sign_up(paper: Friday, host: Host, hands: Driven) -> None:
    """Be a reader who asks in a box on the paper's site, and confirms."""
    hands.open(host.hold("card", host.element("card")))
    hands.write("Email address", READER)
    hands.tick("I have read and agree")
    hands.pause("box")
    hands.press("Sign up")
    hands.see("Now check your email")
    mail = paper.gallery.mailbox.wait_for(lambda each: each.recipients == (READER,), 30)
    assert mail is not None, "no confirmation came"
    hands.open(paper.url + paper.gallery.newest_link())
    hands.pause("confirming")
    hands.press("Yes, start it")
    hands.see("You are in")

"""The clients that are tried, in the order in which they are."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from playwright.sync_api import Error as BrowserError

from tests.clients import alpine, neomutt, roundcube, unstyled, w3m
from tests.clients.machine import prepare
from tests.clients.sight import Sight
from tests.clients.surroundings import Surroundings
from tests.programs import CannotRunError
from tests.servers.process import CannotStartError


@dataclass(frozen=True)
class Client:
    """A mail client. `look` opens the mails in it; `packages` are Debian's."""

    name: str
    packages: Sequence[str]
    look: Callable[[Surroundings, Sight], None]


CLIENTS = (
    Client("NeoMutt", neomutt.PACKAGES, neomutt.look),
    Client("Alpine", alpine.PACKAGES, alpine.look),
    Client("w3m", w3m.PACKAGES, w3m.look),
    Client("Roundcube", roundcube.PACKAGES, roundcube.look),
    Client("Unstyled", unstyled.PACKAGES, unstyled.look),
)


def see(client: Client, around: Surroundings) -> Sight:
    """Return what was seen in a client, or why it could not be had."""
    sight = Sight(client.name)
    try:
        if client.packages:
            prepare(around.debian, client.packages)
    except CannotRunError as error:
        sight.missing = str(error)
        return sight
    try:
        client.look(around, sight)
    except (CannotRunError, CannotStartError, BrowserError) as error:
        sight.wrong.append(f"it could not be looked at to the end: {error}")
    return sight

"""`python -m tests.clients`: says what was seen in each client; exits 1 if any of it was wrong."""

import sys
import tempfile
from pathlib import Path

import click

from tests import browser
from tests.clients.clients import CLIENTS, Client, see
from tests.clients.machine import FOLDER
from tests.clients.mails import post
from tests.clients.sight import Sight
from tests.clients.surroundings import Surroundings
from tests.debian import Debian
from tests.programs import run_command
from tests.servers.run import RunOwner

TABLE = "clients.txt"


@click.command()
@click.option("--only", multiple=True, help="Look into this client only, by its name.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help=f"Folder for the pictures, and for {TABLE}.",
)
def main(only: tuple[str, ...], out: Path | None) -> None:
    """Open the demo's confirmation and issue in mail clients that run without a screen."""
    chosen = [client for client in CLIENTS if not only or client.name in only]
    if not chosen:
        names = ", ".join(client.name for client in CLIENTS)
        raise click.UsageError(f"There is no such client. There are: {names}.")
    with tempfile.TemporaryDirectory(prefix="digest-clients-") as scratch:
        pictures = out or Path(scratch)
        pictures.mkdir(parents=True, exist_ok=True)
        sights = _look(chosen, pictures)
    if out is not None:
        (out / TABLE).write_text("\n".join(sight.text() for sight in sights))
    sys.exit(0 if all(sight.is_well for sight in sights) else 1)


def _look(clients: list[Client], pictures: Path) -> list[Sight]:
    debian = Debian(FOLDER)
    sights = []
    owner = RunOwner()
    try:
        # The mails first: their servers have threads, the browser's interface has a loop.
        with post() as mails, browser.running() as chromium:
            around = Surroundings(owner.run, debian, mails, chromium, pictures)
            for client in clients:
                sights.append(see(client, around))
                click.echo(sights[-1].text())
    finally:
        owner.end()
    return sights


if __name__ == "__main__":
    run_command(main)

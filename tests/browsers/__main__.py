"""`python -m tests.browsers`: says what was seen in each browser; exits 1 if any was wrong."""

import sys
import tempfile
from pathlib import Path

import click

from tests.browsers.engines import ENGINES, FOLDER
from tests.browsers.seeing import see
from tests.debian import Debian
from tests.programs import run_command
from tests.servers.run import RunOwner

TABLE = "browsers.txt"


@click.command()
@click.option("--only", multiple=True, help="Play in this browser only, by its name.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help=f"Folder for the pictures, and for {TABLE}.",
)
def main(only: tuple[str, ...], out: Path | None) -> None:
    """Play an editor's Friday, and a reader's sign-up, in browsers other than the tests' own."""
    chosen = [engine for engine in ENGINES if not only or engine.name in only]
    if not chosen:
        names = ", ".join(engine.name for engine in ENGINES)
        raise click.UsageError(f"There is no such browser. There are: {names}.")
    sights, owner = [], RunOwner()
    try:
        with tempfile.TemporaryDirectory(prefix="digest-browsers-") as scratch:
            pictures = out or Path(scratch)
            pictures.mkdir(parents=True, exist_ok=True)
            for engine in chosen:
                sights.append(see(engine, owner.run, Debian(FOLDER), pictures))
                click.echo(sights[-1].text())
    finally:
        owner.end()
    if out is not None:
        (out / TABLE).write_text("\n".join(sight.text() for sight in sights))
    sys.exit(0 if all(sight.is_well for sight in sights) else 1)


if __name__ == "__main__":
    run_command(main)

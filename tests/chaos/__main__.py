"""`python -m tests.chaos`: plays the rounds, prints the table, and exits 1 if anything broke."""

import secrets
import shutil
import sys
import tempfile
from pathlib import Path

import click
from rich.console import Console

from tests.chaos.deck import DECK
from tests.chaos.results import show, write
from tests.chaos.running import run
from tests.chaos.schedule import plans
from tests.programs import run_command
from tests.servers.run import RunOwner


@click.command()
@click.option("--rounds", type=click.IntRange(1), default=100, show_default=True)
@click.option("--seed", type=int, help="Plays the schedule of an earlier run again.")
@click.option("--only", type=click.IntRange(1), multiple=True, help="Play these rounds of it.")
@click.option("--fault", "wanted", multiple=True, help="Deal only this fault, by its name.")
@click.option("--seconds", type=float, help="Begin no round after so long.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for chaos.json, chaos.md, the relay's record and the logs.",
)
def main(
    rounds: int,
    seed: int | None,
    only: tuple[int, ...],
    wanted: tuple[str, ...],
    seconds: float | None,
    out: Path | None,
) -> None:
    """Break Digest at random moments of a send, round after round, and reckon up after each."""
    console = Console(soft_wrap=True)
    seed = secrets.randbelow(1_000_000) if seed is None else seed
    console.print(f"Seed {seed}. To play its schedule again: python -m tests.chaos --seed {seed}")
    deck = [fault for fault in DECK if not wanted or fault.name in wanted]
    if not deck:
        names = ", ".join(fault.name for fault in DECK)
        raise click.UsageError(f"There is no such fault. There are: {names}.")
    drawn = plans(seed, max([rounds, *only]), deck)
    chosen = [plan for plan in drawn if not only or plan.number in only]
    folder = Path(tempfile.mkdtemp(prefix="digest-chaos-"))
    owner = RunOwner()
    try:
        results = run(
            owner.run, folder, seed, chosen, seconds=seconds or float("inf"), console=console
        )
    finally:
        owner.end()
    show(results, console)
    kept = out or (folder if results.broken else None)
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        write(results, kept)
        for path in [*folder.glob("*.log"), *folder.glob("relay.jsonl")]:
            if kept != folder:
                shutil.copy(path, kept)
        console.print(f"Kept in {kept}.")
    if kept != folder:
        shutil.rmtree(folder, ignore_errors=True)
    if not only and results.missed:
        console.print(f"Never struck while rows were sending: {', '.join(results.missed)}.")
    sys.exit(1 if results.broken or (results.missed and not only) else 0)


if __name__ == "__main__":
    run_command(main)

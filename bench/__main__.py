"""`python -m bench [NAME ...]`: runs the benchmarks, writes JSON and an SVG, prints tables."""

import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import click
from rich.console import Console

from bench import machine, needs, plot, results
from bench.errors import BenchError
from bench.measures import (
    Measure,
    commands,
    desk,
    dkim,
    embedded,
    intake,
    many,
    memory,
    notices,
    relay,
    scale,
    send,
    signups,
    year,
)
from bench.pages import publish
from bench.results import Result
from bench.rig import Rig

MEASURES: dict[str, Measure] = {
    "send": send,
    "relay": relay,
    "scale": scale,
    "year": year,
    "signups": signups,
    "embedded": embedded,
    "intake": intake,
    "desk": desk,
    "notices": notices,
    "many": many,
    "commands": commands,
    "memory": memory,
    "dkim": dkim,
}
QUICK_MINUTES = 6


@click.command()
@click.argument("names", metavar="[NAME]...", nargs=-1, type=click.Choice(list(MEASURES)))
@click.option("--quick", is_flag=True, help="A few thousand messages each: does it work at all?")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("bench-results"),
    show_default=True,
    help="Where bench.json and bench.svg go; what other benchmarks left there stays.",
)
@click.option(
    "--install", is_flag=True, help="As root: install Debian's packages that are missing."
)
@click.option("--publish", "to_docs", is_flag=True, help="Put the figures into docs/ as well.")
def main(names: tuple[str, ...], quick: bool, out: Path, install: bool, to_docs: bool) -> None:
    """Measure how fast Digest is; NAME: one benchmark or several, else all.

    It exits with 1 where a figure cannot be had, or would not be true: for instance where the
    relay has counted another number of messages than the ledger. A target that is not met is
    said, and no failure.
    """
    if quick and to_docs:
        raise click.UsageError("--quick figures say nothing: they are not published.")
    chosen = [name for name in MEASURES if name in names or not names]
    console = Console()
    try:
        programs = {each for name in chosen for each in MEASURES[name].PROGRAMS}
        needs.check(sorted(programs), install=install)
        run(chosen, console, out=out, quick=quick)
        if to_docs:
            publish(results.load(out / "bench.json"))
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("bench: stopped; all that it had started has ended.", file=sys.stderr)
        sys.exit(1)


def run(names: list[str], console: Console, *, out: Path, quick: bool) -> None:
    """Measure, and write down each result as soon as it is there."""
    bounds = {name: QUICK_MINUTES if quick else MEASURES[name].MINUTES for name in names}
    console.print(f"{', '.join(names)}: at most {sum(bounds.values())} minutes.", highlight=False)
    began = time.monotonic()

    def say(what: str) -> None:
        console.print(f"  {time.monotonic() - began:6.0f} s  {what}", highlight=False)

    with ending_in_order(), Rig(Path(tempfile.gettempdir()), say) as rig:
        for name in names:
            console.rule(MEASURES[name].TITLE)
            measured = _measured(rig, name, bounds[name], quick=quick)
            _keep(measured, out, console)
    console.print(f"Written: {out / 'bench.json'}, {out / 'bench.svg'}", highlight=False)


def _keep(measured: Result, out: Path, console: Console) -> None:
    file = out / "bench.json"
    known = [each for each in results.load(file) if each.quick == measured.quick]
    kept = results.merged(known, measured, list(MEASURES))
    results.save(file, kept)
    (out / "bench.svg").write_text(plot.draw(kept))
    results.show(measured, console)


def _measured(rig: Rig, name: str, minutes: float, *, quick: bool) -> Result:
    facts = machine.facts()
    began = time.monotonic()
    try:
        with bounded(minutes):
            result = MEASURES[name].measure(rig, quick=quick)
    except AssertionError as error:
        # How what the bench shares with the tests says that something did not happen.
        raise BenchError(f"{name}: {error}") from error
    return replace(result, facts=facts, quick=quick, seconds=round(time.monotonic() - began, 1))


@contextmanager
def bounded(minutes: float) -> Iterator[None]:
    """Raise BenchError where it takes longer, whatever is being waited for."""

    def over(*_: object) -> None:
        raise BenchError(f"It took longer than {minutes:g} minutes.")

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, minutes * 60)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def ending_in_order() -> Iterator[None]:
    """Let SIGTERM do what Ctrl-C does, once: a second one would leave behind what was started."""
    numbers = (signal.SIGINT, signal.SIGTERM)

    def end(*_: object) -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, end) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


if __name__ == "__main__":
    main()

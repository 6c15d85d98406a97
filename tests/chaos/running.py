"""Plays round after round on one installation, each reckoned up before the next begins."""

import time
from pathlib import Path

from rich.console import Console

from tests.chaos.audit import Reckoning, reckon, recount
from tests.chaos.deck import DECK
from tests.chaos.installation import Installation, installed
from tests.chaos.results import Results, show_broken
from tests.chaos.rounds import Played, play
from tests.chaos.schedule import Plan
from tests.servers.run import Run


def run(
    owner: Run,
    folder: Path,
    seed: int,
    chosen: list[Plan],
    *,
    seconds: float,
    at_least: int = 1,
    console: Console,
) -> Results:
    """Play rounds on an installation in `folder`: those that can be begun in `seconds`.

    `at_least` so many are played however long they take.
    """
    began = time.monotonic()
    with installed(owner, folder) as installation:
        done = _play_all(installation, chosen, began + seconds, at_least, console)
    names = tuple(fault.name for fault in DECK)
    return Results(seed, names, tuple(done), time.monotonic() - began)


def _play_all(
    installation: Installation,
    chosen: list[Plan],
    until: float,
    at_least: int,
    console: Console,
) -> list[tuple[Played, Reckoning]]:
    done: list[tuple[Played, Reckoning]] = []
    for plan in chosen:
        if time.monotonic() > until and len(done) >= at_least:
            break
        played = play(installation, plan)
        found = reckon(installation, played)
        done.append((played, found))
        console.print(_line(played, found), markup=False)
        if not found.holds:
            show_broken(played, found, console)
    for played, found in done:
        recount(installation, played, found)
    return done


def _line(played: Played, found: Reckoning) -> str:
    faults = ", ".join(name if hit else f"({name})" for name, hit in played.hits)
    doubts = f", {len(found.in_doubt)} in doubt" if found.in_doubt else ""
    verdict = "holds" if found.holds else "DOES NOT HOLD"
    return (
        f"{played.plan.number:4} {verdict}: {found.messages} messages{doubts}, "
        f"{found.door.figures['answered']} sign-ups, {found.door.mails} links, "
        f"{played.seconds:.1f} s; {faults}"
    )

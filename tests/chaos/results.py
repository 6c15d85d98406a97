"""What a run shows: tables for the terminal, JSON for machines, Markdown for the documentation."""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.chaos.audit import Reckoning
from tests.chaos.rounds import Played
from tests.chaos.sign_up_audit import FIGURES

COLUMNS = ("rounds", "kills", "messages", "lost", "repeated", "in doubt", "at most")


@dataclass(frozen=True)
class Results:
    """A run's rounds, and the faults that were in its deck."""

    seed: int
    faults: tuple[str, ...]
    rounds: tuple[tuple[Played, Reckoning], ...]
    seconds: float

    @property
    def totals(self) -> dict[str, int]:
        played = [played for played, _ in self.rounds]
        found = [found for _, found in self.rounds]
        figures = (
            len(played),
            sum(each.scene.kills for each in played),
            sum(each.messages for each in found),
            sum(len(each.lost) for each in found),
            sum(len(each.repeated) for each in found),
            sum(len(each.in_doubt) for each in found),
            sum(each.bound for each in found),
        )
        return dict(zip(COLUMNS, figures, strict=True))

    @property
    def door(self) -> dict[str, int]:
        """What became of all sign-ups, by FIGURES."""
        total = sum((found.door.figures for _, found in self.rounds), Counter[str]())
        return {name: total[name] for name in FIGURES}

    @property
    def hits(self) -> dict[str, tuple[int, int]]:
        """For each fault: in how many rounds it struck, and in how many while rows were sending."""
        struck = Counter(name for played, _ in self.rounds for name, _ in played.hits)
        sending = Counter(name for played, _ in self.rounds for name, hit in played.hits if hit)
        return {name: (struck[name], sending[name]) for name in self.faults}

    @property
    def missed(self) -> list[str]:
        """The faults that never struck while rows were `sending`."""
        return [name for name, (_, sending) in self.hits.items() if not sending]

    @property
    def broken(self) -> list[tuple[Played, Reckoning]]:
        """The rounds in which something happened that never may."""
        return [(played, found) for played, found in self.rounds if not found.holds]

    @property
    def left(self) -> Counter[str]:
        return sum((found.left for _, found in self.rounds), Counter[str]())


def show(results: Results, console: Console) -> None:
    """Print the tables, and what went wrong."""
    totals = Table(*COLUMNS)
    totals.add_row(*(f"{figure:,}" for figure in results.totals.values()))
    console.print(totals)
    door = Table(*FIGURES)
    door.add_row(*(f"{figure:,}" for figure in results.door.values()))
    console.print(door)
    faults = Table("fault", "rounds", "while rows were sending")
    for name, (struck, sending) in results.hits.items():
        faults.add_row(name, str(struck), str(sending))
    console.print(faults)
    left = results.left
    console.print(
        f"{left.total()} readers left in mid-send, {left['before']} of them before their row was "
        f"sending. Seeds: {results.seed}/1 to {results.seed}/{len(results.rounds)}. "
        f"{results.seconds:.0f} s."
    )
    for played, found in results.broken:
        show_broken(played, found, console)


def show_broken(played: Played, found: Reckoning, console: Console) -> None:
    """Print what happened in a round that never may, and how it came about."""
    console.print(f"Round {played.plan.number} ({played.plan.seed}) does not hold.", markup=False)
    for line in _complaints(found):
        console.print(f"  {line}", markup=False)
    for line in played.scene.diary:
        console.print(f"    {line}", markup=False)


def write(results: Results, folder: Path) -> None:
    """Write `chaos.json` and `chaos.md`, the latter for the documentation."""
    (folder / "chaos.json").write_text(json.dumps(_as_json(results), indent=1) + "\n")
    (folder / "chaos.md").write_text(_as_markdown(results))


def _complaints(found: Reckoning) -> list[str]:
    lines = list(found.wrong)
    if found.lost:
        lines.append(f"lost: {found.lost}")
    if found.repeated:
        lines.append(f"repeated: {found.repeated}")
    if len(found.in_doubt) > found.bound:
        lines.append(f"in doubt, and {found.bound} at most may be: {found.in_doubt}")
    return lines


def _as_json(results: Results) -> dict[str, Any]:
    return {
        "seed": results.seed,
        "seconds": round(results.seconds, 1),
        "totals": results.totals,
        "door": results.door,
        "faults": {
            name: {"rounds": struck, "while_sending": sending}
            for name, (struck, sending) in results.hits.items()
        },
        "left": dict(results.left),
        "rounds": [_round_as_json(played, found) for played, found in results.rounds],
    }


def _round_as_json(played: Played, found: Reckoning) -> dict[str, Any]:
    return {
        "number": played.plan.number,
        "seed": played.plan.seed,
        "issue": played.issue_id,
        "seconds": round(played.seconds, 1),
        "audience": len(played.audience),
        "messages": found.messages,
        "states": found.states,
        "kills": played.scene.kills,
        "faults": [{"fault": name, "while_sending": hit} for name, hit in played.hits],
        "holds": found.holds,
        "lost": found.lost,
        "repeated": found.repeated,
        "in_doubt": found.in_doubt,
        "in_doubt_at_most": found.bound,
        "door": dict(found.door.figures),
        "wrong": found.wrong,
        "diary": played.scene.diary,
    }


def _figures(figures: dict[str, int]) -> list[str]:
    return [
        "| " + " | ".join(figures) + " |",
        "| ---: " * len(figures) + "|",
        "| " + " | ".join(f"{figure:,}" for figure in figures.values()) + " |",
    ]


def _as_markdown(results: Results) -> str:
    totals = results.totals
    lines = [
        *_figures(totals),
        "",
        *_figures(results.door),
        "",
        "| fault | rounds | while rows were `sending` |",
        "| --- | ---: | ---: |",
        *(f"| {name} | {struck} | {sending} |" for name, (struck, sending) in results.hits.items()),
        "",
        f"{results.left.total()} readers left in mid-send, {results.left['before']} of them before "
        "their row was `sending`: none of those was mailed. "
        f"Seeds {results.seed}/1 to {results.seed}/{totals['rounds']}.",
    ]
    return "\n".join(lines) + "\n"

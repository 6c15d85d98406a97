"""What was measured: kept as JSON, shown as tables. Ratios come first: they can be compared."""

import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.errors import BenchError

FORMAT = 1


@dataclass(frozen=True)
class Ratio:
    """A figure of ours by one beside it. `target`: the least (or the most) that is promised."""

    what: str
    value: float
    target: float
    most: bool = False

    @property
    def met(self) -> bool:
        return self.value <= self.target if self.most else self.value >= self.target

    @property
    def promise(self) -> str:
        return f"{'at most' if self.most else 'at least'} {self.target:g}"


@dataclass(frozen=True)
class Figure:
    """The median of `samples`. Those `drawn` are bars of the plot, beside the others."""

    what: str
    unit: str
    samples: tuple[float, ...]
    drawn: bool = False

    @property
    def value(self) -> float:
        return statistics.median(self.samples)


@dataclass(frozen=True)
class Result:
    """One benchmark's. `notes`: what must be known to read the figures."""

    name: str
    title: str
    ratios: tuple[Ratio, ...]
    figures: tuple[Figure, ...]
    notes: tuple[str, ...] = ()
    facts: dict[str, str] = field(default_factory=dict)
    """Of the machine, the versions and the moment."""
    quick: bool = False
    seconds: float = 0.0


def figure(what: str, unit: str, *samples: float, drawn: bool = False) -> Figure:
    """Make a figure of samples that are no finer than what was measured."""
    return Figure(what, unit, tuple(float(f"{sample:.5g}") for sample in samples), drawn)


def ratio(what: str, ours: float, theirs: float, target: float, *, most: bool = False) -> Ratio:
    return Ratio(what, round(ours / theirs, 3), target, most)


def load(file: Path) -> list[Result]:
    """Read what `save` wrote; nothing where there is no file.

    Raises:
        BenchError: the file is something else.
    """
    if not file.exists():
        return []
    try:
        kept = json.loads(file.read_text())
        if kept["format"] != FORMAT:
            raise BenchError(f"{file} was written by another version: move it away.")
        return [_result(each) for each in kept["results"]]
    except (ValueError, KeyError, TypeError) as error:
        raise BenchError(f"{file} holds no results of this bench: move it away.") from error


def save(file: Path, results: Iterable[Result]) -> None:
    """Write results as JSON, whole or not at all."""
    kept = [
        asdict(result)
        | {
            "ratios": [asdict(r) | {"met": r.met} for r in result.ratios],
            "figures": [asdict(f) | {"value": f.value} for f in result.figures],
        }
        for result in results
    ]
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(".part")
    text = json.dumps({"format": FORMAT, "results": kept}, indent=1, ensure_ascii=False)
    unfinished.write_text(text + "\n")
    unfinished.replace(file)


def merged(known: Sequence[Result], new: Result, order: Sequence[str]) -> list[Result]:
    """Put a result in the place of the one of its name; `order` is that of the names."""
    kept = {result.name: result for result in known} | {new.name: new}
    return sorted(kept.values(), key=lambda result: order.index(result.name))


def show(result: Result, console: Console) -> None:
    """Print a result: ratios first."""
    quick = " (quick: for the machinery, not for its figures)" if result.quick else ""
    if result.ratios:
        ratios = Table("Ratio", "Is", "Promised", "", title=result.title + quick)
        for promised in result.ratios:
            met = "[green]met[/]" if promised.met else "[red]not met[/]"
            ratios.add_row(promised.what, f"{promised.value:.2f}", promised.promise, met)
        console.print(ratios)
    figures = Table(
        "Figure", "Median", "Unit", "Samples", title=None if result.ratios else result.title + quick
    )
    for each in result.figures:
        samples = ", ".join(map(_number, each.samples)) if len(each.samples) > 1 else ""
        figures.add_row(each.what, _number(each.value), each.unit, samples)
    console.print(figures)
    for note in result.notes:
        console.print(f"  {note}", highlight=False)
    console.print(f"  It took {result.seconds:.0f} s.", highlight=False)


def markdown(results: Iterable[Result]) -> str:
    """Write results as the documentation has them."""
    return "\n".join(map(_section, results))


def _section(result: Result) -> str:
    lines = [f"### {result.title}", ""]
    if result.ratios:
        lines += ["| ratio | is | promised | |", "| --- | --- | --- | --- |"]
        lines += [
            f"| {r.what} | **{r.value:.2f}** | {r.promise} | {'met' if r.met else 'not met'} |"
            for r in result.ratios
        ]
        lines.append("")
    lines += ["| figure | median | unit | samples |", "| --- | --- | --- | --- |"]
    for each in result.figures:
        samples = ", ".join(map(_number, each.samples)) if len(each.samples) > 1 else ""
        lines.append(f"| {each.what} | {_number(each.value)} | {each.unit} | {samples} |")
    lines += ["", *(f"- {note}" for note in result.notes), f"- {_circumstances(result)}", ""]
    return "\n".join(lines)


def _circumstances(result: Result) -> str:
    told = "; ".join(f"{name} {value}" for name, value in result.facts.items())
    return f"Measured in {result.seconds:.0f} s: {told}."


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _result(kept: dict[str, Any]) -> Result:
    ratios = [{k: v for k, v in each.items() if k != "met"} for each in kept["ratios"]]
    figures = [{k: v for k, v in each.items() if k != "value"} for each in kept["figures"]]
    return Result(
        **kept
        | {
            "ratios": tuple(Ratio(**each) for each in ratios),
            "figures": tuple(
                Figure(**each | {"samples": tuple(each["samples"])}) for each in figures
            ),
            "notes": tuple(kept["notes"]),
        }
    )

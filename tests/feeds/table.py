"""The table: how much of our own feeds came in rightly, before and now, point by point."""

from collections.abc import Mapping, Sequence
from typing import Any

from tests.newsroom.intake.corpus.judging import MEASURES, Score, judge
from tests.newsroom.intake.corpus.samples import Sample

ALL = "All of them"


def scores(samples: Sequence[Sample], seen: Sequence[Mapping[str, Any]]) -> dict[str, Score]:
    """Return the score of each point, in the samples' order, and that of all."""
    found: dict[str, Score] = {}
    total = Score()
    for sample, answer in zip(samples, seen, strict=True):
        score = judge(sample, answer)
        found.setdefault(sample.point, Score()).add(score)
        total.add(score)
    return {**found, ALL: total}


def table(
    samples: Sequence[Sample], after: Mapping[str, Score], before: Mapping[str, Score] | None
) -> str:
    """Return the scores as text: "3→5/5" says that 3 of 5 were right before, and 5 are now."""
    feeds = {point: sum(sample.point == point for sample in samples) for point in after}
    feeds[ALL] = len(samples)
    rows = [["", "feeds", *MEASURES]]
    for point, score in after.items():
        old = before[point] if before is not None else None
        cells = [_cell(measure, score, old) for measure in MEASURES]
        rows.append([point, str(feeds[point]), *cells])
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return "\n".join(_line(row, widths) for row in rows) + "\n"


def _cell(measure: str, score: Score, old: Score | None) -> str:
    if not score.of[measure]:
        return "-"
    earlier = f"{old.right[measure]}→" if old is not None else ""
    return f"{earlier}{score.right[measure]}/{score.of[measure]}"


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
    return "  ".join([row[0].ljust(widths[0]), *cells]).rstrip()

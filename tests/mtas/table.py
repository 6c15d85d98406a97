"""The table: a line for each mail server; below it what it offers, reports, and did wrong."""

import textwrap
from collections.abc import Sequence

from tests.mtas.playing import Result

HEAD = (
    "",
    "version",
    "delivered",
    "refused",
    "in doubt",
    "connections",
    "seconds",
    "learnt",
)
WIDTH = 100


def table(results: Sequence[Result]) -> str:
    """Return the results as text. Two figures are of the first and of the second issue."""
    rows = [HEAD, *(_row(result) for result in results if not result.missing)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(HEAD))]
    lines = [_line(HEAD, widths)]
    done = iter(rows[1:])
    for result in results:
        if result.missing:
            lines.append(f"{result.name}  not tried: {result.missing}")
            continue
        lines.append(_line(next(done), widths))
        lines += _wrapped(f"EHLO: {' '.join(result.offers).upper()}")
        if result.report:
            lines += _wrapped(f"report: {result.report}")
        lines += [f"  WRONG {sentence}" for sentence in result.wrong]
    return "\n".join(lines) + "\n"


def _row(result: Result) -> tuple[str, ...]:
    return (
        result.name,
        result.version,
        f"{result.delivered}/{result.expected}",
        str(result.refused),
        str(result.in_doubt),
        ", ".join(map(str, result.connections)),
        ", ".join(f"{seconds:.1f}" for seconds in result.seconds),
        result.habits,
    )


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
    return "  ".join(cells).rstrip()


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent="  ", subsequent_indent="    ")

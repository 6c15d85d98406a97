"""The documentation's copy of the figures: written by the bench, never by hand."""

import re
from collections.abc import Sequence
from pathlib import Path

from bench import plot, results
from bench.errors import BenchError
from bench.results import Result

DOCS = Path(__file__).parent.parent / "docs"
PAGE = DOCS / "explanation" / "performance.md"
KEPT = DOCS / "explanation" / "bench.json"
PICTURE = DOCS / "img" / "bench.svg"
BEGIN, END = "<!-- figures, from make bench -->", "<!-- end of the figures -->"
_BETWEEN = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)


def publish(measured: Sequence[Result]) -> None:
    """Write the figures, their picture and their tables into docs/.

    Raises:
        BenchError: they are of a quick run, which says nothing.
    """
    if any(result.quick for result in measured):
        raise BenchError("These figures are of a --quick run: they are not published.")
    results.save(KEPT, measured)
    PICTURE.write_text(plot.draw(measured))
    PAGE.write_text(with_figures(PAGE.read_text(), measured))


def with_figures(page: str, measured: Sequence[Result]) -> str:
    """Return the page with these tables in place of those that it had."""
    tables = results.markdown(measured) or "Not measured yet.\n"
    return _BETWEEN.sub(lambda _: f"{BEGIN}\n\n{tables}\n{END}", page)

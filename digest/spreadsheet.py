"""Lists as CSV (RFC 4180) that are safe to open in a spreadsheet."""

import csv
from collections.abc import Sequence
from datetime import datetime
from io import StringIO

# What a spreadsheet takes for the beginning of a formula, its full-width forms too.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def csv_line(cells: Sequence[str]) -> str:
    """Return one line, with its line end."""
    line = StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()


def csv_cell(value: str | int | list[str] | datetime | None) -> str:
    """Return a value as it stands in a cell; None is an empty one."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    text = " ".join(value) if isinstance(value, list) else str(value)
    # With an apostrophe before it, a spreadsheet takes it for words.
    return f"'{text}" if text.startswith(FORMULA) else text

"""How Sphinx builds the documentation."""

import sys
from pathlib import Path
from typing import Any

# The checkout itself: the reference is made from the code that stands beside it.
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]

from reference_pages import GENERATED  # noqa: E402 - found by the line above

project = "Digest"
copyright = "2026, the Digest founders"  # noqa: A001 - Sphinx reads this name
extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "Digest"
html_static_path: list[str] = []
html_show_sphinx = False
html_copy_source = False


def setup(app: Any) -> None:
    """Fill in the parts of the reference that are made from the code."""
    app.connect("source-read", _fill_in)


def _fill_in(_: Any, __: str, source: list[str]) -> None:
    for mark, make in GENERATED.items():
        if mark in source[0]:
            source[0] = source[0].replace(mark, make())

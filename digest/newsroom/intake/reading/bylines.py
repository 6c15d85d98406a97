"""Stand-in: helper "fields" has the real one."""

import re
from collections.abc import Sequence


def byline(names: Sequence[str]) -> str | None:
    found = (re.sub(r"[^\s@]+@[^\s@]+", "", name).strip(" ()<>") for name in names)
    return " and ".join(filter(None, found)) or None

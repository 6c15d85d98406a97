"""Running a command that starts servers, as a program."""

import signal
import sys
from collections.abc import Callable

import pytest


def run_to_its_end(main: Callable[[], object]) -> None:
    """Run `main`, and end all that it started also when we are told to end."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        main()
    except pytest.skip.Exception as lacking:
        # Said by the servers' own words: which is not to be had, and how to get it.
        print(lacking, file=sys.stderr)
        sys.exit(1)

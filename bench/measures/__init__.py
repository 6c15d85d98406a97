"""One module for each benchmark, all of one shape."""

from collections.abc import Sequence
from typing import Protocol

from bench.results import Result
from bench.rig import Rig


class Measure(Protocol):
    """What each of these modules has."""

    @property
    def TITLE(self) -> str:  # noqa: N802 - a module's constant
        """What is measured, in a line."""

    @property
    def PROGRAMS(self) -> Sequence[str]:  # noqa: N802
        """What must be installed beforehand."""

    @property
    def MINUTES(self) -> float:  # noqa: N802
        """It takes no longer, or fails."""

    def measure(self, rig: Rig, *, quick: bool) -> Result:
        """Measure, and check that it is true. Raises BenchError."""

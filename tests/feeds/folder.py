"""Where `make feeds` installs what it runs, outside of Digest's own environment."""

from pathlib import Path

from tests.programs import CannotRunError as FeedsError
from tests.programs import run

__all__ = ["FOLDER", "FeedsError", "run"]

# Ignored by git, and kept from one run to the next.
FOLDER = Path(__file__).parent.parent.parent / ".feeds"

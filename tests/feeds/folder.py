"""Where `make feeds` installs what it runs, outside of Digest's own environment."""

from pathlib import Path

# Ignored by git, and kept from one run to the next.
FOLDER = Path(__file__).parent.parent.parent / ".feeds"

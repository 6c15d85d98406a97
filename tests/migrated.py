"""A SQLite database with its tables, without the seconds that all steps from the first one take."""

import os
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import make_url

from digest.migrations import upgrade


def put_database(url: str) -> None:
    """Put a migrated database where the URL of a SQLite file says."""
    name = make_url(url).database
    assert name
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    with open(name, "xb", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        file.write(_migrated())


@cache
def _migrated() -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder, "digest.sqlite")
        upgrade(f"sqlite:///{path}")
        left = [other.name for other in path.parent.glob("digest.sqlite-*")]
        assert not left, f"upgrade left its database open: {left}"
        return path.read_bytes()

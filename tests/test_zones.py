"""The newer of the host's time zones and the wheel's counts, in every process."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
import tzdata

from digest import zones

NOW = datetime(2026, 11, 30, tzinfo=UTC)
# Rules that only a make-believe release has: a place five hours and three quarters from UTC.
MADE_UP = (
    b"TZif2"
    + bytes(15)
    + b"".join(n.to_bytes(4, "big") for n in (0, 0, 0, 0, 1, 4))
    + (20_700).to_bytes(4, "big")
    + b"\0\0"
    + b"ABC\0"
)
ZONE_FILE = MADE_UP + MADE_UP + b"\n<+0545>-5:45\n"


def host_with(folder: Path, version: str | None) -> Path:
    """Make a host's zone data, in which London is nowhere near Greenwich."""
    (folder / "Europe").mkdir()
    (folder / "Europe" / "London").write_bytes(ZONE_FILE)
    (folder / "UTC").write_bytes(ZONE_FILE)
    if version is not None:
        (folder / "tzdata.zi").write_text(f"# version {version}\nR d 1916 o - Jun 14\n")
    return folder


def hours_in_london(folder: Path) -> float:
    """Ask a process of its own, whose host has this data."""
    asked = (
        "from datetime import datetime; from digest import zones;"
        "print(datetime(2026, 12, 5, 9, tzinfo=zones.named('Europe/London')).utcoffset().seconds)"
    )
    environment = {**os.environ, "PYTHONTZPATH": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", asked], env=environment, capture_output=True, text=True, check=True
    )
    return int(done.stdout) / 3600


@pytest.mark.parametrize(
    ("version", "hours"),
    [("2025b", 0), ("2026a", 0), (tzdata.IANA_VERSION, 0), ("2999a", 5.75), (None, 0)],
)
def test_the_newer_data_counts(tmp_path: Path, version: str | None, hours: float) -> None:
    assert hours_in_london(host_with(tmp_path, version)) == hours


def test_a_host_that_has_none_is_no_trouble(tmp_path: Path) -> None:
    assert hours_in_london(tmp_path) == 0


@pytest.mark.parametrize(
    ("name", "text", "version"),
    [
        ("tzdata.zi", "# version 2025b\n# ddeps\n", "2025b"),
        ("+VERSION", "2026a\n", "2026a"),
        ("+VERSION", "2026za\n", "2026za"),
        ("tzdata.zi", "R d 1916 o - Jun 14\n", None),
        ("tzdata.zi", "# version unknown\n", None),
        ("README", "# version 2025b\n", None),
    ],
)
def test_a_folder_says_its_release(
    tmp_path: Path, name: str, text: str, version: str | None
) -> None:
    (tmp_path / name).write_text(text)
    assert zones.version_in([tmp_path / "missing", tmp_path]) == version


def test_the_zones_that_differ_are_named(tmp_path: Path) -> None:
    host_with(tmp_path, "2025b")
    asked = (
        "import json; from datetime import UTC, datetime; from digest import zones;"
        "keys = ['Europe/Paris', 'Europe/London'];"
        "print(json.dumps(zones.differing(keys, datetime(2026, 11, 30, tzinfo=UTC))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", asked],
        env={**os.environ, "PYTHONTZPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == ["Europe/London"]


def test_the_pinned_data_knows_this_years_rules() -> None:
    winter = datetime(2026, 12, 5, 17, tzinfo=UTC)
    # British Columbia stays on its summer time from 2026 on; 2025's data has it go back.
    assert winter.astimezone(zones.named("America/Vancouver")).hour == 10


def test_a_local_date_is_the_zones_own() -> None:
    late = datetime(2026, 11, 14, 1, 0, tzinfo=UTC)
    assert zones.local_date(late, "Pacific/Auckland").day == 14
    assert zones.local_date(late, "America/Lima").day == 13


def test_no_other_module_asks_zoneinfo_itself() -> None:
    root = Path(zones.__file__).parent
    modules = [path for path in root.rglob("*.py") if path.name != "zones.py"]
    assert [path for path in modules if "import zoneinfo" in (text := path.read_text())
            or "from zoneinfo" in text] == []  # fmt: skip

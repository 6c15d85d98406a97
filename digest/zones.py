"""Time zones: by the newer of the host's data and the pinned wheel's, in every process.

`zoneinfo` asks the host first, however old its data is. Rules change a few times a year, often at
some weeks' notice (IANA tzdata, https://www.iana.org/time-zones), and an issue goes out by them.
"""

import re
import zoneinfo
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib import resources
from pathlib import Path
from zoneinfo import ZoneInfo

import tzdata

_VERSION = re.compile(r"(?:# version )?(\d{4}[a-z]{1,2})\s*")
# A rule that changes later than this will have come by an upgrade.
_AHEAD = timedelta(days=550)
_STEP = timedelta(hours=6)


def named(key: str) -> ZoneInfo:
    """Return a time zone by its IANA name, as the newest data that we have knows it.

    Raises:
        zoneinfo.ZoneInfoNotFoundError: there is none of that name.
    """
    use_newest()
    return ZoneInfo(key)


def local_date(at: datetime, key: str) -> date:
    """Return the date that the calendars of a zone show at a moment."""
    return at.astimezone(named(key)).date()


@cache
def names() -> frozenset[str]:
    """Return the names of all time zones."""
    use_newest()
    return frozenset(zoneinfo.available_timezones())


@cache
def use_newest() -> None:
    """Let `zoneinfo` pass by the host's data, in the whole process, unless it is the newer."""
    if not _is_newer(host_version(), wheel_version()):
        zoneinfo.reset_tzpath(to=())
        ZoneInfo.clear_cache()


def _is_newer(host: str | None, wheel: str) -> bool:
    # 2026z is followed by 2026za.
    return host is not None and host > wheel


def wheel_version() -> str:
    """Return the release of the data that Digest brings."""
    return str(tzdata.IANA_VERSION)


def version_used() -> str:
    """Return the release that this process goes by."""
    host, ours = host_version(), wheel_version()
    return host if host is not None and _is_newer(host, ours) else ours


@cache
def host_version() -> str | None:
    """Return the release of the host's data, such as 2025b; None where it does not say."""
    return version_in(_host_folders())


@cache
def _host_folders() -> tuple[Path, ...]:
    return tuple(map(Path, zoneinfo.TZPATH))


# Before anybody resets it.
_host_folders()


def version_in(folders: Iterable[Path]) -> str | None:
    """Return the release of the first folder that has zones, by its own word.

    Debian and others keep tzdata.zi, whose first line names it; the BSDs and macOS keep +VERSION.
    """
    for folder in folders:
        for name in ("tzdata.zi", "+VERSION"):
            try:
                with (folder / name).open(encoding="ascii", errors="replace") as file:
                    said = _VERSION.fullmatch(file.readline(100))
            except OSError:
                continue
            if said is not None:
                return said[1]
        if (folder / "Etc" / "UTC").exists() or (folder / "UTC").exists():
            return None
    return None


def differing(keys: Iterable[str], now: datetime) -> list[str]:
    """Return those of the zones for which host and wheel differ, within a year and a half."""
    return [key for key in sorted(set(keys)) if _differs(key, now, _host_folders())]


def _differs(key: str, now: datetime, folders: Sequence[Path]) -> bool:
    files = (folder / key for folder in folders)
    theirs_at = next((file for file in files if file.is_file()), None)
    if theirs_at is None:
        return False
    with theirs_at.open("rb") as data:
        theirs = ZoneInfo.from_file(data)
    with resources.files("tzdata.zoneinfo").joinpath(*key.split("/")).open("rb") as of_wheel:
        ours = ZoneInfo.from_file(of_wheel)
    moments = (now.astimezone(UTC) + _STEP * step for step in range(int(_AHEAD / _STEP)))
    return any(
        at.astimezone(ours).utcoffset() != at.astimezone(theirs).utcoffset() for at in moments
    )

"""What the settings say, and what is around this process: folders, disk, names."""

import difflib
import os
import re
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import make_url

from digest.checkup.finding import Finding, failure, fine, warning
from digest.checkup.returning import without_domain
from digest.settings.environment_file import NAMED_BY
from digest.settings.loading import LOOPBACK_NAMES, VARIABLES, Settings

MEGABYTE = 1_000_000
FREE_AT_LEAST, FREE_WANTED = 100 * MEGABYTE, 1000 * MEGABYTE

# The database, and what SQLite and Digest keep beside it.
SQLITE_FILES = ("", "-wal", "-shm", ".home")

KEY_REMEDIES = {
    "DIGEST_KEYS": "Make a key with `digest doctor --new-key`, and set DIGEST_KEYS to k1: and "
    "that key, or DIGEST_KEYS_FILE to a file that holds it. Keep a copy where a backup of the "
    "database does not lie: without it no link in any mail works any more.",
    "DIGEST_SUPPRESSION_KEY": "Make a key with `digest doctor --new-key`, and set "
    "DIGEST_SUPPRESSION_KEY to it, or DIGEST_SUPPRESSION_KEY_FILE to a file that holds it. Keep a "
    "copy: it is never changed, for people who must not be mailed are known by it alone.",
}


def from_complaints(complaints: Iterable[str]) -> Iterator[Finding]:
    """Return a failure for each setting that is missing or malformed."""
    meanings = {variable.name: variable for variable in VARIABLES}
    for complaint in complaints:
        named = re.match(r"[A-Z_]+", complaint)
        name = named[0] if named else ""
        if name in KEY_REMEDIES and "is not set" in complaint:
            yield failure("settings", f"{name} is not set.", KEY_REMEDIES[name])
            continue
        found = complaint if complaint.endswith(".") else f"{complaint}."
        known = meanings.get(name)
        yield failure("settings", found, f"What it is: {known.meaning}" if known else "")


def look_around(settings: Settings, environment: Mapping[str, str]) -> Iterator[Finding]:
    """Return what can be told without asking anybody."""
    yield _how_it_runs(settings)
    yield from _misspelt(environment)
    yield _keys(settings)
    yield from _open_files(settings, environment)
    yield _public_address(settings)
    yield from _proxies(settings)
    yield from _disk(settings)
    if not settings.inbound_domain:
        yield without_domain()
    if settings.fetch_private:
        yield warning(
            "fetching",
            "DIGEST_FETCH_PRIVATE lets feeds and pictures come from private addresses.",
            "Unset it, except for tests: a feed could make Digest ask machines of your network.",
        )


def _how_it_runs(settings: Settings) -> Finding:
    kind = "SQLite" if _sqlite_file(settings) else "PostgreSQL"
    if settings.embedded and kind == "SQLite":
        return fine("settings", f"One process for everything, on SQLite, in {settings.data_dir}.")
    if not settings.embedded and kind == "PostgreSQL":
        return fine("settings", "Several processes, on PostgreSQL and Redis.")
    if settings.embedded:
        return warning(
            "settings",
            "REDIS_URL is memory://, which one process alone can hear, and the database is "
            "PostgreSQL.",
            "With `digest run` and nothing else that works. For the processes of the Procfile set "
            "REDIS_URL, as in redis://localhost:6379/0.",
        )
    return warning(
        "settings",
        "There is a broker for several processes, and the database is SQLite, where one writes at "
        "a time.",
        "With all processes on this machine that works, slowly. Better set DATABASE_URL to a "
        "PostgreSQL database.",
    )


def _misspelt(environment: Mapping[str, str]) -> Iterator[Finding]:
    names = [variable.name for variable in VARIABLES]
    known = {*names, *(f"{name}_FILE" for name in names), NAMED_BY}
    for name in sorted(environment):
        if not name.startswith("DIGEST_") or name in known or name.startswith("DIGEST_TEST"):
            continue
        close = difflib.get_close_matches(name, sorted(known), 1)
        meant = f"Was {close[0]} meant? " if close else ""
        yield warning(
            "settings",
            f"{name} is set, and Digest knows no such setting.",
            f"{meant}The documentation lists all of them, under Configuration.",
        )


def _keys(settings: Settings) -> Finding:
    path = settings.data_dir / "keys"
    signs = f"New links are signed with key {settings.keys[0].id}"
    others = f"; {len(settings.keys) - 1} older still verify" if len(settings.keys) > 1 else ""
    if not (settings.embedded and path.is_file()):
        return fine("keys", f"{signs}{others}.")
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        return warning(
            "keys", f"Other users of this machine can read {path}.", f"Run: chmod 600 {path}"
        )
    return fine("keys", f"{signs}{others}. Back up {path} as well as the database.")


def _open_files(settings: Settings, environment: Mapping[str, str]) -> Iterator[Finding]:
    """Look whether others can read what holds readers' addresses, or secrets."""
    database = _sqlite_file(settings)
    ours = [database.with_name(database.name + end) for end in SQLITE_FILES] if database else []
    variables = [f"{variable.name}_FILE" for variable in VARIABLES]
    named = [Path(environment[name]) for name in variables if environment.get(name)]
    # A file of secrets may be its group's: root's, and read by Digest's user.
    for path, others in [*((each, 0o077) for each in ours), *((each, 0o007) for each in named)]:
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
        except OSError:
            continue
        if mode & others:
            yield warning(
                "files",
                f"Other users of this machine can read {path}.",
                f"Run: chmod {'600' if others == 0o077 else 'o='} {path}",
            )


def _public_address(settings: Settings) -> Finding:
    if urlsplit(settings.public_url).hostname in LOOPBACK_NAMES:
        return warning(
            "public address",
            f"Links in mail lead to {settings.public_url}, which nobody but this machine reaches.",
            "Set DIGEST_PUBLIC_URL to the https:// address at which readers reach the pages.",
        )
    return fine("public address", f"Links in mail lead to {settings.public_url}.")


def _proxies(settings: Settings) -> Iterator[Finding]:
    if not settings.public_url.startswith("https://"):
        return
    if settings.trusted_proxies:
        yield fine("proxies", "DIGEST_TRUSTED_PROXIES says whose word on a reader's ip counts.")
        return
    yield warning(
        "proxies",
        "Readers come by https, so through a proxy, and DIGEST_TRUSTED_PROXIES does not name it: "
        "the evidence of consent holds the proxy's ip, and sign-ups are not limited.",
        "Set it to the networks of your reverse proxy; for one on this machine: "
        "127.0.0.1/32,::1/128",
    )


def _disk(settings: Settings) -> Iterator[Finding]:
    file = _sqlite_file(settings)
    folder = file.parent if file else settings.data_dir
    if not file and not settings.embedded:
        return
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not os.access(folder, os.W_OK | os.X_OK):
        yield failure(
            "disk",
            f"This user may not write in {folder}.",
            "Give it the folder, or set DIGEST_DATA_DIR to another one.",
        )
        return
    yield disk_space(folder, shutil.disk_usage(folder).free)


def disk_space(folder: Path, free: int) -> Finding:
    """Judge the free bytes of the disk that holds the database."""
    found = f"{free / MEGABYTE:,.0f} MB are free where {folder} is."
    if free < FREE_AT_LEAST:
        return failure(
            "disk",
            f"Only {found}",
            "Make room: while nothing can be written, nobody can sign up or leave.",
        )
    if free < FREE_WANTED:
        return warning("disk", f"Only {found}", "Make room soon.")
    return fine("disk", found)


def _sqlite_file(settings: Settings) -> Path | None:
    url = make_url(settings.database_url)
    return Path(url.database or "") if url.get_backend_name() == "sqlite" else None

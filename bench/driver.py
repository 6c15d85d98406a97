"""Does what a worker's tasks do, in whichever version of Digest it is run with.

It is told what to do by lines of JSON, and answers each by one. Nothing of the bench is imported:
an earlier commit has its own environment.
"""

import json
import sys
import threading
import time
from collections import Counter
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

from digest.migrations import upgrade


def main() -> None:
    """Answer until standard input ends. `add`: URLs; `fetch`: ids of sources; `memory`.

    `open`: a paper with a newsletter; `send`: every notice that waits.
    """
    # Where nobody has set up logging, it is printed among the answers.
    answers, sys.stdout = sys.stdout, sys.stderr
    settings = SETTINGS.load_settings()
    upgrade(settings.database_url)
    database = DATABASE.Database(settings.database_url)
    for line in sys.stdin:
        told = json.loads(line)
        answer = _done(database, settings, told)
        print(json.dumps(answer), file=answers, flush=True)
    database.dispose()


def _done(database: Any, settings: Any, told: dict[str, Any]) -> Any:
    if "add" in told:
        return _add(database, told["add"], datetime.fromisoformat(told["now"]))
    if "fetch" in told:
        return _fetch(database, settings, told["fetch"], datetime.fromisoformat(told["now"]))
    if "open" in told:
        return _open(database, datetime.fromisoformat(told["now"]))
    if "send" in told:
        return _send(database, settings)
    return _resident()


def _add(database: Any, urls: list[str], now: datetime) -> list[int]:
    sources = _module("digest.newsroom.intake.sources", "digest.newsroom.sources")
    with database.transaction() as session:
        return [sources.add_source(session, url, now).id for url in urls]


def _fetch(database: Any, settings: Any, ids: list[int], now: datetime) -> dict[str, int]:
    """Return how many sources were unchanged or failed, and how many articles came or changed."""
    fetching = _module(
        "digest.newsroom.intake.fetching_sources", "digest.newsroom.fetching_sources"
    )
    counts: Counter[str] = Counter()
    for source_id in ids:
        fetched = fetching.fetch_source(
            database,
            source_id,
            fetcher=fetching.open_fetcher(database, settings),
            now=now,
            every=timedelta(minutes=15),
        )
        counts["added"] += fetched.added
        counts["changed"] += fetched.changed
        counts["unchanged"] += fetched.unchanged
        counts["failed"] += fetched.error is not None
    return dict(counts)


def _open(database: Any, now: datetime) -> int:
    """Make the paper, in a database that knows where it lives; return its newsletter's id."""
    with database.transaction() as session:
        import_module("digest.home").settle_if_empty(session, now)
        return int(import_module("digest.cli.halyard").open_paper(session, now).id)


def _send(database: Any, settings: Any) -> dict[str, float]:
    """Send until nothing is due; return how many were accepted, and in how many seconds."""
    notices = _module("digest.delivery.notices.sending", "digest.delivery.notices")
    ring = import_module("digest.tokens").KeyRing(settings.keys)
    links = import_module("digest.delivery.messages").Links(ring, settings.public_url, None)
    rung = [True]
    accepted = 0
    began = time.monotonic()
    while rung:
        rung.clear()
        accepted += notices.send_notices(
            database,
            settings=settings,
            links=links,
            stopping=threading.Event(),
            ring_again=lambda: rung.append(True),
        )
    return {"accepted": accepted, "seconds": time.monotonic() - began}


def _resident() -> int:
    """Return this process's memory in bytes, without any child's."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(line)


def _module(*names: str) -> Any:
    """Return the module under the first of the names that it has here."""
    for name in names[:-1]:
        try:
            return import_module(name)
        except ModuleNotFoundError:
            continue
    return import_module(names[-1])


SETTINGS = _module("digest.settings.loading", "digest.settings")
DATABASE = _module("digest.database.transactions", "digest.database")

if __name__ == "__main__":
    main()

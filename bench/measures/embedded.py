"""6. One process on SQLite: `digest run`."""

import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.errors import BenchError
from bench.paper import fill, publish
from bench.results import Result, figure
from bench.rig import Rig, opened
from digest.cli.halyard import SLUG
from digest.migrations import upgrade
from tests.journeys.formation import Formation, free_port

TITLE = "Embedded: one process on SQLite, digest run"
PROGRAMS = ("smtp-sink",)
MINUTES = 10
UNIT = "messages/s"
LOOK_SECONDS = 0.05


def measure(rig: Rig, *, quick: bool) -> Result:
    readers = 1_000 if quick else 20_000
    folder = rig.folder()
    with rig.sink() as sink:
        port = free_port()
        environment = {
            "DIGEST_DATA_DIR": str(folder),
            "DIGEST_PUBLIC_URL": f"http://127.0.0.1:{port}",
            "SMTP_URL": f"smtp://127.0.0.1:{sink.port}",
        }
        with Formation(folder, environment) as formation:
            file = folder / "digest.sqlite3"
            url = f"sqlite:///{file}"
            upgrade(url)
            fill(url, readers)
            with opened(url) as database, database.transaction() as session:
                publish(session, "embedded")
            soon = datetime.now(UTC) + timedelta(hours=1)
            formation.run("issue", "compose", SLUG, "--special", soon.isoformat())
            formation.run("issue", "send", "1")
            formation.launch("run", f"digest run --port {port}")
            seconds, freeze = _watch(file, 60 + readers / 50)
            formation.kill("run")
        (accepted,) = _ask(file, "SELECT count(*) FROM delivery WHERE state = 'accepted'")
        if not accepted == readers == sink.count:
            raise BenchError(
                f"Of {readers:,} readers {accepted:,} are accepted, and the sink has "
                f"counted {sink.count:,}."
            )
    return Result(
        name="embedded",
        title=TITLE,
        ratios=(),
        figures=(
            figure(f"{readers:,} readers", UNIT, readers / seconds, drawn=True),
            figure("freeze", "s", freeze),
        ),
        notes=(
            "Pages and workers in one process with two sending threads; every commit waits "
            "for the disk (synchronous=FULL). Counted from the end of the freeze, seen within "
            f"{LOOK_SECONDS * 1000:.0f} ms, until the issue is closed.",
        ),
    )


def _watch(file: Path, within: float) -> tuple[float, float]:
    """Wait for the end of a send; return its seconds, and those of its freeze."""
    until = time.monotonic() + within
    frozen_at = 0.0
    while time.monotonic() < until:
        before = time.time()
        state, began, ended = _ask(file, "SELECT state, frozen_at, sent_at FROM issue")
        if not frozen_at and state in ("frozen", "sending", "sent"):
            frozen_at = before
        if state == "sent":
            return _moment(ended) - frozen_at, max(0.0, frozen_at - _moment(began))
        time.sleep(LOOK_SECONDS)
    raise BenchError(f"The issue was not sent within {within:g} s.")


def _ask(file: Path, sql: str) -> tuple[object, ...]:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=30)) as connection:
        row: tuple[object, ...] = connection.execute(sql).fetchone()
        return row


def _moment(text: object) -> float:
    return datetime.fromisoformat(str(text)).replace(tzinfo=UTC).timestamp()

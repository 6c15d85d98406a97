"""10. The tick of an installation with 500 newsletters, beside that of one with a single one."""

import time
from contextlib import ExitStack, closing
from pathlib import Path
from statistics import median
from typing import Any

import psycopg

from bench.newsstand import stock
from bench.results import Figure, Result, figure, ratio
from bench.rig import Rig
from digest.runtime import Runtime, open_runtime
from digest.tick import tick
from tests.factories import make_settings
from tests.servers.postgresql import libpq_url

TITLE = "Many newsletters: the tick of 500 beside that of one"
PROGRAMS: tuple[str, ...] = ()
MINUTES = 30
GIGABYTES = 4
UNIT = "ms"
TARGET = 1.5
WARM_UP = 5
SOURCES_DUE = 3
# At a usual minute the newsletter whose slot is furthest away has an issue to compose instead, and
# some sources are to be fetched.
DUE = (
    """
    UPDATE newsletter SET weekday = extract(isodow FROM slot)::int - 1, local_time = slot::time,
           calendar_since = now()
    FROM (SELECT date_trunc('minute', timezone('UTC', now()) + interval '23 hours') AS slot) coming
    WHERE id = (SELECT max(id) FROM newsletter)
    """,
    f"""
    UPDATE source SET next_fetch_at = now() - interval '1 minute'
    WHERE id IN (SELECT id FROM source ORDER BY id LIMIT {SOURCES_DUE})
    """,
)
# As if it had not been: the same is due at the next.
ITS_NEW = """
    (SELECT id FROM issue WHERE created_at > %(since)s
     AND newsletter_id = (SELECT max(id) FROM newsletter))
"""
UNDONE = (
    f"DELETE FROM notice WHERE issue_id IN {ITS_NEW}",
    f"DELETE FROM issue_change WHERE issue_id IN {ITS_NEW}",
    f"DELETE FROM issue WHERE id IN {ITS_NEW}",
)
BACKENDS = """
    SELECT pid FROM pg_stat_activity WHERE datname = current_database()
    AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


class Installation:
    """One that ticks in this process, and what its ticks have cost, in ms."""

    def __init__(self, runtime: Runtime, looking: "psycopg.Connection[tuple[Any, ...]]") -> None:
        self._runtime = runtime
        self._looking = looking
        self.process: list[float] = []
        self.database: list[float] = []
        row = looking.execute("SELECT now()").fetchone()
        assert row is not None
        self._since = row[0]
        for _ in range(WARM_UP):
            tick(runtime)

    def fall_due(self) -> None:
        """Make some of it due, as at any minute."""
        for statement in DUE:
            self._looking.execute(statement)

    def undo(self) -> int:
        """Take back what came of it; return how many issues there were."""
        for statement in UNDONE:
            done = self._looking.execute(statement, {"since": self._since})
        return done.rowcount

    def tick(self, times: int) -> None:
        """Tick so many times on end, and note what each took on average."""
        ours, theirs = time.process_time(), self._spent()
        for _ in range(times):
            tick(self._runtime)
        self.process.append((time.process_time() - ours) / times * 1000)
        self.database.append((self._spent() - theirs) / times * 1000)

    def taken(self) -> list[float]:
        """Return what both have spent together, each time, and begin anew."""
        both = [sum(each) for each in zip(self.process, self.database, strict=True)]
        self.process, self.database = [], []
        return both

    def _spent(self) -> float:
        """Return the seconds of processor time of the backends that serve it (proc(5))."""
        pids = [row[0] for row in self._looking.execute(BACKENDS)]
        times = (Path(f"/proc/{pid}/schedstat").read_text().split()[0] for pid in pids)
        return sum(map(int, times)) / 1e9


def measure(rig: Rig, *, quick: bool) -> Result:
    articles, rounds, times = (100_000, 3, 5) if quick else (1_000_000, 9, 20)
    rig.need_room(1 if quick else GIGABYTES)
    with ExitStack() as ends:
        one = _open(rig, ends, 1, 4, articles // 500)
        many = _open(rig, ends, 500, 2000, articles)
        rig.say(f"500 newsletters, 2,000 sources and {articles:,} articles are there")
        figures: list[Figure] = []
        ratios = []
        for what in ("nothing due", "at a usual minute"):
            for _ in range(rounds):
                for each in (one, many):
                    _one_round(each, times, due=what != "nothing due")
            parts = {"the process": many.process, "PostgreSQL": many.database}
            figures += [
                figure(f"500, {what}: {name}", UNIT, *spent) for name, spent in parts.items()
            ]
            ours, theirs = many.taken(), one.taken()
            figures += [
                figure(f"500 newsletters, {what}", UNIT, *ours),
                figure(f"one newsletter, {what}", UNIT, *theirs),
            ]
            ratios.append(
                ratio(
                    f"500 newsletters : one, {what}",
                    median(ours),
                    median(theirs),
                    TARGET,
                    most=True,
                )
            )
            rig.say(f"{what}: {median(ours):.0f} beside {median(theirs):.0f} {UNIT}")
    return Result(
        name="many",
        title=TITLE,
        ratios=tuple(ratios),
        figures=tuple(figures),
        notes=(
            f"500 newsletters, 2,000 sources, {articles:,} articles of a year and 26,000 issues "
            f"with their stories, beside one newsletter with 4 sources and {articles // 500:,} "
            f"articles. In turn, {rounds} times. Of the last three days the deliveries are there, "
            "ten of an issue.",
            "Processor time of a tick, that of the process and of PostgreSQL’s backends that serve "
            f"it. At a usual minute an issue is to be composed and {SOURCES_DUE} sources are to "
            "be fetched, in both.",
        ),
    )


def _one_round(installation: Installation, times: int, *, due: bool) -> None:
    if not due:
        installation.tick(times)
        return
    installation.fall_due()
    installation.tick(1)
    made = installation.undo()
    assert made == 1, f"{made} issues were made, and not one"


def _open(rig: Rig, ends: ExitStack, *size: int) -> Installation:
    url = ends.enter_context(rig.database())
    stock(url, *size)
    looking = ends.enter_context(psycopg.connect(libpq_url(url), autocommit=True))
    looking.execute("VACUUM (ANALYZE)")
    looking.execute("CHECKPOINT")
    settings = make_settings(url, redis_url=rig.own_broker())
    return Installation(ends.enter_context(closing(open_runtime(settings))), looking)

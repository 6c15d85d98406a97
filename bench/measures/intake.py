"""7. What it costs to have fetched a feed, beside an earlier version that read each one anew."""

import sys
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from bench import earlier, feeds
from bench.driven import Driven, driven
from bench.earlier import COMMIT
from bench.errors import BenchError
from bench.processors import spent
from bench.results import Figure, Ratio, Result, figure, ratio
from bench.rig import Rig
from tests.servers.web import Reply, Request, WebServer

TITLE = "Intake: fetching feeds, by processor time"
PROGRAMS: tuple[str, ...] = ()
MINUTES = 60
UNIT = "ms a feed"
ITEMS = 50
NOT_MODIFIED_TIMES = 5
FEW = 50
CHANGED, UNCHANGED, NOT_MODIFIED, ALL_NEW = "changed", "unchanged", "304", "all new"
PROMISED = {UNCHANGED: 0.25, NOT_MODIFIED: 1.0, ALL_NEW: 2.5}
# What one process's allocator keeps or gives back from one look to the next.
MEMORY_MAY_DIFFER = 1.05
HOSTILE_SECONDS = 2.0


class Papers:
    """The feeds on a server, as they stand; what they are like is set by who measures."""

    def __init__(self, server: WebServer, count: int) -> None:
        self.generation = 0
        self.validates = False
        self.builds = False
        self._built = 0
        self._known: dict[tuple[int, int], bytes] = {}
        self.urls = [server.route_to(f"/{each}", self._answer) for each in range(count)]
        self.hostile = {
            kind: server.route(f"/hostile/{number}", feeds.hostile(kind))
            for number, kind in enumerate(feeds.HOSTILE)
        }

    def write(self) -> None:
        """Have the feeds ready, so that nobody waits for them to be made."""
        for number in range(len(self.urls)):
            self._feed(number)

    def _feed(self, number: int) -> bytes:
        key = (number, self.generation)
        if key not in self._known:
            self._known = {k: v for k, v in self._known.items() if k[1] == self.generation}
            self._known[key] = feeds.feed(number, ITEMS, self.generation)
        return self._known[key]

    def _answer(self, request: Request) -> Reply:
        number = int(request.path[1:])
        etag = f'"{self.generation}"'
        if self.validates and request.headers.get("If-None-Match") == etag:
            return Reply(status=304, headers={"ETag": etag})
        body = self._feed(number)
        if self.builds:
            self._built += 1
            body += f"<!-- {self._built} -->".encode()
        return Reply(body, headers={"ETag": etag} if self.validates else {})


class Version:
    """A version of Digest with a database of its own, which fetches when it is told to."""

    def __init__(self, rig: Rig, process: Driven, papers: Papers) -> None:
        self.costs: dict[str, list[float]] = {kind: [] for kind in (*PROMISED, CHANGED)}
        """Milliseconds of processor time a feed: the worker's, its child's and PostgreSQL's."""
        self._parts = (process.pid, rig.postgres.pid)
        self._process = process
        self._now = datetime.now(UTC)
        self._ids: list[int] = self._ask(add=papers.urls)

    def add(self, url: str) -> int:
        """Add a source, and return its id."""
        [source_id] = self._ask(add=[url])
        return int(source_id)

    def fetch(
        self, kind: str | None = None, ids: list[int] | None = None, **expected: int
    ) -> float:
        """Fetch all sources once, or these; return the seconds of processor time.

        Raises:
            BenchError: something else came of it than what is expected.
        """
        self._now += timedelta(hours=1)
        before = sum(map(spent, self._parts))
        came = self._ask(fetch=ids or self._ids)
        took = sum(map(spent, self._parts)) - before
        if any(came.get(what) != count for what, count in expected.items()):
            raise BenchError(f"Expected {expected} of the feeds, and {came} came of them.")
        if kind is not None:
            self.costs[kind].append(took / len(ids or self._ids) * 1000)
        return took

    @property
    def memory(self) -> int:
        """How much memory the worker has now, in bytes, without its child."""
        return int(self._ask(memory=True))

    def _ask(self, **what: Any) -> Any:
        return self._process.ask(now=self._now.isoformat(), **what)


def measure(rig: Rig, *, quick: bool) -> Result:
    count, rounds, many = (8, 1, 100) if quick else (200, 3, 5_000)
    their_python = earlier.interpreter(COMMIT)
    rig.say(f"{COMMIT} is there")
    server = WebServer()
    try:
        papers = Papers(server, count)
        with ExitStack() as ends:
            ours, theirs = (
                Version(
                    rig, ends.enter_context(driven(rig, python, DIGEST_FETCH_PRIVATE="1")), papers
                )
                for python in (Path(sys.executable), their_python)
            )
            for number in range(1, rounds + 1):
                _round(papers, count, ours, theirs)
                rig.say(f"round {number}: {_told(ours)} beside {_told(theirs)}")
            hostile = _hostile(papers, ours)
            rig.say(f"the worst of the hostile feeds: {max(hostile.values()):.2f} s")
            memory = _memory(papers, ours, count, many)
    finally:
        server.close()
    return _result(count, rounds, many, ours, theirs, hostile, memory)


def _round(papers: Papers, count: int, ours: Version, theirs: Version) -> None:
    """Measure each kind once, for one version after the other."""
    papers.generation += 1
    papers.validates = papers.builds = False
    papers.write()
    for version in (ours, theirs):
        version.fetch(ALL_NEW, added=count * ITEMS, failed=0)
    for version in (ours, theirs):
        version.fetch(UNCHANGED, added=0, changed=0, failed=0)
    papers.builds = True
    for version in (ours, theirs):
        version.fetch(CHANGED, added=0, changed=0, unchanged=0, failed=0)
    papers.builds, papers.validates = False, True
    for version in (ours, theirs):
        # To learn what to ask by.
        version.fetch(failed=0)
    # So little that what PostgreSQL does of its own accord would tell: the more samples.
    for _ in range(NOT_MODIFIED_TIMES):
        for version in (ours, theirs):
            version.fetch(NOT_MODIFIED, unchanged=count, failed=0)


def _hostile(papers: Papers, version: Version) -> dict[str, float]:
    """Return the seconds that each kind of hostile feed takes; refused or read, as it may be."""
    return {kind: version.fetch(ids=[version.add(url)]) for kind, url in papers.hostile.items()}


def _memory(papers: Papers, version: Version, count: int, many: int) -> tuple[int, int]:
    """Return the worker's memory after few feeds that were read, and after many."""
    papers.validates, papers.builds = False, True
    few, read = 0, 0
    while read < many:
        version.fetch(unchanged=0, failed=0)
        read += count
        few = few or (version.memory if read >= FEW else 0)
    return few, version.memory


def _told(version: Version) -> str:
    return ", ".join(f"{kind} {median(version.costs[kind]):.1f}" for kind in version.costs)


def _result(
    count: int,
    rounds: int,
    many: int,
    ours: Version,
    theirs: Version,
    hostile: dict[str, float],
    memory: tuple[int, int],
) -> Result:
    ratios = [
        ratio(f"{kind}, Digest : {COMMIT}", median(ours.costs[kind]), median(theirs.costs[kind]),
              most, most=True)
        for kind, most in PROMISED.items()
    ]  # fmt: skip
    worst = max(hostile, key=lambda kind: hostile[kind])
    ratios += [
        Ratio("a hostile summary of 200 KB, s", round(max(hostile.values()), 2), HOSTILE_SECONDS,
              most=True),
        ratio(f"memory after {many:,} feeds : after {FEW}", memory[1], memory[0],
              MEMORY_MAY_DIFFER, most=True),
    ]  # fmt: skip
    figures: list[Figure] = []
    for kind in (*PROMISED, CHANGED):
        figures += [
            figure(f"{kind}, Digest", UNIT, *ours.costs[kind], drawn=kind == UNCHANGED),
            figure(f"{kind}, {COMMIT}", UNIT, *theirs.costs[kind], drawn=kind == UNCHANGED),
        ]
    figures += [figure(f"hostile: {kind}", "s", took) for kind, took in hostile.items()]
    figures.append(figure("the worker’s memory", "MB", *(each / 1e6 for each in memory)))
    return Result(
        name="intake",
        title=TITLE,
        ratios=tuple(ratios),
        figures=tuple(figures),
        notes=(
            f"{count} feeds of {ITEMS} items with 3 to 8 KB of content each, as WordPress, Ghost, "
            f"Hugo and an Atom writer shape them, over HTTP on loopback; {rounds} times in turn "
            f"with {COMMIT}, which runs in an environment of its own, on a database of its own.",
            "Processor time of the worker, its reading child and PostgreSQL together, as long as "
            "the fetch of all of them takes; the server of the feeds is not counted.",
            "“changed”: other bytes, in which no item is another.",
            f"The slowest hostile summary was “{worst}”. A feed is read, or refused in words; its "
            "time is all that fetching it took.",
            "Memory is that of the worker’s process, without its child, which is another one "
            "after each 500 feeds.",
        ),
    )

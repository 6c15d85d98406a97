"""10. What the processes hold in memory, beside an earlier version: at rest, and after pages."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import httpx

from bench import earlier, pss
from bench.earlier import COMMIT
from bench.machine import CHECKOUT
from bench.needs import run
from bench.results import Figure, Result, figure, ratio
from bench.rig import Rig
from tests.journeys.formation import Formation, free_port, wait_until

TITLE = "Memory: the Procfile's processes, and digest run"
PROGRAMS: tuple[str, ...] = ()
MINUTES = 20
NOBODY = 2525
PAGES = 100
PROMISED = 0.5
PROMISED_OF_RUN = 0.65
WHOLE, RUN = "all of the Procfile", "digest run"
AT_REST, AFTER_PAGES = "at rest", f"after {PAGES} pages"


class Version:
    """A version of Digest, and what its processes held, in MB: by part, and moment."""

    def __init__(self, python: Path, checkout: Path) -> None:
        self.python = python
        self.checkout = checkout
        self.held: dict[tuple[str, str], list[float]] = {}
        self.parts: dict[str, list[pss.Held]] = {}
        """Of the last look at rest: each process of each part."""

    @property
    def lines(self) -> Mapping[str, str]:
        """The Procfile's."""
        lines = (self.checkout / "Procfile").read_text().splitlines()
        return dict(line.split(": ", 1) for line in lines if line.strip())

    def note(self, part: str, moment: str, megabytes: float) -> None:
        self.held.setdefault((part, moment), []).append(megabytes)

    def of(self, part: str, moment: str) -> list[float]:
        return self.held[part, moment]


def measure(rig: Rig, *, quick: bool) -> Result:
    rounds, rest = (1, 10) if quick else (3, 70)
    ours = Version(earlier.interpreter_of_today(), CHECKOUT)
    theirs_at = earlier.interpreter(COMMIT)
    theirs = Version(theirs_at, theirs_at.parents[2] / "tree")
    for number in range(rounds):
        for version in (ours, theirs):
            _formation(rig, version, rest)
            _embedded(rig, version, rest)
        of_ours, of_theirs = (each.of(WHOLE, AT_REST)[-1] for each in (ours, theirs))
        rig.say(f"round {number + 1}: {of_ours:.0f} beside {of_theirs:.0f} MB at rest")
    return Result(
        name="memory",
        title=TITLE,
        ratios=tuple(
            ratio(
                f"{part}, {moment}, Digest : {COMMIT}",
                median(ours.of(part, moment)), median(theirs.of(part, moment)), promised, most=True,
            )
            for part, promised in ((WHOLE, PROMISED), (RUN, PROMISED_OF_RUN))
            for moment in (AT_REST, AFTER_PAGES)
        ),
        figures=(*_figures(ours, ""), *_figures(theirs, f", {COMMIT}")),
        notes=(
            f"PSS, in MB: a page that processes share is divided among them. At rest is {rest} s "
            f"after the start: the calendar has been looked at. Then {PAGES} pages are asked for.",
            *(_told(version, name) for version, name in ((ours, "Digest"), (theirs, COMMIT))),
        ),
    )  # fmt: skip


def _formation(rig: Rig, version: Version, rest: float) -> None:
    url = rig.postgres.create_database()
    with rig.formation(url, NOBODY) as formation:
        _of_version(formation, version)
        names = [name for name in version.lines if name != "release"]
        _released(formation, version)
        for name in names:
            formation.launch(f"{name}.1", version.lines[name])
        with _rested(formation.environment["DIGEST_PUBLIC_URL"], rest) as moments:
            for moment in moments:
                looked = {
                    name: [pss.held(pid) for pid in pss.tree(formation.pid(name))] for name in names
                }
                if moment == AT_REST:
                    version.parts = looked
                whole = sum(each.whole for part in looked.values() for each in part)
                version.note(WHOLE, moment, whole)
    rig.postgres.drop(url)


def _embedded(rig: Rig, version: Version, rest: float) -> None:
    port, folder = free_port(), rig.folder()
    environment = {"DIGEST_DATA_DIR": str(folder), "SMTP_URL": f"smtp://127.0.0.1:{NOBODY}"}
    environment["DIGEST_PUBLIC_URL"] = f"http://127.0.0.1:{port}"
    with Formation(folder, environment) as formation:
        _of_version(formation, version)
        _released(formation, version)
        formation.launch("run.1", f"digest run --port {port}")
        with _rested(environment["DIGEST_PUBLIC_URL"], rest) as moments:
            for moment in moments:
                held = [pss.held(pid).whole for pid in pss.tree(formation.pid("run"))]
                version.note(RUN, moment, sum(held))


def _of_version(formation: Formation, version: Version) -> None:
    path = formation.environment["PATH"]
    formation.environment["PATH"] = f"{version.python.parent}:{path}"
    formation.environment["PYTHONPATH"] = str(version.checkout)
    formation.checkout = version.checkout


def _released(formation: Formation, version: Version) -> None:
    environment = [f"{name}={value}" for name, value in formation.environment.items()]
    program = version.python.with_name("digest")
    run("digest db upgrade", ["env", *environment, program, "db", "upgrade"], within=60)


@contextmanager
def _rested(url: str, seconds: float) -> Iterator[Iterator[str]]:
    """Give the moments to look at, each once it is there."""
    wait_until(lambda: _answers(url), "the pages answer", 60)

    def moments() -> Iterator[str]:
        time.sleep(seconds)
        yield AT_REST
        for _ in range(PAGES):
            httpx.get(url).raise_for_status()
        yield AFTER_PAGES

    yield moments()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz").is_success
    except httpx.TransportError:
        return False


def _figures(version: Version, whose: str) -> list[Figure]:
    return [
        figure(f"{part}, {moment}{whose}", "MB", *samples)
        for (part, moment), samples in version.held.items()
    ]


def _told(version: Version, name: str) -> str:
    """Say what each process held, and how much of it alone."""
    parts = [
        f"{part} {', '.join(f'{each.whole:.0f} ({each.own:.0f})' for each in held)}"
        for part, held in version.parts.items()
    ]
    return f"{name}, each process at rest, and its own part of it: {'; '.join(parts)}."

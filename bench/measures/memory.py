"""10. What the processes hold in memory, beside an earlier version, and after each load."""

import json
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import httpx
from sqlalchemy import text

from bench import confirmed, earlier, pss
from bench.confirmed import commands, opened_version
from bench.earlier import COMMIT
from bench.machine import CHECKOUT
from bench.needs import run
from bench.paper import ADD_READERS, STORIES, SUBSCRIBE
from bench.results import Figure, Result, figure, ratio
from bench.rig import Rig, opened
from bench.sending import peak_memory
from bench.signing_up import answers
from digest.cli.halyard import SLUG
from tests.journeys.formation import Formation, free_port, wait_until

TITLE = "Memory: the Procfile's processes, and digest run"
PROGRAMS = ("smtp-sink", "wrk")
MINUTES = 40
NOBODY = 2525
PAGES = 100
SEND_SECONDS = 120
PROMISED = 0.5
PROMISED_OF_RUN = 0.65
WHOLE, RUN, SENDER = "all of the Procfile", "digest run", "a worker, at most"
AT_REST, AFTER_PAGES = "at rest", f"after {PAGES} pages"
AFTER_SIGN_UPS, AFTER_SEND = "after sign-ups", "after a send"
STATE = text("SELECT state FROM issue WHERE id = :id")


class Version:
    """A version of Digest, and what its processes held, in MB: by part, and moment."""

    def __init__(self, python: Path, checkout: Path) -> None:
        self.python = python
        self.checkout = checkout
        self.held: dict[tuple[str, str], list[float]] = {}
        self.parts: dict[str, list[pss.Held]] = {}
        """Of the last look at rest: each process of each part."""

    def note(self, part: str, moment: str, megabytes: float) -> None:
        self.held.setdefault((part, moment), []).append(megabytes)

    def of(self, part: str, moment: str) -> list[float]:
        return self.held[part, moment]


def measure(rig: Rig, *, quick: bool) -> Result:
    rounds, rest, seconds, readers = (1, 10, 2, 1_000) if quick else (3, 70, 10, 5_000)
    ours = Version(earlier.interpreter_of_today(), CHECKOUT)
    theirs = Version(earlier.interpreter(COMMIT), earlier.tree(COMMIT))
    for number in range(rounds):
        for version in (ours, theirs):
            _formation(rig, version, rest, seconds, readers)
            _embedded(rig, version, rest)
        of_ours, of_theirs = (each.of(WHOLE, AT_REST)[-1] for each in (ours, theirs))
        rig.say(f"round {number + 1}: {of_ours:.0f} beside {of_theirs:.0f} MB at rest")
    promises = (
        (WHOLE, AT_REST, PROMISED),
        (RUN, AT_REST, PROMISED_OF_RUN),
        (SENDER, AFTER_SEND, 1),
    )
    return Result(
        name="memory",
        title=TITLE,
        ratios=tuple(
            ratio(
                f"{part}, {moment}, Digest : {COMMIT}",
                median(ours.of(part, moment)), median(theirs.of(part, moment)), promised, most=True,
            )
            for part, moment, promised in promises
        ),
        figures=(*_figures(ours, ""), *_figures(theirs, f", {COMMIT}")),
        notes=(
            f"PSS, in MB: a page that processes share is divided among them. At rest is {rest} s "
            f"after the start: the calendar and a page have been looked at. Then, in turn, {PAGES} "
            f"pages are asked for, readers sign up for {seconds} s and are mailed, and an issue "
            f"goes to {readers:,} readers.",
            "What a worker held at most is its resident memory, with all that it shares: the "
            "largest process of those that send.",
            *(_told(version, name) for version, name in ((ours, "Digest"), (theirs, COMMIT))),
        ),
    )  # fmt: skip


def _formation(rig: Rig, version: Version, rest: float, seconds: int, readers: int) -> None:
    names = [name for name in commands(version.checkout) if name != "release"]
    with opened_version(rig, version.python, version.checkout, names) as running:
        url = running.formation.environment["DIGEST_PUBLIC_URL"]
        loads: dict[str, Callable[[], object]] = {
            AT_REST: lambda: time.sleep(rest),
            AFTER_PAGES: lambda: _ask_for_pages(url),
            AFTER_SIGN_UPS: lambda: running.measure("memory", seconds, counts=False),
            AFTER_SEND: lambda: _send(running, readers),
        }
        for moment, load in loads.items():
            load()
            looked = {name: _held(running.formation, name) for name in names}
            if moment == AT_REST:
                version.parts = looked
            version.note(WHOLE, moment, _sum(each for part in looked.values() for each in part))
        version.note(SENDER, AFTER_SEND, peak_memory(running.formation))


def _held(formation: Formation, name: str) -> list[pss.Held]:
    return [pss.held(pid) for pid in pss.tree(formation.pid(name))]


def _sum(held: Iterable[pss.Held]) -> float:
    return sum(each.whole for each in held)


def _ask_for_pages(url: str) -> None:
    for _ in range(PAGES):
        httpx.get(url).raise_for_status()


def _send(running: confirmed.Version, readers: int) -> None:
    """Send an issue to so many readers, by the version's own commands."""
    with opened(running.database_url) as database, database.transaction() as session:
        newsletter = session.execute(text("SELECT min(id) FROM newsletter")).scalar_one()
        session.execute(text(ADD_READERS["postgresql"]), {"readers": readers})
        subscribe = text(SUBSCRIBE["postgresql"])
        session.execute(subscribe, {"newsletter": newsletter, "readers": readers})
    for number in range(STORIES):
        running.formation.run(
            "article", "add", "--title", f"Story {number}",
            "--url", f"https://halyard.example/memory/{number}", "--standfirst", "A line. " * 20,
        )  # fmt: skip
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    said = running.formation.run("issue", "compose", SLUG, "--special", soon, "--json")
    issue = {"id": json.loads(said)["id"]}
    running.formation.run("issue", "send", str(issue["id"]))
    with opened(running.database_url) as database:

        def is_sent() -> bool:
            with database.reading() as session:
                return bool(session.execute(STATE, issue).scalar_one() == "sent")

        wait_until(is_sent, "the issue is sent", SEND_SECONDS)


def _embedded(rig: Rig, version: Version, rest: float) -> None:
    port, folder = free_port(), rig.folder()
    environment = {"DIGEST_DATA_DIR": str(folder), "SMTP_URL": f"smtp://127.0.0.1:{NOBODY}"}
    url = environment["DIGEST_PUBLIC_URL"] = f"http://127.0.0.1:{port}"
    with Formation(folder, environment) as formation:
        _of_version(formation, version)
        _released(formation, version)
        formation.launch("run.1", f"digest run --port {port}")
        wait_until(lambda: answers(f"{url}/healthz"), "the pages answer", 60)
        time.sleep(rest)
        version.note(RUN, AT_REST, _sum(_held(formation, "run")))
        _ask_for_pages(url)
        version.note(RUN, AFTER_PAGES, _sum(_held(formation, "run")))


def _of_version(formation: Formation, version: Version) -> None:
    path = formation.environment["PATH"]
    formation.environment["PATH"] = f"{version.python.parent}:{path}"
    formation.environment["PYTHONPATH"] = str(version.checkout)
    formation.checkout = version.checkout


def _released(formation: Formation, version: Version) -> None:
    environment = [f"{name}={value}" for name, value in formation.environment.items()]
    program = version.python.with_name("digest")
    run("digest db upgrade", ["env", *environment, program, "db", "upgrade"], within=60)


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

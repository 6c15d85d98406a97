"""9. What it costs to ask something on the command line, beside an earlier version."""

import os
import subprocess
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from bench import earlier
from bench.earlier import COMMIT
from bench.errors import BenchError
from bench.results import Figure, Ratio, Result, figure, ratio
from bench.rig import Rig
from digest.settings.loading import new_secret

TITLE = "Commands that only read"
PROGRAMS: tuple[str, ...] = ()
MINUTES = 20
PROMISED = 0.35
# The cheapest that bbfca12 has: beside it stands what came later.
BESIDE = "newsletter list"
COMMANDS = (
    "newsletter list",
    "newsletter show paper",
    "source list",
    "article list",
    "issue list",
    "issue report 1",
    "subscriber list",
    "subscriber export",
    "consent verify",
    "consent export",
)
SINCE = (
    "newsletter report paper",
    "source history 1",
    "issue history 1",
    "issue audience 1",
    "audit list",
    "audit verify",
    "token list",
    "user list",
)
NEWSLETTER = (
    "newsletter", "create", "paper", "--name", "The Paper", "--promise", "All of it",
    "--editor-name", "Imara", "--editor-email", "imara@example.org", "--from-address",
    "imara@example.org", "--postal-address", "1 Quay Street", "--weekday", "Saturday", "--time",
    "07:00", "--zone", "Europe/London", "--publication", "The Halyard", "--site",
    "https://halyard.example",
)  # fmt: skip
ARTICLES = 8


@dataclass
class Version:
    """A version of Digest, its settings, and what each command took it."""

    program: Path
    environment: Mapping[str, str]
    processor: dict[str, list[float]] = field(default_factory=dict)
    """Milliseconds of processor time, by command."""
    clock: dict[str, list[float]] = field(default_factory=dict)

    def fill(self) -> None:
        """Make a newsletter with its articles, an issue and a source."""
        self.run("db", "upgrade")
        self.run(*NEWSLETTER)
        self.run("source", "add", "https://halyard.example/feed")
        for number in range(ARTICLES):
            url = f"https://halyard.example/{number}"
            self.run("article", "add", "--title", f"Story {number}", "--url", url)
        self.run("issue", "compose", "paper")

    def ask(self, command: str) -> None:
        """Run a command, and write down what it took."""
        spent, took = self.run(*command.split())
        self.processor.setdefault(command, []).append(spent)
        self.clock.setdefault(command, []).append(took)

    def run(self, *arguments: str) -> tuple[float, float]:
        """Run a command; return its milliseconds, of the processor and by the clock.

        Raises:
            BenchError: it failed.
        """
        began = time.monotonic()
        with subprocess.Popen(
            [self.program, *arguments],
            env={**os.environ, **self.environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        ) as process:
            assert process.stderr is not None
            said = process.stderr.read().decode()
            _, status, used = os.wait4(process.pid, 0)
            took = (time.monotonic() - began) * 1000
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise BenchError(f"digest {' '.join(arguments)} failed: {said[-1000:]}")
        return (used.ru_utime + used.ru_stime) * 1000, took


def measure(rig: Rig, *, quick: bool) -> Result:
    rounds = 1 if quick else 7
    theirs_at = earlier.interpreter(COMMIT).with_name("digest")
    ours_at = earlier.interpreter_of_today().with_name("digest")
    ratios: list[Ratio] = []
    figures: list[Figure] = []
    with ExitStack() as ends:
        for kind in ("SQLite", "PostgreSQL"):
            ours, theirs = (
                Version(program, _environment(rig, ends, kind)) for program in (ours_at, theirs_at)
            )
            for version in (ours, theirs):
                version.fill()
                version.ask(BESIDE)
                version.processor, version.clock = {}, {}
            # In turn, so that a busy moment is shared.
            for number in range(rounds):
                for command in COMMANDS:
                    ours.ask(command)
                    theirs.ask(command)
                for command in SINCE:
                    ours.ask(command)
                rig.say(f"{kind}, round {number + 1}")
            ratios += _ratios(kind, ours, theirs)
            figures += _figures(kind, ours, theirs)
    return Result(
        name="commands",
        title=TITLE,
        ratios=tuple(ratios),
        figures=tuple(figures),
        notes=(
            f"Each command {rounds} times, in turn with that of commit {COMMIT}: medians of "
            "processor time. A newsletter, a source, "
            f"{ARTICLES} articles and an issue are there; the output is no terminal.",
            f"What commit {COMMIT} did not have stands beside its `{BESIDE}`: {', '.join(SINCE)}.",
        ),
    )


def _environment(rig: Rig, ends: ExitStack, kind: str) -> dict[str, str]:
    # Secrets of its own, on PostgreSQL as well: else they are read out of a file.
    common = {
        "DIGEST_DATA_DIR": str(rig.folder()),
        "DIGEST_KEYS": f"k1:{new_secret()}",
        "DIGEST_SUPPRESSION_KEY": new_secret(),
    }
    if kind == "SQLite":
        return common
    url = rig.postgres.create_database()
    ends.callback(rig.postgres.drop, url)
    return {**common, "DATABASE_URL": url}


def _ratios(kind: str, ours: Version, theirs: Version) -> list[Ratio]:
    return [
        ratio(
            f"{kind}: digest {command}",
            median(ours.processor[command]),
            median(theirs.processor[command if command in COMMANDS else BESIDE]),
            PROMISED,
            most=True,
        )
        for command in (*COMMANDS, *SINCE)
    ]


def _figures(kind: str, ours: Version, theirs: Version) -> list[Figure]:
    figures = []
    for whose, version in (("", ours), (f", {COMMIT}", theirs)):
        said = f"{kind}: {BESIDE}{whose}"
        figures += [
            figure(f"{said}, processor time", "ms", *version.processor[BESIDE]),
            figure(f"{said}, by the clock", "ms", *version.clock[BESIDE]),
        ]
    return figures

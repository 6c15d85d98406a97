"""3. and 7. Ten thousand readers and a million; and who asks to be let in meanwhile."""

import re
import statistics
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx

from bench.errors import BenchError
from bench.paper import Site, open_site
from bench.results import Figure, Result, figure, ratio
from bench.rig import Rig
from bench.sending import Sent, peak_memory, send_issue, warm_up
from digest.cli.halyard import SLUG
from tests.journeys.formation import wait_until

TITLE = "Scale: from ten thousand readers to a million"
PROGRAMS = ("smtp-sink",)
MINUTES = 75
UNIT = "messages/s"
EVERY_SECONDS = 2.0
PATIENCE_SECONDS = 30
MEMORY_MB, CONFIRMATION_SECONDS = 32, 5
ARRIVED = """
    SELECT sign_up.email, notice.final_at FROM notice JOIN sign_up ON sign_up.id = sign_up_id
    WHERE notice.state = 'accepted'
"""


def measure(rig: Rig, *, quick: bool) -> Result:
    sizes = (1_000, 2_000, 6_000) if quick else (10_000, 100_000, 1_000_000)
    every = 0.5 if quick else EVERY_SECONDS
    rig.need_room(1 if quick else 10)
    sent: list[Sent] = []
    memory: list[float] = []
    waits: list[float] = []
    for readers in sizes:
        with open_site(rig, readers) as site:
            for name in ("web", "worker", "notices"):
                site.formation.start(name)
            warm_up(site)
            visitors = Visitors(site, every)
            visitors.wait_for_pages()
            issue_id = site.compose()
            with visitors:
                sent.append(send_issue(site, issue_id, within=60 + readers / 100))
                memory.append(peak_memory(site.formation))
            if readers == sizes[-1]:
                waits = visitors.waits()
            rig.say(f"{readers:,}: {sent[-1].rate:,.0f} {UNIT}, {memory[-1]:.0f} MB")
    rates = [each.rate for each in sent]
    largest = sent[-1]
    return Result(
        name="scale",
        title=TITLE,
        ratios=(
            ratio("fastest : slowest of the sizes", max(rates), min(rates), 1.2, most=True),
            ratio(
                f"freeze : send, {largest.messages:,} readers",
                largest.freeze_seconds, largest.seconds, 0.1, most=True,
            ),
            ratio(
                f"difference of a worker’s peak memory : {MEMORY_MB} MB",
                max(memory) - min(memory), MEMORY_MB, 1, most=True,
            ),
            ratio(
                f"slowest confirmation : {CONFIRMATION_SECONDS} s",
                max(waits), CONFIRMATION_SECONDS, 1, most=True,
            ),
        ),
        figures=(
            *(figure(f"{s.messages:,} readers", UNIT, s.rate, drawn=True) for s in sent),
            *(figure(f"freeze of {s.messages:,}", "s", s.freeze_seconds) for s in sent),
            *(
                figure(f"peak memory of a worker, {s.messages:,}", "MB", most)
                for s, most in zip(sent, memory, strict=True)
            ),
            *_percentiles(waits),
        ),
        notes=(
            "Each size in a database and with processes of its own, which have sent something "
            "short before. The freeze renders, and writes the audience down, in one transaction.",
            f"While the issue goes out somebody signs up every {every:g} s by the form, through "
            f"gunicorn; the figures of {len(waits):,} confirmations are of the largest size: from "
            "before the form is sent until the relay’s 250 is written down.",
        ),
    )  # fmt: skip


def _percentiles(waits: list[float]) -> list[Figure]:
    cuts = statistics.quantiles(waits, n=100, method="inclusive")
    return [
        *(figure(f"a confirmation, {p} % within", "s", cuts[p - 1]) for p in (50, 90, 99)),
        figure("a confirmation, the slowest", "s", max(waits)),
    ]


@dataclass
class Visitors:
    """People who sign up while the `with` lasts, one after the other."""

    site: Site
    every: float
    asked: dict[str, datetime] = field(default_factory=dict)
    _leaving: threading.Event = field(default_factory=threading.Event)
    _errors: list[Exception] = field(default_factory=list)

    def wait_for_pages(self) -> None:
        """Wait until the form answers, and read what it says of the words agreed to."""
        url = self.site.formation.environment["DIGEST_PUBLIC_URL"]

        def answers() -> bool:
            try:
                return httpx.get(f"{url}/healthz").status_code == 200
            except httpx.TransportError:
                return False

        wait_until(answers, "gunicorn answers")
        found = re.search(r'name="wording" value="(\d+)"', httpx.get(url).text)
        if found is None:
            raise BenchError("The form has no wording.")
        self._words = {"wording": found[1]}

    def __enter__(self) -> "Visitors":
        self._thread = threading.Thread(target=self._come)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._leaving.set()
        self._thread.join()

    def waits(self) -> list[float]:
        """Return the seconds that each waited, once all have their confirmation.

        Raises:
            BenchError: somebody could not sign up, or waits still.
        """
        if self._errors:
            raise BenchError(f"Somebody could not sign up: {self._errors[0]}")
        until = time.monotonic() + PATIENCE_SECONDS
        while missing := self.asked.keys() - (arrived := dict(self.site.ask_all(ARRIVED))).keys():
            if time.monotonic() > until:
                raise BenchError(f"{len(missing)} confirmations have not left.")
            time.sleep(0.1)
        return [(arrived[email] - at).total_seconds() for email, at in self.asked.items()]

    def _come(self) -> None:
        url = self.site.formation.environment["DIGEST_PUBLIC_URL"]
        with httpx.Client(base_url=url, timeout=30) as browser:
            while not self._leaving.wait(self.every):
                email = f"visitor{len(self.asked)}@example.org"
                form = {"email": email, "newsletter": SLUG, "consent": "on", **self._words}
                self.asked[email] = datetime.now(UTC)
                try:
                    browser.post("/subscribe", data=form).raise_for_status()
                except httpx.HTTPError as error:
                    self._errors.append(error)
                    return

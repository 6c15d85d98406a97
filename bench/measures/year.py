"""4. A year on: the same send in a database that holds twenty million old deliveries."""

import statistics

from bench.history import remember
from bench.paper import open_site
from bench.results import Result, figure, ratio
from bench.rig import Rig
from bench.sending import send_issue, warm_up

TITLE = "A year on: the same send beside old deliveries"
PROGRAMS = ("smtp-sink",)
MINUTES = 40
UNIT = "messages/s"
GIGABYTES = 20


def measure(rig: Rig, *, quick: bool) -> Result:
    readers, issues, rounds = (2_000, 20, 1) if quick else (100_000, 200, 3)
    rig.need_room(1 if quick else GIGABYTES)
    empty: list[float] = []
    full: list[float] = []
    # Side by side, so that each issue of the one is followed by one of the other.
    with open_site(rig, readers) as young, open_site(rig, readers) as old:
        remember(old, issues, readers)
        rig.say(f"{issues * readers:,} old deliveries are there")
        for site in (young, old):
            for name in ("worker", "notices"):
                site.formation.start(name)
            warm_up(site)
        for number in range(1, rounds + 1):
            for site, rates in ((young, empty), (old, full)):
                within = 60 + readers / 100
                rates.append(send_issue(site, site.compose(), within=within).rate)
            rig.say(f"round {number}: {full[-1]:,.0f} beside {empty[-1]:,.0f} {UNIT}")
    return Result(
        name="year",
        title=TITLE,
        ratios=(
            ratio(
                "full : empty database",
                statistics.median(full),
                statistics.median(empty),
                0.9,
            ),
        ),
        figures=(
            figure("an empty database", UNIT, *empty, drawn=True),
            figure(f"{issues * readers:,} old deliveries", UNIT, *full, drawn=True),
        ),
        notes=(
            f"{readers:,} readers, {rounds} issues in each database, in turn. The old deliveries "
            f"are of {issues} issues.",
        ),
    )

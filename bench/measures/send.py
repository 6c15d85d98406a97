"""1. How fast an issue goes out, beside Postfix's own generator and beside what people write."""

import statistics

from bench.paper import open_site
from bench.processors import Costs
from bench.results import Result, figure, ratio
from bench.rig import Rig
from bench.rivals import tasks
from bench.rivals.generator import generate, length_for
from bench.sending import send_issue, warm_up

TITLE = "Send: an issue, personalised, by the Procfile’s worker processes"
PROGRAMS = ("smtp-sink", "smtp-source")
MINUTES = 25
UNIT = "messages/s"


def measure(rig: Rig, *, quick: bool) -> Result:
    readers, rounds, plain = (2_000, 1, 300) if quick else (50_000, 5, 5_000)
    ours: list[float] = []
    source: list[float] = []
    with open_site(rig, readers) as site:
        for name in ("worker", "notices"):
            site.formation.start(name)
        warm_up(site)
        costs = Costs(
            {
                "the workers": site.formation.processes("worker")[0],
                "PostgreSQL": rig.postgres.pid,
                "smtp-sink": site.sink.pid,
            }
        )
        size = length = 0
        message = b""
        for number in range(1, rounds + 1):
            issue_id = site.compose()
            costs.begin()
            ours.append(send_issue(site, issue_id, within=600).rate)
            costs.end(readers)
            if not length:
                messages = site.messages(issue_id)
                message, size = messages[0], round(statistics.mean(map(len, messages)))
                length = length_for(size)
            source.append(generate(site.sink, length=length, count=readers, within=600))
            rig.say(f"round {number}: {ours[-1]:,.0f} beside smtp-source's {source[-1]:,.0f}")
        site.formation.kill("worker.1")
        rival = tasks.send_all(
            site.formation, rig.own_broker(), site.sink, message, count=plain, within=600
        )
    mine = statistics.median(ours)
    return Result(
        name="send",
        title=TITLE,
        ratios=(
            ratio("Digest : smtp-source -d -s 8", mine, statistics.median(source), 1.0),
            ratio("Digest : a Celery task for each reader", mine, rival, 5),
        ),
        figures=(
            figure("Digest", UNIT, *ours, drawn=True),
            figure("smtp-source -d -s 8", UNIT, *source, drawn=True),
            figure("a Celery task for each reader", UNIT, rival, drawn=True),
            figure("a message, on average", "octets", size),
            *(
                figure(f"processor time of a message: {part}", "µs", *spent)
                for part, spent in costs.microseconds.items()
            ),
        ),
        notes=(
            f"{readers:,} readers, {rounds} times in turn with smtp-source, which sends as many "
            "messages of the same size. smtp-sink’s own count equals `accepted` each time.",
            "Counted from the commit of the freeze, which is before the first claim, to the last "
            "commit of a result: PostgreSQL’s own moments (track_commit_timestamp).",
            f"The task for each reader sends {plain:,}; it finds its queue full, and renders, "
            "looks up and writes down nothing.",
            "Unsigned: what signing (DKIM) adds is measured by `dkim`.",
        ),
    )

"""2. A relay that is 20 ms away, beside a loop of `smtplib.sendmail`."""

import socket
import statistics

from bench.errors import BenchError
from bench.paper import Site, open_site
from bench.results import Result, figure, ratio
from bench.rig import Rig
from bench.rivals import loop
from bench.sending import send_issue, warm_up
from tests.journeys.formation import free_port, wait_until

TITLE = "Far relay: the same, with a round trip of 20 ms"
PROGRAMS = ("smtp-sink",)
MINUTES = 15
UNIT = "messages/s"
ROUND_TRIP = 20
PROXY = "proxy"


def measure(rig: Rig, *, quick: bool) -> Result:
    readers, rounds = (400, 1) if quick else (5_000, 3)
    ours: list[float] = []
    plain: list[float] = []
    port = free_port()
    with open_site(rig, readers, relay_port=port) as site:
        _start_proxy(site, port)
        for name in ("worker", "notices"):
            site.formation.start(name)
        warm_up(site)
        message = site.formation.folder / "message.eml"
        for number in range(1, rounds + 1):
            issue_id = site.compose()
            ours.append(send_issue(site, issue_id, within=600).rate)
            connections = _most_connections(site)
            message.write_bytes(site.messages(issue_id, 1)[0])
            count = max(100, readers // 3)
            plain.append(
                loop.send_all(
                    site.sink, port, message, connections=connections, count=count, within=600
                )
            )
            rig.say(f"round {number}: {ours[-1]:,.0f} beside the loop’s {plain[-1]:,.0f}")
    return Result(
        name="relay",
        title=TITLE,
        ratios=(
            ratio(
                "Digest : a loop of smtplib.sendmail",
                statistics.median(ours),
                statistics.median(plain),
                3,
            ),
        ),
        figures=(
            figure("Digest", UNIT, *ours, drawn=True),
            figure("a loop of smtplib.sendmail", UNIT, *plain, drawn=True),
            figure("connections, of each", "at once", connections),
        ),
        notes=(
            f"{readers:,} messages, and {count:,} of the loop’s, {rounds} times in turn. A proxy "
            f"holds every byte back by {ROUND_TRIP // 2} ms each way, and lets through as much as "
            "comes.",
            "The loop has a process for each connection, which stays open, and sends one message.",
        ),
    )


def _start_proxy(site: Site, port: int) -> None:
    site.formation.launch(PROXY, f"python -m bench.far {port} {site.sink.port} {ROUND_TRIP}")

    def listens() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    wait_until(listens, "the proxy listens")


def _most_connections(site: Site) -> int:
    """Return how many were open at once; the proxy's own first one, a probe, came alone."""
    said = site.formation.log_of(PROXY).read_text().split()
    if not said:
        raise BenchError("Nobody has connected through the proxy.")
    return int(said[-1])

"""11. What signing costs: the same issue unsigned, signed by two keys, and by Ed25519 alone."""

import statistics
import time
from functools import partial

from bench.paper import Site, open_site
from bench.processors import Costs
from bench.results import Figure, Result, figure, ratio
from bench.rig import Rig
from bench.sending import send_issue, warm_up
from digest.delivery.signing.keys import generate
from digest.delivery.signing.signatory import KEPT_SECONDS
from digest.delivery.signing.signer import SigningKey, open_key
from digest.models import DkimAlgorithm

TITLE = "Signing: an issue signed by RSA and Ed25519 (DKIM), beside the same unsigned"
PROGRAMS = ("smtp-sink",)
MINUTES = 25
UNIT = "messages/s"
DOMAIN = "halyard.example"
UNSIGNED, BOTH, ALONE = "unsigned", "RSA and Ed25519", "Ed25519 alone"
# What goes on beside the two signatures may be a ninth of all else.
PART = 0.9
RATE_PART = 0.85


def measure(rig: Rig, *, quick: bool) -> Result:
    readers, rounds = (2_000, 1) if quick else (50_000, 3)
    ways = (UNSIGNED, BOTH, ALONE)
    rates: dict[str, list[float]] = {way: [] for way in ways}
    costs: dict[str, list[float]] = {way: [] for way in ways}
    with open_site(rig, readers) as site:
        for name in ("worker", "notices"):
            site.formation.start(name)
        warm_up(site)
        for number in range(1, rounds + 1):
            for way in ways:
                _change_to(site, way)
                workers = Costs({"": site.formation.processes("worker")[0]})
                issue_id = site.compose()
                workers.begin()
                rates[way].append(send_issue(site, issue_id, within=600).rate)
                workers.end(readers)
                costs[way] += workers.microseconds[""]
            said = ", ".join(f"{way} {rates[way][-1]:,.0f}" for way in ways)
            rig.say(f"round {number}: {said}")
    bare = {algorithm: _bare(algorithm, 200 if quick else 2_000) for algorithm in DkimAlgorithm}
    cost = {way: statistics.median(samples) for way, samples in costs.items()}
    rate = {way: statistics.median(samples) for way, samples in rates.items()}
    most = (cost[UNSIGNED] + sum(bare.values())) / PART
    return Result(
        name="dkim",
        title=TITLE,
        ratios=(
            ratio(
                "signed twice : (unsigned + two bare signatures) / 0.9, processor time of the "
                "workers",
                cost[BOTH], most, 1.0, most=True,
            ),
            ratio("Ed25519 alone : unsigned, rate", rate[ALONE], rate[UNSIGNED], RATE_PART),
        ),
        figures=(
            *(figure(way, UNIT, *rates[way]) for way in ways),
            *(
                figure(f"processor time of a message: the workers, {way}", "µs", *costs[way])
                for way in ways
            ),
            *_bare_figures(bare),
        ),
        notes=(
            f"{readers:,} readers, {rounds} times each in turn, by the same workers and keys of "
            "2,048 bits and of Ed25519; both by `cryptography`.",
            "A bare signature is that library’s, of a hash that is there, in a loop of one "
            "process.",
        ),
    )  # fmt: skip


def _change_to(site: Site, way: str) -> None:
    """Have the site's mail signed by other keys, by command, and wait until all workers know."""
    for key in _keys(site):
        site.formation.run("dkim", "retire", DOMAIN, key, "--leaves-unsigned")
    if way != UNSIGNED:
        algorithm = "both" if way == BOTH else "ed25519"
        site.formation.run("dkim", "create", DOMAIN, "--algorithm", algorithm)
        site.formation.run("dkim", "sign", DOMAIN, "--unchecked")
    time.sleep(KEPT_SECONDS + 1)


def _keys(site: Site) -> list[str]:
    rows = site.ask_all("SELECT selector FROM dkim_key WHERE state = 'signing' ORDER BY id")
    return [str(selector) for (selector,) in rows]


def _bare(algorithm: DkimAlgorithm, times: int) -> float:
    """Return the µs of processor time that a signature takes by itself."""
    secret, _ = generate(algorithm)
    sign = partial(SigningKey.sign, open_key(DOMAIN, "bare", secret), bytes(32))
    sign()
    began = time.process_time()
    for _ in range(times):
        sign()
    return (time.process_time() - began) / times * 1e6


def _bare_figures(bare: dict[DkimAlgorithm, float]) -> list[Figure]:
    return [
        figure(f"processor time of a bare signature, {algorithm.value}", "µs", spent)
        for algorithm, spent in bare.items()
    ]

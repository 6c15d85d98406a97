"""5. How fast readers can sign up, beside a route that only checks a form and inserts a row."""

import json
import re
import statistics
from pathlib import Path

import httpx

import bench
from bench.errors import BenchError
from bench.history import remember_sign_ups
from bench.needs import program, run
from bench.paper import Site, open_site
from bench.results import Result, figure, ratio
from bench.rig import Rig
from bench.rivals.form import make_table
from tests.journeys.formation import free_port, wait_until

TITLE = "Sign-ups: POST /subscribe through gunicorn, two workers"
PROGRAMS = ("smtp-sink", "wrk")
MINUTES = 10
UNIT = "requests/s"
SCRIPT = Path(bench.__file__).with_name("sign_up.lua")
CONNECTIONS = 16
RIVAL = "rival"
# As the Procfile has it, but for the app.
RIVAL_COMMAND = (
    'gunicorn --workers 2 --worker-class gthread --threads 8 --bind "127.0.0.1:{port}" '
    '--access-logfile - "bench.rivals.form:create_app()"'
)
WRITTEN = """
    SELECT (SELECT count(*) FROM consent WHERE kind = 'requested' AND id > %s),
           (SELECT count(*) FROM consent_detail WHERE consent_id > %s),
           (SELECT count(*) FROM notice WHERE kind = 'confirmation' AND state = 'queued')
"""
POSTED = re.compile(r"^POST /subscribe 200 ", re.MULTILINE)


def measure(rig: Rig, *, quick: bool) -> Result:
    readers, seconds, rounds = (1_000, 3, 1) if quick else (100_000, 15, 3)
    ours: list[float] = []
    plain: list[float] = []
    late: list[float] = []
    with open_site(rig, readers) as site:
        site.formation.environment["DIGEST_TRUSTED_PROXIES"] = "127.0.0.1/32"
        # All of this is one surge, and nobody is to solve a puzzle. The other limits are on.
        site.formation.environment["DIGEST_SURGE"] = "0"
        site.formation.environment["DIGEST_SIGN_UPS_A_MINUTE"] = "0"
        site.formation.start("web")
        url = site.formation.environment["DIGEST_PUBLIC_URL"]
        remember_sign_ups(site)
        (earlier,) = site.ask("SELECT max(id) FROM consent")
        make_table(site.database_url)
        rival_port = free_port()
        site.formation.launch(RIVAL, RIVAL_COMMAND.format(port=rival_port))
        wording = _wording(url)
        wait_until(lambda: _answers(f"http://127.0.0.1:{rival_port}"), "the rival answers")
        for number in range(rounds + 1):
            # The first round warms up: templates are compiled, connections opened.
            told = _load(url, wording, f"ours{number}", seconds if number else 2)
            other = _load(
                f"http://127.0.0.1:{rival_port}", wording, f"x{number}", seconds if number else 2
            )
            if number:
                ours.append(told["requests"] / told["seconds"])
                late.append(told["p99_ms"])
                plain.append(other["requests"] / other["seconds"])
                rig.say(f"round {number}: {ours[-1]:,.0f} beside {plain[-1]:,.0f} {UNIT}")
        answered = _check(site, earlier)
    return Result(
        name="signups",
        title=TITLE,
        ratios=(
            ratio(
                "Digest : validate and insert one row",
                statistics.median(ours), statistics.median(plain), 0.5,
            ),
        ),
        figures=(
            figure("Digest", UNIT, *ours, drawn=True),
            figure("validate and insert one row", UNIT, *plain, drawn=True),
            figure("Digest, 99 % answered within", "ms", *late),
        ),
        notes=(
            f"wrk, {CONNECTIONS} connections, {seconds} s each in turn, every request another "
            f"address. {readers:,} readers are there already, with the sign-ups and consents that "
            "they came by.",
            f"Each of the {answered:,} answers of 200 has its consent, its evidence and its queued "
            "notice in the database. The notices’ worker is not started: it is the pages that are "
            "measured.",
        ),
    )  # fmt: skip


def _wording(url: str) -> str:
    wait_until(lambda: _answers(f"{url}/healthz"), "gunicorn answers")
    found = re.search(r'name="wording" value="(\d+)"', httpx.get(url).text)
    if found is None:
        raise BenchError("The form has no wording.")
    return found[1]


def _answers(url: str) -> bool:
    try:
        httpx.get(url)
    except httpx.TransportError:
        return False
    return True


def _load(url: str, wording: str, run_name: str, seconds: int) -> dict[str, float]:
    options = ["-t", "2", "-c", str(CONNECTIONS), "-d", f"{seconds}s", "--latency"]
    command = [program("wrk"), *options, "-s", str(SCRIPT), url, "--", wording, run_name]
    said = run("wrk", command, within=seconds + 60)
    told: dict[str, float] = json.loads(said.splitlines()[-1])
    if told["failed"] or not told["requests"]:
        raise BenchError(f"{told['failed']:.0f} of {told['requests']:.0f} sign-ups failed.")
    return told


def _check(site: Site, earlier: int) -> int:
    """Hold the answers, by gunicorn's own log, against what is written down. Return how many.

    `earlier`: the last consent that was there before.
    """
    # What was asked when wrk hung up is finished, and logged, before it ends.
    site.formation.stop("web")
    answered = len(POSTED.findall(site.formation.log_of("web.1").read_text()))
    written = site.ask(WRITTEN, earlier, earlier)
    if not answered or written != (answered,) * 3:
        raise BenchError(
            f"{answered:,} sign-ups were answered with 200; consents, evidence and notices are "
            f"{written}."
        )
    return answered

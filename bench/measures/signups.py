"""5. How fast readers can sign up, and have their confirmation.

Beside a route that only checks a form and inserts a row, and beside an earlier version.
"""

import re
import sys
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from bench import earlier
from bench.confirmed import Version, opened_version
from bench.earlier import COMMIT
from bench.errors import BenchError
from bench.guarded import sign_up_guarded
from bench.history import remember_sign_ups
from bench.machine import CHECKOUT
from bench.paper import Site, open_site
from bench.results import Figure, Ratio, Result, figure, ratio
from bench.rig import Rig
from bench.rivals.form import make_table
from bench.signing_up import CONNECTIONS, answers, load, wording_of
from tests.journeys.formation import free_port, wait_until

TITLE = "Sign-ups: POST /subscribe, two web workers"
PROGRAMS = ("smtp-sink", "wrk")
MINUTES = 30
UNIT = "requests/s"
OURS, PLAIN, SERVED = "Digest", "validate and insert one row", "the same under Digest’s server"
# As the Procfile has it, but for the app; and as it is usually had.
RIVAL = 'gunicorn --workers 2 {kind} --bind "127.0.0.1:{port}" "bench.rivals.form:create_app()"'
RIVALS = {
    PLAIN: "--worker-class gthread --threads 8 --access-logfile -",
    SERVED: "--config python:digest.web.gunicorn",
}
WRITTEN = """
    SELECT (SELECT count(*) FROM consent WHERE kind = 'requested' AND id > %s),
           (SELECT count(*) FROM consent_detail WHERE consent_id > %s),
           (SELECT count(*) FROM notice WHERE kind = 'confirmation' AND state = 'queued')
"""
POSTED = re.compile(r"^POST /subscribe 200 ", re.MULTILINE)


def measure(rig: Rig, *, quick: bool) -> Result:
    readers, seconds, rounds, many = (1_000, 3, 1, 80) if quick else (100_000, 15, 3, 300)
    their_python = earlier.interpreter(COMMIT)
    rig.say(f"{COMMIT} is there")
    pages = _Pages(rig, readers, seconds, rounds)
    ours, theirs = _with_mails(rig, their_python, seconds, rounds)
    refused = _guarded(rig, many)
    return Result(
        name="signups",
        title=TITLE,
        ratios=(*pages.ratios, *_ratios(ours, theirs)),
        figures=(*pages.figures, *_figures(ours, OURS), *_figures(theirs, COMMIT)),
        notes=(
            f"wrk, {CONNECTIONS} connections, {seconds} s each in turn, every request another "
            f"address. The pages alone: {readers:,} readers are there already, with the sign-ups "
            "and consents that they came by, and the notices’ worker is not started.",
            f"Each of the {pages.answered:,} answers of 200 has its consent, its evidence and its "
            "queued notice in the database.",
            "With their confirmation: the Procfile’s web and notices processes, from the first "
            f"request until the last mail’s 250, in turn with {COMMIT}, which runs in an "
            "environment of its own, on a database of its own. The sink counts as many mails as "
            "are accepted, each time.",
            f"With every guard at its default, {many:,} readers of as many networks, who solve "
            f"the sum when they are asked to: {refused:,} refused.",
        ),
    )


class _Pages:
    """What the pages do when no mail goes out, beside the rivals."""

    def __init__(self, rig: Rig, readers: int, seconds: int, rounds: int) -> None:
        self._rates: dict[str, list[float]] = {OURS: [], PLAIN: [], SERVED: []}
        self._late: list[float] = []
        with open_site(rig, readers) as site:
            # All of this is one surge, and nobody is to solve a puzzle. The other limits are on.
            site.formation.environment["DIGEST_TRUSTED_PROXIES"] = "127.0.0.1/32"
            site.formation.environment["DIGEST_SURGE"] = "0"
            site.formation.environment["DIGEST_SIGN_UPS_A_MINUTE"] = "0"
            site.formation.start("web")
            urls = {OURS: site.formation.environment["DIGEST_PUBLIC_URL"], **_rivals(site)}
            remember_sign_ups(site)
            (before,) = site.ask("SELECT max(id) FROM consent")
            wording = wording_of(urls[OURS])
            for number in range(rounds + 1):
                # The first round warms up: templates are compiled, connections opened.
                for name, url in urls.items():
                    word = f"{name.replace(' ', '')[:8]}{number}"
                    told = load(url, wording, word, seconds if number else 2)
                    if number:
                        self._rates[name].append(told["requests"] / told["seconds"])
                        self._late += [told["p99_ms"]] if name == OURS else []
                if number:
                    said = " beside ".join(f"{rates[-1]:,.0f}" for rates in self._rates.values())
                    rig.say(f"pages, round {number}: {said} {UNIT}")
            self.answered = _check(site, before)

    @property
    def ratios(self) -> tuple[Ratio, ...]:
        ours, plain = median(self._rates[OURS]), median(self._rates[PLAIN])
        return (ratio(f"{OURS} : {PLAIN}", ours, plain, 0.85),)

    @property
    def figures(self) -> tuple[Figure, ...]:
        return (
            *(figure(name, UNIT, *rates, drawn=True) for name, rates in self._rates.items()),
            figure(f"{OURS}, 99 % answered within", "ms", *self._late),
        )


def _rivals(site: Site) -> dict[str, str]:
    make_table(site.database_url)
    urls = {}
    for name, kind in RIVALS.items():
        port = free_port()
        site.formation.launch(name, RIVAL.format(kind=kind, port=port))
        urls[name] = url = f"http://127.0.0.1:{port}"
        wait_until(lambda url=url: answers(url), f"the rival answers: {name}")  # type: ignore[misc]
    return urls


def _with_mails(rig: Rig, python: Path, seconds: int, rounds: int) -> tuple[Version, Version]:
    """Return what was seen of ours and of theirs, whose processes have ended."""
    with ExitStack() as ends:
        ours = ends.enter_context(opened_version(rig, Path(sys.executable), CHECKOUT))
        theirs = ends.enter_context(opened_version(rig, python, earlier.tree(COMMIT)))
        for number in range(rounds + 1):
            for version in (ours, theirs):
                length = seconds if number else 2
                version.measure(f"mailed{number}", length, counts=number > 0)
            if number:
                rig.say(
                    f"with mails, round {number}: {ours.confirmed[-1]:,.0f} beside "
                    f"{theirs.confirmed[-1]:,.0f} a second"
                )
    return ours, theirs


def _guarded(rig: Rig, many: int) -> int:
    with opened_version(
        rig, Path(sys.executable), CHECKOUT, DIGEST_SURGE=None, DIGEST_SIGN_UPS_A_MINUTE=None
    ) as version:
        url = version.formation.environment["DIGEST_PUBLIC_URL"]
        statuses = sign_up_guarded(url, version.wording, many)
    rig.say(f"every guard at its default: {dict(statuses)}")
    return many - statuses[200]


def _ratios(ours: Version, theirs: Version) -> tuple[Ratio, ...]:
    return (
        ratio(
            f"with their confirmation sent, {OURS} : {COMMIT}",
            median(ours.confirmed), median(theirs.confirmed), 7,
        ),
        ratio(
            f"answered while mails go out, {OURS} : {COMMIT}",
            median(ours.answered), median(theirs.answered), 2.5,
        ),
    )  # fmt: skip


def _figures(version: Version, name: str) -> tuple[Figure, ...]:
    return (
        figure(f"{name}, with their confirmation sent", "sign-ups/s", *version.confirmed),
        figure(f"{name}, answered while mails go out", UNIT, *version.answered),
        figure(f"{name}, 99 % answered within, while mails go out", "ms", *version.late),
    )


def _check(site: Site, before: int) -> int:
    """Hold the answers, by gunicorn's own log, against what is written down. Return how many.

    `before`: the last consent that was there before.
    """
    # What was asked when wrk hung up is finished, and logged, before it ends.
    site.formation.stop("web")
    answered = len(POSTED.findall(site.formation.log_of("web.1").read_text()))
    written = site.ask(WRITTEN, before, before)
    if not answered or written != (answered,) * 3:
        raise BenchError(
            f"{answered:,} sign-ups were answered with 200; consents, evidence and notices are "
            f"{written}."
        )
    return answered

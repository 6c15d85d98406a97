"""8. The desk's pages under eight editors, beside a view that sends the same bytes."""

import json
import re
import statistics
import time
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

import httpx

import bench
from bench.errors import BenchError
from bench.history import remember
from bench.needs import program, run
from bench.newsroom import draft, publish_year, sign_in
from bench.paper import Site, open_site
from bench.results import Figure, Ratio, Result, figure, ratio
from bench.rig import Rig, opened
from bench.rivals.recorded import RECORDED
from digest.cli.halyard import SLUG
from digest.delivery.controls.previewing import preview_issue
from digest.delivery.ledger.freezing import freeze_bytes
from digest.delivery.messages import Links
from digest.models import Issue
from digest.settings.loading import parse_keys
from digest.tokens import KeyRing
from tests.journeys.formation import free_port, wait_until

TITLE = "The desk: its pages under eight editors"
PROGRAMS = ("smtp-sink", "wrk")
MINUTES = 60
GIGABYTES = 20
EDITORS = 8
SCRIPT = Path(bench.__file__).with_name("desk_page.lua")
FLOOR = "floor"
# As the Procfile has it, but for the app.
FLOOR_COMMAND = (
    'gunicorn --workers 2 --bind "127.0.0.1:{port}" --config python:digest.web.gunicorn '
    '"bench.rivals.recorded:create_app()"'
)
# What is recorded is what a browser would see; the rest belongs to the connection.
NOT_RECORDED = {"connection", "content-length", "date", "keep-alive", "server", "transfer-encoding"}
SCANS = """
    SELECT coalesce(sum(seq_scan), 0) FROM pg_stat_user_tables
    WHERE relname IN ('subscriber', 'subscription') OR relname ~ '^delivery(_[0-9]+)?$'
"""
# A connection that rests tells PostgreSQL what it has read within this.
TOLD_SECONDS = 12
WARM_UP_SECONDS = 5


@dataclass(frozen=True)
class Page:
    """A page by its path, with `form` what is sent to it.

    In the path "{draft}" and "{sent}" are issues' ids, and "{newsletter}" is a name.
    """

    name: str
    path: str
    form: dict[str, str] = field(default_factory=dict)

    @property
    def method(self) -> str:
        return "POST" if self.form else "GET"


PAGES = (
    Page("this week", "/desk/"),
    Page("compose", "/desk/issues/{draft}"),
    Page("readers’ search", "/desk/readers", {"address": "reader123"}),
    Page("reports", "/desk/reports/{newsletter}"),
    Page("an issue’s report", "/desk/issues/{sent}/report"),
)


@dataclass(frozen=True)
class Load:
    """What was measured of a page: the ms within which half, and 95 %, were answered, by round."""

    p50: list[float] = field(default_factory=list)
    p95: list[float] = field(default_factory=list)

    def add(self, told: dict[str, float]) -> None:
        self.p50.append(told["p50_ms"])
        self.p95.append(told["p95_ms"])


def measure(rig: Rig, *, quick: bool) -> Result:
    readers, articles, issues, deliveries, seconds, rounds = (
        (2_000, 500, 10, 20_000, 2, 1) if quick else (1_000_000, 20_000, 300, 20_000_000, 10, 5)
    )
    rig.need_room(1 if quick else GIGABYTES)
    with open_site(rig, readers) as site:
        remember(site, issues, deliveries // issues)
        publish_year(site, articles)
        issue_id = draft(site)
        site.do("VACUUM (ANALYZE)")
        rig.say(f"{deliveries:,} deliveries and {articles:,} articles are there")
        secrets = sign_in(site, EDITORS)
        url = _start(site, "web", site.formation.environment["DIGEST_PUBLIC_URL"])
        (sent,) = site.ask("SELECT max(id) FROM issue WHERE state = 'sent'")
        names = {"draft": issue_id, "sent": sent, "newsletter": SLUG}
        pages, missing = _there(url, secrets[0], names)
        for page in missing:
            rig.say(f"NOT MEASURED, as this version has no such page: {page.name} ({page.path})")
        floor = _start_floor(rig, site, url, pages, secrets)
        (before,) = site.ask(SCANS)
        ratios: list[Ratio] = []
        figures: list[Figure] = []
        for page in pages:
            both = _beside(url, floor, page, secrets, seconds, rounds)
            ratios += _ratios(page, *both)
            figures += _figures(page, *both)
            rig.say(f"{page.name}: " + ", ".join(f"{each.value:.2f}" for each in ratios[-2:]))
        time.sleep(TOLD_SECONDS)
        scans = site.ask(SCANS)[0] - before
        once, again = _previews(site, issue_id, 20 if quick else 200)
    ratios.append(
        ratio("preview of a changed word : rendering once", statistics.median(again),
              statistics.median(once), 1.5, most=True)
    )  # fmt: skip
    figures += [
        figure("preview of a changed word", "ms", statistics.median(again)),
        figure("rendering the issue once, as the freeze does", "ms", statistics.median(once)),
        figure("scans of whole tables of readers or deliveries", "", float(scans)),
    ]
    return Result(
        name="desk",
        title=TITLE,
        ratios=tuple(ratios),
        figures=tuple(figures),
        notes=(
            f"{readers:,} readers, {deliveries:,} deliveries of {issues} issues, {articles:,} "
            f"articles. wrk, {EDITORS} connections and as many sessions, {seconds} s each, page "
            f"and floor in turn, {rounds} times.",
            "The floor is a Flask view under the same server, which looks the session up and sends "
            "the very bytes that were recorded from the page.",
            *(
                f"NOT MEASURED, as this version has no such page: {each.name} ({each.path})."
                for each in missing
            ),
        ),
    )


def _start(site: Site, name: str, url: str) -> str:
    site.formation.start(name)
    wait_until(lambda: _answers(f"{url}/healthz"), f"{name} answers")
    return url


def _answers(url: str) -> bool:
    try:
        httpx.get(url)
    except httpx.TransportError:
        return False
    return True


def _there(url: str, secret: str, names: dict[str, object]) -> tuple[list[Page], list[Page]]:
    """Return the pages that this version has, with their paths as they are, and the others."""
    pages = [Page(each.name, each.path.format(**names), each.form) for each in PAGES]
    there = [each for each in pages if _asked(url, each, secret, "").status_code != 404]
    return there, [each for each in pages if each not in there]


def _asked(url: str, page: Page, secret: str, form: str) -> httpx.Response:
    headers = {
        "Cookie": f"digest_desk={secret}",
        "Sec-Fetch-Site": "same-origin",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    method = "POST" if form else "GET"
    return httpx.request(method, url + page.path, headers=headers, content=form, timeout=60)


def _form(url: str, page: Page, secret: str) -> str:
    """Return what a browser sends of the page's form; nothing where there is none."""
    if not page.form:
        return ""
    proof = re.search(r'name="proof" value="([^"]+)"', _asked(url, page, secret, "").text)
    if proof is None:
        raise BenchError(f"The page {page.path} has no form.")
    return urlencode({"proof": proof[1], **page.form})


def _start_floor(
    rig: Rig, site: Site, url: str, pages: Sequence[Page], secrets: Sequence[str]
) -> str:
    """Record the pages, and start what answers with them; return its URL."""
    recorded = []
    for page in pages:
        answer = _asked(url, page, secrets[0], _form(url, page, secrets[0]))
        if answer.status_code != 200:
            raise BenchError(f"{page.method} {page.path} answers {answer.status_code}.")
        headers = [each for each in answer.headers.items() if each[0] not in NOT_RECORDED]
        body = b64encode(answer.content).decode()
        name = f"{page.method} {page.path}"
        recorded.append({"page": name, "status": 200, "headers": headers, "body": body})
    file = rig.folder() / "recorded.json"
    file.write_text(json.dumps(recorded))
    site.formation.environment[RECORDED] = str(file)
    port = free_port()
    site.formation.launch(FLOOR, FLOOR_COMMAND.format(port=port))
    wait_until(lambda: _answers(f"http://127.0.0.1:{port}"), "the floor answers")
    return f"http://127.0.0.1:{port}"


def _beside(
    url: str, floor: str, page: Page, secrets: Sequence[str], seconds: int, rounds: int
) -> tuple[Load, Load]:
    ours, theirs = Load(), Load()
    forms = [_form(url, page, secret) for secret in secrets]
    for number in range(rounds + 1):
        # The first round warms up: templates are compiled, connections opened.
        for base, load in ((url, ours), (floor, theirs)):
            told = _load(base, page, secrets, forms, seconds if number else WARM_UP_SECONDS)
            if number:
                load.add(told)
    return ours, theirs


def _load(
    base: str, page: Page, secrets: Sequence[str], forms: Sequence[str], seconds: int
) -> dict[str, float]:
    editors = [word for pair in zip(secrets, forms, strict=True) for word in pair]
    options = ["-t", "1", "-c", str(EDITORS), "-d", f"{seconds}s", "--timeout", "30s"]
    command = [program("wrk"), *options, "-s", str(SCRIPT), base + page.path, "--"]
    said = run("wrk", [*command, page.method, page.path, *editors], within=seconds + 60)
    told: dict[str, float] = json.loads(said.splitlines()[-1])
    if told["failed"] or not told["requests"]:
        raise BenchError(
            f"{page.path}: {told['failed']:.0f} of {told['requests']:.0f} requests failed."
        )
    return told


def _ratios(page: Page, ours: Load, floor: Load) -> tuple[Ratio, ...]:
    return tuple(
        ratio(f"{page.name} : its floor, {what}", statistics.median(of_page),
              statistics.median(of_floor), target, most=True)
        for what, of_page, of_floor, target in (
            ("50 %", ours.p50, floor.p50, 2.0),
            ("95 %", ours.p95, floor.p95, 3.0),
        )
    )  # fmt: skip


def _figures(page: Page, ours: Load, floor: Load) -> tuple[Figure, ...]:
    return tuple(
        figure(f"{name}, {what} answered within", "ms", *samples)
        for name, load in ((page.name, ours), (f"{page.name}, floor", floor))
        for what, samples in (("50 %", load.p50), ("95 %", load.p95))
    )


def _previews(site: Site, issue_id: int, times: int) -> tuple[list[float], list[float]]:
    """Return the ms that rendering takes, as the freeze does it, and the preview of a changed word.

    In turn, each after another word was typed.
    """
    settings = site.formation.environment
    url = settings["DIGEST_PUBLIC_URL"]
    links = Links(KeyRing(parse_keys(settings["DIGEST_KEYS"])), url, None)
    once: list[float] = []
    again: list[float] = []
    with opened(site.database_url) as database, database.reading() as session:
        issue = session.get_one(Issue, issue_id)
        to, now = issue.newsletter.editor_email, datetime.now(UTC)
        preview_issue(session, issue, to, links=links, now=now)
        with session.no_autoflush:
            for number in range(times):
                issue.note = f"Word {number}, and what else there was to say."
                began = time.perf_counter()
                freeze_bytes(session, issue, now=now, public_url=url, inbound_domain=None)
                between = time.perf_counter()
                preview_issue(session, issue, to, links=links, now=now)
                again.append((time.perf_counter() - between) * 1000)
                once.append((between - began) * 1000)
            session.rollback()
    return once, again

"""Readers who sign up at once: what wrk does, and what a page tells it beforehand."""

import json
import re
from pathlib import Path

import httpx

import bench
from bench.errors import BenchError
from bench.needs import program, run
from tests.journeys.formation import wait_until

SCRIPT = Path(bench.__file__).with_name("sign_up.lua")
CONNECTIONS = 16


def answers(url: str) -> bool:
    """Tell whether anything answers there."""
    try:
        httpx.get(url)
    except httpx.TransportError:
        return False
    return True


def wording_of(url: str) -> str:
    """Return the number of the wording that a site's form shows, once it answers.

    Raises:
        BenchError: it shows none.
    """
    wait_until(lambda: answers(f"{url}/healthz"), "gunicorn answers")
    found = re.search(r'name="wording" value="(\d+)"', httpx.get(url).text)
    if found is None:
        raise BenchError("The form has no wording.")
    return found[1]


def load(url: str, wording: str, run_name: str, seconds: int) -> dict[str, float]:
    """Sign readers up for so long; return `requests`, `seconds` and `p99_ms`.

    Raises:
        BenchError: one of them was refused.
    """
    options = ["-t", "2", "-c", str(CONNECTIONS), "-d", f"{seconds}s", "--latency"]
    command = [program("wrk"), *options, "-s", str(SCRIPT), url, "--", wording, run_name]
    said = run("wrk", command, within=seconds + 60)
    told: dict[str, float] = json.loads(said.splitlines()[-1])
    if told["failed"] or not told["requests"]:
        raise BenchError(f"{told['failed']:.0f} of {told['requests']:.0f} sign-ups failed.")
    return told

"""One issue, sent by the Procfile's workers, and what it took: by the moments of the commits."""

import time
from dataclasses import dataclass
from pathlib import Path

import psycopg

from bench.errors import BenchError
from bench.paper import WARM_UP, Site
from tests.journeys.formation import Formation

LOOK_SECONDS = 0.2
SETTLE_SECONDS = 10

# A transaction's commit is a fact of the database's, however the bench was slow to see it.
FROZEN = """
    SELECT pg_xact_commit_timestamp(rendering.xmin), issue.frozen_at, issue.audience
    FROM rendering JOIN issue ON issue.id = rendering.issue_id WHERE issue.id = %s
"""
LAST_COMMIT = "SELECT max(pg_xact_commit_timestamp(xmin)) FROM delivery WHERE issue_id = %s"
ACCEPTED = "SELECT count(*) FROM delivery WHERE issue_id = %s AND state = 'accepted'"
NOTICES = "SELECT count(*) FROM notice WHERE state = 'accepted'"


@dataclass(frozen=True)
class Sent:
    """A send that lost nothing. `seconds`: from the commit of the freeze, which is before the first
    claim, to the last commit of a result; `freeze_seconds`: from the beginning of the task that
    freezes to that commit."""

    issue_id: int
    messages: int
    seconds: float
    freeze_seconds: float

    @property
    def rate(self) -> float:
        """Messages a second."""
        return self.messages / self.seconds


def warm_up(site: Site) -> None:
    """Have the workers send something short, so that their connections are open and they know
    their code: what is measured afterwards is a worker in the middle of its day."""
    send_issue(site, site.compose(WARM_UP), within=60)


def send_issue(site: Site, issue_id: int, *, within: float) -> Sent:
    """Send an issue by the product's own command, and wait until it is sent.

    Raises:
        BenchError: not within so many seconds, or the sink has counted something else than what
            the ledger calls accepted.
    """
    before, notices = site.sink.count, site.ask(NOTICES)[0]
    site.formation.run("issue", "send", str(issue_id))
    _wait_until_sent(site, issue_id, within)
    frozen_at, began, audience = site.ask(FROZEN, issue_id)
    (ended,) = site.ask(LAST_COMMIT, issue_id)
    (accepted,) = site.ask(ACCEPTED, issue_id)
    if accepted != audience:
        raise BenchError(f"Of {audience:,} readers only {accepted:,} are accepted.")
    check_count(site, before, accepted, notices)
    return Sent(
        issue_id,
        accepted,
        (ended - frozen_at).total_seconds(),
        (frozen_at - began).total_seconds(),
    )


def check_count(
    site: Site, before: int, accepted: int, notices: int = 0, patience: float = SETTLE_SECONDS
) -> None:
    """Hold the sink's own count against the ledger's, notices sent meanwhile included.

    Raises:
        BenchError: they differ, and go on to differ: a notice may be under way.
    """
    until = time.monotonic() + patience
    while True:
        also = site.ask(NOTICES)[0] - notices
        counted = site.sink.count - before
        if counted == accepted + also:
            return
        if time.monotonic() > until:
            raise BenchError(
                f"The sink has counted {counted:,} messages, and the ledger calls {accepted:,} "
                f"deliveries and {also:,} notices accepted."
            )
        time.sleep(LOOK_SECONDS / 10)


def _wait_until_sent(site: Site, issue_id: int, within: float) -> None:
    until = time.monotonic() + within
    # One connection for all looks: to make one costs the server as much as a dozen messages.
    with psycopg.connect(site.libpq_url, autocommit=True) as connection:
        while True:
            look = "SELECT state, reason FROM issue WHERE id = %s"
            state, reason = connection.execute(look, [issue_id]).fetchone() or (None, None)
            if state == "sent":
                return
            if state in ("held", "parked", "cancelled", "skipped"):
                raise BenchError(f"The issue is {state}: {reason}")
            if time.monotonic() > until:
                raise BenchError(f"The issue was not sent within {within:g} s; it is {state}.")
            time.sleep(LOOK_SECONDS)


def peak_memory(formation: Formation, name: str = "worker") -> float:
    """Return the most that a process of a formation ever held, in MB (VmHWM): of the largest."""
    return max(_high_water(pid) for pid in formation.processes(name))


def _high_water(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise BenchError(f"Process {pid} is gone.")

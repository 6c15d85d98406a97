"""Sign-ups whose confirmation is sent: a version's web and notices, until the last 250."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from bench.driven import driven
from bench.errors import BenchError
from bench.rig import Rig
from bench.servers import Sink
from bench.signing_up import load, wording_of
from digest.settings.loading import new_secret
from tests.journeys.formation import Formation, free_port, wait_until
from tests.servers.postgresql import libpq_url

# So long may the mails take that wait when the last sign-up was answered.
WAIT_SECONDS = 600
NOW = "SELECT clock_timestamp()"
LEFT = "SELECT count(*) FROM notice WHERE state IN ('queued', 'sending')"
SENT = """
    SELECT count(*), extract(epoch FROM max(final_at) - %s) FROM notice
    WHERE state = 'accepted' AND code = 250 AND final_at > %s
"""


@dataclass
class Version:
    """A version of Digest whose web and notices processes run, and what was seen of it."""

    formation: Formation
    sink: Sink
    database_url: str
    wording: str
    answered: list[float] = field(default_factory=list)
    """Sign-ups a second that were answered, while their mails went out."""
    confirmed: list[float] = field(default_factory=list)
    """Sign-ups a second, until the last one's mail was accepted."""
    late: list[float] = field(default_factory=list)
    """Milliseconds within which 99 % were answered."""

    def measure(self, name: str, seconds: int, *, counts: bool = True) -> None:
        """Have readers sign up for so long, and wait for all of their mails.

        Raises:
            BenchError: the sink has another number of mails than were answered.
        """
        url = self.formation.environment["DIGEST_PUBLIC_URL"]
        before = self.sink.count
        with psycopg.connect(libpq_url(self.database_url), autocommit=True) as connection:
            (began,) = connection.execute(NOW).fetchone() or ()
            told = load(url, self.wording, name, seconds)
            wait_until(
                lambda: connection.execute(LEFT).fetchone() == (0,),
                "all confirmations are sent",
                WAIT_SECONDS,
            )
            sent, took = connection.execute(SENT, (began, began)).fetchone() or ()
        wait_until(lambda: self.sink.count - before >= sent, "the sink has counted all of them")
        # What was asked when the load generator hung up is taken, too, and not in its count.
        if self.sink.count - before != sent or sent < told["requests"]:
            raise BenchError(
                f"{told['requests']:.0f} sign-ups were answered, {sent:,} mails accepted, and "
                f"{self.sink.count - before:,} counted by the sink."
            )
        if counts:
            self.answered.append(told["requests"] / told["seconds"])
            self.confirmed.append(sent / float(took))
            self.late.append(told["p99_ms"])


@contextmanager
def opened_version(
    rig: Rig,
    python: Path,
    tree: Path,
    names: Sequence[str] = ("web", "notices"),
    **more: str | None,
) -> Iterator[Version]:
    """Start the version that `python` has, whose checkout is `tree`, with a paper of its own.

    `names`: what is started of its Procfile, the web among it; `more`: what its environment says
    beside; None, that it says nothing.
    """
    port = free_port()
    said = {
        "PORT": str(port),
        "DIGEST_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "DIGEST_KEYS": f"k1:{new_secret()}",
        "DIGEST_SUPPRESSION_KEY": new_secret(),
        "DIGEST_TRUSTED_PROXIES": "127.0.0.1/32",
        # All of this is one surge, and nobody is to solve a puzzle. The other limits are on.
        "DIGEST_SURGE": "0",
        "DIGEST_SIGN_UPS_A_MINUTE": "0",
        "PYTHONPATH": str(tree),
        **more,
    }
    environment = {name: value for name, value in said.items() if value is not None}
    with rig.sink() as sink, driven(rig, python, **environment) as process:
        process.ask(open=True, now=datetime.now(UTC).isoformat())
        url = process.database_url
        with rig.formation(url, sink.port, **environment) as formation:
            formation.environment["PATH"] = f"{python.parent}:{formation.environment['PATH']}"
            formation.checkout = tree
            for name in names:
                formation.launch(f"{name}.1", commands(tree)[name].replace("%h", "bench"))
            wording = wording_of(environment["DIGEST_PUBLIC_URL"])
            yield Version(formation, sink, url, wording)
            for name in names:
                formation.stop(name)


def commands(tree: Path) -> dict[str, str]:
    """Return the commands of a checkout's Procfile by their names."""
    lines = (tree / "Procfile").read_text().splitlines()
    return dict(line.split(": ", 1) for line in lines if line.strip())

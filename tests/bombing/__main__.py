"""`python -m tests.bombing`: a flood against the Procfile's web and notices processes."""

import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import httpx

from digest.database.transactions import Database
from digest.migrations import upgrade
from digest.newsroom.terms import publish_terms
from digest.settings.loading import new_secret
from tests.bombing.flood import Damage, Shot, bomb
from tests.factories import make_newsletter, make_reader
from tests.journeys.formation import Formation, free_port, wait_until
from tests.programs import run_command
from tests.servers.postgresql import PrivatePostgres
from tests.servers.redis_server import PrivateRedis
from tests.servers.run import Run, RunOwner
from tests.servers.smtp import SmtpSink

HANDS = 8
# A tenth of the victims are readers already.
READERS = 10


@click.command()
@click.option("--count", type=click.IntRange(1), default=10_000, show_default=True)
@click.option("--victims", type=click.IntRange(1), default=100, show_default=True)
@click.option("--networks", type=click.IntRange(1, 60_000), default=500, show_default=True)
@click.option(
    "--limits-off",
    is_flag=True,
    help="Without a surge or a limit of all together: what the rest holds.",
)
def main(count: int, victims: int, networks: int, limits_off: bool) -> None:
    """Send COUNT sign-ups for addresses that never asked, and count what each of them got."""
    owner = RunOwner()
    try:
        with tempfile.TemporaryDirectory(prefix="digest-bombing-") as folder:
            begun = time.monotonic()
            damage = play(owner.run, Path(folder), count, victims, networks, limits_off=limits_off)
            print(f"{count:,} sign-ups for {victims} addresses from {networks} networks")
            print(f"{damage.told()}\n{time.monotonic() - begun:.0f} s in all")
    finally:
        owner.end()
    sys.exit(0 if max(damage.mails.values(), default=0) <= 2 else 1)


def play(
    run: Run, folder: Path, count: int, victims: int, networks: int, *, limits_off: bool
) -> Damage:
    with ExitStack() as ends:
        postgres, redis = PrivatePostgres(run), PrivateRedis(run)
        for server in (postgres, redis):
            server.start()
            ends.callback(server.discard)
        sink = SmtpSink()
        ends.callback(sink.close)
        url, port = postgres.create_database(), free_port()
        environment = {
            "PORT": str(port),
            "DATABASE_URL": url,
            "REDIS_URL": redis.url,
            "SMTP_URL": sink.url,
            "DIGEST_PUBLIC_URL": f"http://127.0.0.1:{port}",
            "DIGEST_KEYS": f"k1:{new_secret()}",
            "DIGEST_SUPPRESSION_KEY": new_secret(),
            "DIGEST_TRUSTED_PROXIES": "127.0.0.1/32",
            "DIGEST_TICK_SECONDS": "2",
        }
        if limits_off:
            environment |= {"DIGEST_SURGE": "0", "DIGEST_SIGN_UPS_A_MINUTE": "0"}
        upgrade(url)
        _open_paper(url)
        formation = ends.enter_context(Formation(folder, environment))
        for name in ("web", "notices"):
            formation.start(name)
        wait_until(lambda: _answers(port), "gunicorn answers")
        damage = bomb(_gun(port), count=count, victims=victims, networks=networks, hands=HANDS)
        _wait_for_quiet(sink)
        damage.mails = Counter(mail.recipients[0].lower() for mail in sink.messages)
        return damage


def _open_paper(url: str) -> None:
    database, now = Database(url), datetime.now(UTC)
    with database.transaction() as session:
        # Its slot is days away.
        weekday = (now.weekday() + 3) % 7
        newsletter = make_newsletter(session, calendar_since=now, weekday=weekday)
        publish_terms(session, "Be kind.", now - timedelta(days=1))
        for number in range(READERS):
            make_reader(session, newsletter, f"victim{number}@example.org")
    database.dispose()


def _gun(port: int) -> "_Gun":
    return _Gun(f"http://127.0.0.1:{port}/subscribe")


class _Gun:
    """Sends shots, by a client of its own for each thread."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._local = threading.local()

    def __call__(self, shot: Shot) -> int:
        if not hasattr(self._local, "client"):
            self._local.client = httpx.Client(timeout=60, trust_env=False)
        fields = {"email": shot.email, "newsletter": "editors-digest", "consent": "on"}
        client: httpx.Client = self._local.client
        return client.post(
            self.url, data=fields | {"wording": "1"}, headers={"X-Forwarded-For": shot.ip}
        ).status_code


def _wait_for_quiet(sink: SmtpSink) -> None:
    """Return once no mail has come for ten seconds."""
    seen, since = -1, time.monotonic()
    while time.monotonic() < since + 10:
        if len(sink.messages) != seen:
            seen, since = len(sink.messages), time.monotonic()
        time.sleep(0.2)


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200
    except httpx.TransportError:
        return False


if __name__ == "__main__":
    run_command(main)

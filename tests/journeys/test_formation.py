"""The Procfile's processes on PostgreSQL and Redis: sign-up to leaving, and faults in mid-send."""

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
import redis

from digest.database.transactions import Database
from digest.delivery.ledger.freezing import prepare
from digest.newsroom.terms import publish_terms
from digest.runtime import BULK, DELIVER_ISSUE, CeleryBell
from digest.settings.loading import new_secret
from tests.factories import make_article, make_newsletter, make_settings
from tests.journeys.formation import Formation, free_port, wait_until
from tests.scripted_smtp import Hang, Hold, ScriptedRelay, Slow
from tests.servers.postgresql import PostgresServer, libpq_url
from tests.servers.redis_server import PrivateRedis


class Site:
    """A formation with a newsletter in it, and the ways in which a test looks at it."""

    def __init__(
        self,
        formation: Formation,
        database_url: str,
        relay: ScriptedRelay,
        broker: PrivateRedis,
    ) -> None:
        self.formation = formation
        self.relay = relay
        self.broker = broker
        self.database_url = database_url
        self._libpq = libpq_url(database_url)

    def value(self, sql: str) -> object:
        """Ask the database over a connection of our own."""
        with psycopg.connect(self._libpq, autocommit=True) as connection:
            row = connection.execute(sql).fetchone()
        return None if row is None else row[0]

    def write(self, sql: str) -> None:
        with psycopg.connect(self._libpq, autocommit=True) as connection:
            connection.execute(sql)

    def start(self, *names: str) -> None:
        for name in names:
            self.formation.start(name)

    def add_readers(self, count: int) -> None:
        self.write(
            f"""
            INSERT INTO subscriber (subject, email, email_key, language, created_at)
            SELECT decode(lpad(to_hex(n), 32, '0'), 'hex'), 'reader' || n || '@example.org',
                   'reader' || n || '@example.org', 'en', now()
            FROM generate_series(1, {count}) n
            """
        )
        self.write(
            """
            INSERT INTO subscription
                (token_id, subscriber_id, newsletter_id, topics, site, started_at)
            SELECT subject, id, (SELECT id FROM newsletter), '[]', 'halyard.example', now()
            FROM subscriber
            """
        )

    def make_issue(self) -> None:
        self.formation.run("issue", "compose", "editors-digest")

    def send_issue(self) -> None:
        self.formation.run("issue", "send", "editors-digest")

    def state(self) -> object:
        return self.value("SELECT state FROM issue ORDER BY id DESC LIMIT 1")

    def recipients(self) -> list[str]:
        return sorted(mail.recipients[0] for mail in self.relay.messages)


@pytest.fixture
def site(
    tmp_path: Path,
    postgres_server: PostgresServer,
    postgres_template: str,
    private_redis: Callable[[], PrivateRedis],
) -> Iterator[Site]:
    url = postgres_server.create_database(template=postgres_template)
    broker = private_redis()
    with ScriptedRelay() as relay:
        environment = {
            "PORT": str(free_port()),
            "DATABASE_URL": url,
            "REDIS_URL": broker.url,
            "SMTP_URL": f"smtp://127.0.0.1:{relay.port}",
            "DIGEST_KEYS": f"k1:{new_secret()}",
            "DIGEST_SUPPRESSION_KEY": new_secret(),
            "DIGEST_LEASE_SECONDS": "4",
            "DIGEST_TICK_SECONDS": "1",
            "DIGEST_REPLY_TIMEOUT": "5",
        }
        environment["DIGEST_PUBLIC_URL"] = f"http://127.0.0.1:{environment['PORT']}"
        with Formation(tmp_path, environment) as formation:
            now = datetime.now(UTC)
            database = Database(url)
            with database.transaction() as session:
                # Its slot is days away: nothing of its own accord gets into a test's way.
                make_newsletter(session, calendar_since=now, weekday=(now.weekday() + 3) % 7)
                publish_terms(session, "Be kind.", now=now)
                for name in ("port", "cold", "roofs", "bat"):
                    make_article(session, name, first_seen_at=now, published_at=now)
            database.dispose()
            yield Site(formation, url, relay, broker)
    postgres_server.drop(url)


def readers(count: int) -> list[str]:
    return sorted(f"reader{number}@example.org" for number in range(1, count + 1))


# The processes of the Procfile's worker.
POOL = 4


def test_a_reader_signs_up_confirms_gets_the_issue_and_leaves(site: Site) -> None:
    site.start("web", "worker", "notices")
    base = site.formation.environment["DIGEST_PUBLIC_URL"]
    with httpx.Client(base_url=base, timeout=10) as browser:

        def is_up() -> bool:
            try:
                return browser.get("/healthz").status_code == 200
            except httpx.TransportError:
                return False

        wait_until(is_up, "gunicorn answers")
        wording = re.search(r'name="wording" value="(\d+)"', browser.get("/").text)
        assert wording is not None
        form = {
            "email": "robin@example.org",
            "newsletter": "editors-digest",
            "consent": "on",
            "wording": wording[1],
        }
        assert "Now check your email" in browser.post("/subscribe", data=form).text
        [confirmation] = site.relay.wait_for(1)
        body = confirmation.message.get_body(("plain",))
        assert body is not None
        link = re.search(r"http://\S+/c/\S+", body.get_content())
        assert link is not None
        browser.get(link[0])
        assert site.value("SELECT count(*) FROM subscription") == 0, "GET changes nothing"
        assert browser.post(link[0]).status_code == 200
        assert site.value("SELECT count(*) FROM subscription WHERE ended_at IS NULL") == 1

        site.make_issue()
        site.send_issue()
        issue = site.relay.wait_for(2)[1]
        assert issue.recipients == ("robin@example.org",)
        one_click = issue.message["List-Unsubscribe"].strip("<>")
        left = browser.post(one_click, data={"List-Unsubscribe": "One-Click"})
        assert left.status_code == 200
    assert site.value("SELECT ended_reason FROM subscription") == "left"
    wait_until(lambda: site.state() == "sent", "the issue is closed")
    wait_until(
        lambda: (
            site.value("SELECT count(*) FROM consent_seal")
            == site.value("SELECT count(*) FROM consent")
            == 3
        ),
        "the tick seals the consents",
    )


def test_a_due_issue_is_found_by_the_tick_alone(site: Site) -> None:
    site.add_readers(3)
    site.make_issue()
    # No bell was rung for this one: it is simply due.
    site.write("UPDATE issue SET state = 'scheduled', approved_at = now(), send_at = now()")
    site.start("worker", "notices")
    site.relay.wait_for(3, 30)
    wait_until(lambda: site.state() == "sent", "the issue is closed")
    assert site.recipients() == readers(3)


def test_wiping_redis_in_mid_send_loses_and_repeats_nothing(site: Site) -> None:
    site.add_readers(2000)
    site.make_issue()
    site.start("worker", "notices")
    site.send_issue()
    site.relay.wait_for(50, 30)
    with redis.Redis.from_url(site.broker.url) as broker:
        broker.flushall()
    wait_until(lambda: site.state() == "sent", "the issue is closed", 60)
    assert site.recipients() == readers(2000)


def test_a_worker_outlives_a_restart_of_redis(site: Site) -> None:
    site.add_readers(601)
    site.make_issue()
    issue_id = freeze_issue(site)
    site.relay.always("connect", Hang())
    bell = CeleryBell(make_settings(site.database_url, redis_url=site.broker.url), silent_seconds=0)
    # All are at it, one is in the worker's hands, and the worker waits for more: as it was when
    # Celery's gossip found the broker gone before the queue did, and died of that.
    for _ in range(POOL + 1):
        bell.ring(DELIVER_ISSUE, issue_id)
    site.start("worker")
    wait_until(lambda: site.relay.connections == POOL, "all of the pool are at it")
    wait_until(lambda: queue_length(site.broker) == 0, "one more was fetched")
    end_with_gossip_first(site.broker)
    time.sleep(1)
    site.broker.start()
    bell.ring(DELIVER_ISSUE, issue_id)
    wait_until(lambda: queue_length(site.broker) == 0, "the worker hears the bell again")
    assert site.formation.is_running("worker")


def test_a_worker_that_lost_its_acknowledgements_with_redis_hears_it_again(site: Site) -> None:
    site.add_readers(601)
    site.make_issue()
    issue_id = freeze_issue(site)
    go_on = threading.Event()
    site.relay.always("connect", Hold(go_on))
    bell = CeleryBell(make_settings(site.database_url, redis_url=site.broker.url), silent_seconds=0)
    # Four are at it and four wait, which is all that this worker takes: it does not listen now.
    for _ in range(2 * POOL):
        bell.ring(DELIVER_ISSUE, issue_id)
    site.start("worker")
    wait_until(lambda: site.relay.connections == POOL, "all of the pool are at it")
    wait_until(lambda: queue_length(site.broker) == 0, "the others were fetched")
    site.broker.stop()
    go_on.set()
    said = site.formation.log_of("worker.1")
    wait_until(lambda: said.read_text().count("Couldn't ack") == POOL, "all are lost")
    site.broker.start()
    bell.ring(DELIVER_ISSUE, issue_id)
    wait_until(lambda: queue_length(site.broker) == 0, "the worker hears the bell again", 60)
    assert site.formation.is_running("worker")


def freeze_issue(site: Site) -> int:
    site.write("UPDATE issue SET state = 'scheduled', approved_at = now(), send_at = now()")
    issue_id = site.value("SELECT id FROM issue")
    assert isinstance(issue_id, int)
    database = Database(site.database_url)
    url = site.formation.environment["DIGEST_PUBLIC_URL"]
    assert prepare(database, issue_id, now=datetime.now(UTC), public_url=url, inbound_domain=None)
    database.dispose()
    return issue_id


def queue_length(broker: PrivateRedis) -> int:
    with redis.Redis.from_url(broker.url) as client:
        return int(client.llen(f"digest:{BULK}"))


def end_with_gossip_first(broker: PrivateRedis) -> None:
    """End Redis, and the connections that listen for broadcasts just before the others."""
    url = urlsplit(broker.url)
    with socket.create_connection((url.hostname, url.port)) as client:
        client.sendall(b"CLIENT KILL TYPE pubsub\r\nSHUTDOWN NOSAVE NOW\r\n")
        wait_until(lambda: not broker.is_running, "Redis has ended")


def test_a_worker_killed_in_mid_send_and_started_again_finishes_the_issue(site: Site) -> None:
    site.add_readers(2000)
    site.make_issue()
    site.start("worker", "notices")
    site.send_issue()
    site.relay.wait_for(300, 30)
    site.formation.kill("worker", 1)
    site.formation.start("worker", 2)
    wait_until(lambda: site.state() == "sent", "the issue is closed", 90)
    got = site.recipients()
    assert len(got) == len(set(got)), "no one twice"
    accepted = site.value("SELECT count(*) FROM delivery WHERE state = 'accepted'")
    in_doubt = site.value("SELECT count(*) FROM delivery WHERE state = 'in_doubt'")
    assert isinstance(accepted, int)
    assert isinstance(in_doubt, int)
    assert accepted + in_doubt == 2000, "no one lost"
    assert in_doubt <= POOL * 50, "at most a window for each of the processes killed"
    assert accepted <= len(got) <= accepted + in_doubt


def test_sigterm_in_mid_send_leaves_nothing_in_doubt(site: Site) -> None:
    site.add_readers(2000)
    site.make_issue()
    site.start("worker", "notices")
    site.send_issue()
    site.relay.wait_for(200, 30)
    assert site.formation.stop("worker") == 0
    assert site.value("SELECT count(*) FROM delivery WHERE state IN ('sending', 'in_doubt')") == 0
    site.formation.start("worker", 2)
    wait_until(lambda: site.state() == "sent", "the issue is closed", 60)
    assert site.recipients() == readers(2000)


def test_a_confirmation_overtakes_a_bulk_send(site: Site) -> None:
    site.add_readers(3000)
    site.make_issue()
    # Else the send could be over before anybody looks.
    site.relay.always("body", Slow(8192, 0.003))
    site.start("worker", "notices")
    site.send_issue()
    site.relay.wait_for(100, 30)
    site.write(
        """
        INSERT INTO notice (token_id, kind, to_address, newsletter_id, subscriber_id, state,
                            attempts, created_at, released_at, next_attempt_at)
        SELECT decode(repeat('ab', 16), 'hex'), 'already_signed_up', 'robin@example.org',
               (SELECT id FROM newsletter), (SELECT min(id) FROM subscriber), 'queued',
               0, now(), now(), now()
        """
    )
    wait_until(
        lambda: any(m.recipients == ("robin@example.org",) for m in site.relay.messages),
        "the notice leaves",
    )
    assert site.state() == "sending", "the bulk send is still going on"

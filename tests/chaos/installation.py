"""A whole Digest in a folder: servers, processes, a newsletter with readers, and ways to look."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from functools import cached_property
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import select

from digest.database.transactions import Database
from digest.delivery.messages import Links
from digest.migrations import upgrade
from digest.models import Article, Issue, Newsletter, Rendering
from digest.newsroom.issues.scheduling import send_now
from digest.newsroom.terms import publish_terms
from digest.runtime import PREPARE_ISSUE, CeleryBell
from digest.settings.loading import new_secret, parse_keys, parse_relay
from digest.tokens import KeyRing
from tests.chaos.company import ALL, Company, make_release
from tests.chaos.relay import Relay
from tests.chaos.sign_ups import Door
from tests.factories import make_article, make_issue, make_newsletter, make_settings
from tests.journeys.formation import free_port
from tests.servers.postgresql import PrivatePostgres, libpq_url
from tests.servers.redis_server import PrivateRedis
from tests.servers.run import Run

# Short, so that a round shows in seconds what would take minutes.
LEASE_SECONDS = 2
TICK_SECONDS = 0.5
REPLY_SECONDS = 3
WINDOW = 20
RELEASES = ("the-first-release", "the-second-release")


@dataclass
class Installation:
    """What a round plays on. `release` is an index into RELEASES: the one that is deployed."""

    folder: Path
    url: str
    postgres: PrivatePostgres
    redis: PrivateRedis
    relay: Relay
    company: Company
    database: Database
    links: Links
    bell: CeleryBell
    newsletter_id: int
    door: Door
    releases: tuple[Path, ...]
    release: int = 0

    def ask(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Ask the database over a connection of our own. Raises psycopg.OperationalError."""
        with psycopg.connect(self._libpq, autocommit=True, connect_timeout=5) as connection:
            answer = connection.execute(sql.encode(), values)
            return answer.fetchall() if answer.description else []

    @cached_property
    def _libpq(self) -> str:
        return libpq_url(self.url)

    def deploy(self, release: int) -> None:
        """Let what is started from now on come from another release."""
        self.release = release
        self.company.deploy(self.releases[release])

    def add_readers(self, wanted: int) -> list[str]:
        """Let the newsletter have `wanted` readers. Return the addresses of all."""
        self.ask(
            """
            WITH active AS (SELECT count(*) AS n FROM subscription
                            WHERE ended_at IS NULL AND newsletter_id = %s),
                 known AS (SELECT coalesce(max(id), 0) AS n FROM subscriber),
            new AS (
                INSERT INTO subscriber (subject, email, email_key, name, language, created_at)
                SELECT decode(lpad(to_hex(i), 32, '0'), 'hex'), 'reader' || i || '@example.org',
                       'reader' || i || '@example.org', 'Robin ' || i, 'en', now()
                FROM known, active, generate_series(known.n + 1, known.n + %s - active.n) i
                RETURNING id, subject
            )
            INSERT INTO subscription
                (token_id, subscriber_id, newsletter_id, topics, site, started_at)
            SELECT subject, id, %s, '[]', 'halyard.example', now() FROM new
            """,
            self.newsletter_id,
            wanted,
            self.newsletter_id,
        )
        rows = self.ask(
            """
            SELECT email FROM subscriber JOIN subscription ON subscriber_id = subscriber.id
            WHERE ended_at IS NULL AND newsletter_id = %s ORDER BY subscriber.id
            """,
            self.newsletter_id,
        )
        return [email for (email,) in rows]

    def make_issue(self) -> int:
        """Make an issue as an editor would have it ready."""
        now = datetime.now(UTC)
        with self.database.transaction() as session:
            newsletter = session.get_one(Newsletter, self.newsletter_id)
            articles = session.scalars(select(Article)).all()
            return make_issue(
                session,
                newsletter,
                articles,
                occurrence_on=None,
                dateline=now.date(),
                compose_at=now,
                closes_at=now,
                send_at=now,
                created_at=now,
            ).id

    def send(self, issue_id: int) -> None:
        """As `digest issue send` does."""
        with self.database.transaction() as session:
            issue = session.get_one(Issue, issue_id)
            send_now(session, issue, "Chaos", datetime.now(UTC))
        self.bell.ring(PREPARE_ISSUE, issue_id)

    def stencils(self, issue_id: int) -> dict[int, bytes]:
        """Return the frozen bytes of an issue, by the ids of their renderings."""
        with self.database.reading() as session:
            found = session.execute(
                select(Rendering.id, Rendering.stencil).where(Rendering.issue_id == issue_id)
            )
            return {row.id: row.stencil for row in found}

    def settle(self) -> None:
        """Put everything back to how a round begins."""
        self.relay.behave_well()
        self.company.move_clock(0)
        for server in (self.postgres, self.redis):
            if not server.is_running:
                server.start()
        if self.company.is_running("notices", 2):
            self.company.kill("notices", 2)
        self.company.ensure(ALL)


@contextmanager
def installed(run: Run, folder: Path) -> Iterator[Installation]:
    """Install everything in `folder`, and start it."""
    with ExitStack() as ends:
        postgres, redis = PrivatePostgres(run), PrivateRedis(run)
        for server in (postgres, redis):
            server.start()
            ends.callback(server.discard)
        url = postgres.create_database()
        upgrade(url)
        relay = ends.enter_context(Relay(folder))
        releases = tuple(make_release(folder / words, words) for words in RELEASES)
        environment = _environment(url, redis.url, relay.port)
        company = ends.enter_context(Company(folder, environment, releases[0]))
        database = Database(url)
        ends.callback(database.dispose)
        settings = make_settings(
            url,
            redis_url=redis.url,
            relay=parse_relay(environment["SMTP_URL"]),
            public_url=environment["DIGEST_PUBLIC_URL"],
            keys=parse_keys(environment["DIGEST_KEYS"]),
        )
        installation = Installation(
            folder,
            url,
            postgres,
            redis,
            relay,
            company,
            database,
            Links(KeyRing(settings.keys), settings.public_url, settings.inbound_domain),
            CeleryBell(settings, silent_seconds=0),
            _open_paper(database),
            _open_door(database, settings.public_url),
            releases,
        )
        installation.settle()
        yield installation


def _environment(database_url: str, redis_url: str, relay_port: int) -> dict[str, str]:
    port = free_port()
    return {
        "PORT": str(port),
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "SMTP_URL": f"smtp://127.0.0.1:{relay_port}",
        "DIGEST_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "DIGEST_KEYS": f"k1:{new_secret()}",
        "DIGEST_SUPPRESSION_KEY": new_secret(),
        "DIGEST_LEASE_SECONDS": str(LEASE_SECONDS),
        "DIGEST_TICK_SECONDS": str(TICK_SECONDS),
        "DIGEST_REPLY_TIMEOUT": str(REPLY_SECONDS),
        "DIGEST_SMTP_TIMEOUT": str(REPLY_SECONDS),
        "DIGEST_WINDOW_SIZE": str(WINDOW),
        "DIGEST_SLICE_SECONDS": "1",
        # Readers sign up from networks of their own; they all are a surge, and solve no sum.
        "DIGEST_TRUSTED_PROXIES": "127.0.0.1/32",
        "DIGEST_SURGE": "0",
    }


def _open_paper(database: Database) -> int:
    now = datetime.now(UTC)
    with database.transaction() as session:
        # Its own slot is days away: no issue but a round's gets in the way.
        newsletter = make_newsletter(session, calendar_since=now, weekday=(now.weekday() + 3) % 7)
        for name in ("port", "cold", "roofs"):
            make_article(session, name, first_seen_at=now, published_at=now)
        return newsletter.id


def _open_door(database: Database, url: str) -> Door:
    """Make the newsletter to sign up for: not that of the rounds, whose audience is set."""
    now = datetime.now(UTC)
    with database.transaction() as session:
        newsletter = make_newsletter(
            session, "late-edition", calendar_since=now, weekday=(now.weekday() + 3) % 7
        )
        _, wording = publish_terms(session, "Be kind.", now=now)
        return Door(url, newsletter.slug, wording.number)


def says(message: bytes) -> str:
    """Return the release of whose templates a message was made."""
    body = message_from_bytes(message, policy=policy.default).get_body(("plain",))
    assert body is not None
    text = body.get_content()
    return next((words for words in RELEASES if words in text), "neither")

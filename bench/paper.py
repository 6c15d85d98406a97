"""The Halyard with a great many readers, and an issue of it, made by the product's own commands."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import psycopg
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from bench.rig import Rig, opened
from bench.servers import Sink
from digest.cli import art
from digest.cli.halyard import NOTE, SLUG, THIS_WEEK, open_paper
from digest.delivery.ledger.claiming import Recipient
from digest.delivery.messages import Links, load_mailing, write_message
from digest.delivery.relay.connection import Envelope
from digest.home import settle_if_empty
from digest.models import Issue, Subscriber, Subscription
from digest.newsroom.intake.articles import NewArticle, add_article
from digest.newsroom.intake.media import ArticlePictures, article_pictures, set_pictures
from digest.newsroom.intake.pictures import LEAD
from digest.settings.loading import parse_keys
from digest.tokens import KeyRing
from tests.factories import make_newsletter
from tests.journeys.formation import Formation
from tests.servers.postgresql import libpq_url

WARM_UP = "warm-up"
WARM_UP_READERS = 200
STORIES = 6
NAMES = "ARRAY['Robin', 'Ada Lovegrove', 'Jürgen Weiß', 'María José Ñíguez', 'Mina', '', 'Tobiah']"
# Some five hundred domains, as a reader has one of many.
DOMAIN = "'@mail' || (n * n % 1009) || '.example.org'"

# Both databases know these words; a reader's number decides all that is theirs.
ADD_READERS = {
    "postgresql": f"""
        INSERT INTO subscriber
            (subject, email, email_key, suppression_mac, name, language, created_at)
        SELECT decode(md5('reader ' || n), 'hex'), 'reader' || n || {DOMAIN},
               'reader' || n || {DOMAIN}, encode(sha256(('mac ' || n)::bytea), 'hex'),
               ({NAMES})[1 + n % 7], 'en', now()
        FROM generate_series(1, CAST(:readers AS bigint)) n
    """,
    "sqlite": f"""
        INSERT INTO subscriber
            (subject, email, email_key, suppression_mac, name, language, created_at)
        WITH RECURSIVE numbers(n) AS
            (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :readers)
        SELECT randomblob(16), 'reader' || n || {DOMAIN}, 'reader' || n || {DOMAIN},
               lower(hex(randomblob(32))), 'Ada Lovegrove', 'en',
               strftime('%Y-%m-%d %H:%M:%f000', 'now')
        FROM numbers
    """,
}
SUBSCRIBE = {
    "postgresql": """
        INSERT INTO subscription (token_id, subscriber_id, newsletter_id, topics, site, started_at)
        SELECT decode(md5(CAST(:newsletter AS text) || ' ' || id), 'hex'), id,
               CAST(:newsletter AS bigint), '[]',
               'halyard.example', now() - interval '90 days'
        FROM subscriber ORDER BY id LIMIT :readers
    """,
    "sqlite": """
        INSERT INTO subscription (token_id, subscriber_id, newsletter_id, topics, site, started_at)
        SELECT randomblob(16), id, :newsletter, '[]', 'halyard.example',
               strftime('%Y-%m-%d %H:%M:%f000', 'now', '-90 days')
        FROM subscriber ORDER BY id LIMIT :readers
    """,
}


@dataclass
class Site:
    """A newsletter with readers, in a formation whose relay is a sink."""

    formation: Formation
    sink: Sink
    database_url: str
    _editions: int = field(default=0, init=False)

    @property
    def libpq_url(self) -> str:
        return libpq_url(self.database_url)

    def ask(self, sql: str, *values: object) -> Any:
        """Return the one row that a question has, over a connection of its own."""
        with psycopg.connect(self.libpq_url, autocommit=True) as connection:
            return connection.execute(sql, values).fetchone()

    def ask_all(self, sql: str) -> list[tuple[Any, ...]]:
        """Return all rows."""
        with psycopg.connect(self.libpq_url, autocommit=True) as connection:
            return connection.execute(sql).fetchall()

    def do(self, sql: str) -> None:
        """Run a statement that may be in no transaction."""
        with psycopg.connect(self.libpq_url, autocommit=True) as connection:
            connection.execute(sql)

    def compose(self, newsletter: str = SLUG) -> int:
        """Publish articles, and have an issue composed of them by command. Return its id."""
        self._editions += 1
        with opened(self.database_url) as database, database.transaction() as session:
            publish(session, f"{newsletter}-{self._editions}")
        soon = datetime.now(UTC) + timedelta(hours=1)
        said = json.loads(
            self.formation.run(
                "issue", "compose", newsletter, "--special", soon.isoformat(), "--json"
            )
        )
        with opened(self.database_url) as database, database.transaction() as session:
            session.get_one(Issue, said["id"]).note = NOTE
        return int(said["id"])

    def messages(self, issue_id: int, count: int = 100) -> list[bytes]:
        """Return what the first readers of a frozen issue get, byte for byte."""
        settings = self.formation.environment
        ring = KeyRing(parse_keys(settings["DIGEST_KEYS"]))
        links = Links(ring, settings["DIGEST_PUBLIC_URL"], None)
        with opened(self.database_url) as database, database.reading() as session:
            mailing = load_mailing(session, issue_id)
            (rendering_id,) = mailing.stencils
            readers = session.execute(
                select(Subscriber, Subscription)
                .join(Subscription)
                .where(Subscription.newsletter_id == mailing.newsletter_id)
                .order_by(Subscriber.id)
                .limit(count)
            )
            written = [
                write_message(mailing, _recipient(reader, period, rendering_id), links)
                for reader, period in readers
            ]
        return [message.message for message in written if isinstance(message, Envelope)]


def _recipient(reader: Subscriber, period: Subscription, rendering_id: int) -> Recipient:
    return Recipient(
        subscriber_id=reader.id,
        reason=None,
        rendering_id=rendering_id,
        subject=reader.subject,
        email=reader.email,
        name=reader.name,
        token_id=period.token_id,
        site=period.site,
        started_at=period.started_at,
    )


@contextmanager
def open_site(rig: Rig, readers: int, relay_port: int | None = None) -> Iterator[Site]:
    """Fill a database on PostgreSQL with readers, as if they had come over the years.

    The sink is the relay, unless another port leads to it.
    """
    with (
        rig.sink() as sink,
        rig.database() as url,
        rig.formation(url, relay_port or sink.port) as formation,
    ):
        fill(url, readers)
        site = Site(formation, sink, url)
        # As autovacuum has left a database that grew slowly.
        site.do("VACUUM (ANALYZE)")
        site.do("CHECKPOINT")
        yield site


def fill(database_url: str, readers: int) -> None:
    """Make the paper, its newsletter, one to warm up with, and `readers` readers of the first."""
    with opened(database_url) as database, database.transaction() as session:
        now = datetime.now(UTC)
        # Copied from a template, it does not know yet that it lives here.
        settle_if_empty(session, now)
        newsletter = open_paper(session, now)
        other = make_newsletter(session, WARM_UP)
        for each in (newsletter, other):
            # Its slot is days away: no issue comes of its own accord.
            each.weekday = (now.weekday() + 3) % 7
            each.calendar_since = now
            # What makes a message of 30 KB; the default of 8 makes 36.
            each.story_count = STORIES
        session.flush()
        kind = "sqlite" if database.is_sqlite else "postgresql"
        session.execute(text(ADD_READERS[kind]), {"readers": readers})
        for each, count in ((newsletter, readers), (other, WARM_UP_READERS)):
            session.execute(text(SUBSCRIBE[kind]), {"newsletter": each.id, "readers": count})


def publish(session: Session, edition: str) -> None:
    """Add a week's articles, with their pictures, as the paper's feed would bring them."""
    now = datetime.now(UTC)
    for story in THIS_WEEK:
        article = add_article(
            session,
            NewArticle(
                url=f"https://halyard.example/{edition}/{story.slug}",
                title=story.title,
                standfirst=story.standfirst,
                byline=story.byline,
                section=story.section,
                minutes=story.minutes,
                image_alt=art.SCENES[story.slug].alt,
                published_at=now - timedelta(hours=story.age_hours),
            ),
            now,
        )
        set_pictures(session, article, _pictures(story.slug), now)


@cache
def _pictures(slug: str) -> ArticlePictures:
    return article_pictures(art.draw(slug, LEAD.width, LEAD.height))

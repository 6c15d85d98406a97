"""Rows that tests start from: a paper, a newsletter, readers, articles, an issue."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from sqlalchemy.orm import Session

from digest.addresses import parse_address
from digest.delivery.ledger import partitions
from digest.home import settle_if_empty
from digest.models import (
    BEFORE_FREEZE,
    Article,
    Grant,
    InboundDomain,
    Issue,
    IssueState,
    Newsletter,
    Publication,
    Role,
    Story,
    StoryRole,
    Subscriber,
    Subscription,
    User,
)
from digest.newsroom.intake.links import page_key
from digest.settings.loading import Key, Settings, parse_relay
from digest.suppression import SuppressionKey
from digest.tokens import KeyRing, new_token_id
from digest.vault import Vault

NOW = datetime(2026, 11, 14, 6, 0, tzinfo=UTC)
KEYS = (Key("k1", b"k" * 32),)
VAULT = Vault(KEYS)
SUPPRESSION_KEY = SuppressionKey(b"s" * 32)
RING = KeyRing(KEYS)

# What newsroom.palette computes for the demo's accent.
PALETTE = {
    "accent": "#006B5E",
    "text": "#006B5E",
    "tint": "#EDF5F4",
    "fill": "#006B5E",
    "on_fill": "#FFFFFF",
    "hover": "#03584D",
    "rule": "#006B5E",
    "edge": None,
    "dark": {
        "text": "#67BBAB",
        "tint": "#11292C",
        "fill": "#67BBAB",
        "on_fill": "#0E1519",
        "hover": "#7CCFBF",
        "rule": "#67BBAB",
        "edge": None,
    },
}


def make_settings(database_url: str, **changes: object) -> Settings:
    """Return settings for a test; `changes` replace fields."""
    values: dict[str, object] = {
        "data_dir": Path("/nonexistent"),
        "database_url": database_url,
        "redis_url": "memory://",
        "redis_prefix": "digest",
        "relay": parse_relay("smtp://127.0.0.1:1"),
        "public_url": "http://127.0.0.1:8000",
        "keys": KEYS,
        "suppression_key": SUPPRESSION_KEY.secret,
        "trusted_proxies": (),
        "embed_origins": (),
        "inbound_domain": None,
        "hello_name": "localhost",
        "fetch_private": True,
        "lease_seconds": 120,
        "slice_seconds": 10.0,
        "window_size": 50,
        "connections": 1,
        "notice_connections": 1,
        "smtp_timeout": 5.0,
        "reply_timeout": 5.0,
        "relay_rate": 0.0,
        "domain_rates": (),
        "late_hours": 12,
        "keep_months": 12,
        "keep_unconfirmed_days": 30,
        "keep_left_months": 12,
        "source_minutes": 15,
        "tick_seconds": 60.0,
        "relay_signs": False,
        "resolver": None,
        # A test is quicker than a person, and many tests are one network.
        "form_seconds": 0.0,
        "surge": 0,
        "sign_ups_a_minute": 0,
        "disposable": "report",
        "own_domains": frozenset(),
        "log_format": "text",
    }
    return Settings(**(values | changes))  # type: ignore[arg-type]


def make_newsletter(
    session: Session, slug: str = "editors-digest", **changes: object
) -> Newsletter:
    """Add a newsletter, and the publication where there is none yet.

    Before the first one, the database learns where it lives, as it would from open_runtime.
    """
    settle_if_empty(session, NOW)
    if session.get(Publication, 1) is None:
        session.add(Publication(id=1, name="The Halyard", site_url="https://halyard.example"))
    values: dict[str, object] = {
        "slug": slug,
        "name": "Editor’s Digest",
        "promise": "Imara Vance-Oduya, editor of The Halyard, picks the stories.",
        "language": "en",
        "accent": "#006B5E",
        "palette": PALETTE,
        "editor_name": "Imara Vance-Oduya",
        "editor_email": "imara@halyard.example",
        "from_name": "Imara at The Halyard",
        "from_address": "digest@halyard.example",
        "reply_to": "imara@halyard.example",
        "postal_address": "4 Ropewalk Yard, Varrholm VH1 2AB",
        "weekday": 5,
        "local_time": time(7, 0),
        "zone": "Europe/London",
        "created_at": NOW - timedelta(days=30),
        "calendar_since": NOW - timedelta(days=30),
    }
    newsletter = Newsletter(**(values | changes))
    session.add(newsletter)
    session.flush()
    return newsletter


def prove_inbound(session: Session, domain: str) -> None:
    """Write down that a mail of Digest to itself was seen to arrive at `domain`, a moment ago."""
    now = datetime.now(UTC)
    session.add(
        InboundDomain(
            name=domain, token_id=new_token_id(), asked_at=now, seen_at=now, seen_asked_at=now
        )
    )


def make_reader(
    session: Session, newsletter: Newsletter, email: str, name: str | None = None
) -> Subscription:
    """Add a confirmed reader of `newsletter`."""
    address = parse_address(email)
    subscriber = Subscriber(
        subject=new_token_id(),
        email=address.email,
        email_key=address.key,
        suppression_mac=SUPPRESSION_KEY.mac(address.key),
        name=name,
        created_at=NOW,
    )
    session.add(subscriber)
    session.flush()
    subscription = Subscription(
        token_id=new_token_id(),
        subscriber_id=subscriber.id,
        newsletter_id=newsletter.id,
        site="halyard.example",
        started_at=NOW - timedelta(days=1),
    )
    session.add(subscription)
    session.flush()
    return subscription


def make_article(session: Session, slug: str, **changes: object) -> Article:
    """Add an article of the paper."""
    values: dict[str, object] = {
        "url": f"https://halyard.example/a/{slug}",
        "title": f"The story of the {slug}",
        "standfirst": "A fact, then a turn.",
        "byline": "Joss Penhallow",
        "section": "World",
        "minutes": 5,
        "published_at": NOW - timedelta(days=2),
        "first_seen_at": NOW - timedelta(days=2),
        "updated_at": NOW - timedelta(days=2),
    }
    values |= changes
    article = Article(**({"key": page_key(str(values["url"]))} | values))
    session.add(article)
    session.flush()
    return article


def make_issue(
    session: Session,
    newsletter: Newsletter,
    articles: Sequence[Article],
    state: IssueState = IssueState.SCHEDULED,
    **changes: object,
) -> Issue:
    """Add an issue with `articles`, the first as its lead, due at NOW.

    One that is past its freeze has room for deliveries that a test writes by hand.
    """
    values: dict[str, object] = {
        "newsletter_id": newsletter.id,
        "occurrence_on": date(2026, 11, 14),
        "dateline": date(2026, 11, 14),
        "state": state,
        "compose_at": NOW - timedelta(days=1),
        "closes_at": NOW - timedelta(hours=1),
        "send_at": NOW,
        "created_at": NOW - timedelta(days=1),
    }
    issue = Issue(**(values | changes))
    session.add(issue)
    session.flush()
    if state not in BEFORE_FREEZE:
        partitions.add(session, issue.id)
    for position, article in enumerate(articles, start=1):
        role = StoryRole.LEAD if position == 1 else StoryRole.STORY
        session.add(Story(issue_id=issue.id, article_id=article.id, position=position, role=role))
    session.flush()
    return issue


def make_editor(session: Session, email: str) -> User:
    """Make a user of the desk who is an editor of all newsletters."""
    user = User(email=email, email_key=email, name=email.partition("@")[0], created_at=NOW)
    user.grants.append(Grant(role=Role.EDITOR))
    session.add(user)
    session.flush()
    return user

"""What the demo plays with: a folder that is thrown away, settings of its own, a past."""

import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from digest.checkup.returning import send_echo
from digest.cli.halyard import (
    EDITOR,
    EDITOR_EMAIL,
    LAST_WEEK,
    NOTE,
    NOTE_BEFORE,
    SLUG,
    THIS_WEEK,
    HalyardStory,
    open_paper,
)
from digest.cli.halyard_feed import HalyardSite, feed_due
from digest.cli.story import next_issue
from digest.delivery.ledger.freezing import freeze
from digest.desk.audit import OPERATOR
from digest.desk.users import Granted, create_user
from digest.models import Issue, IssueState, Newsletter, Role, Subscription
from digest.newsroom.intake.fetching_pictures import fetch_pictures
from digest.newsroom.intake.fetching_sources import fetch_source, open_fetcher
from digest.newsroom.issues.calendar import Slot, slots_after
from digest.newsroom.issues.composing import compose, create_issue
from digest.newsroom.issues.scheduling import send_now
from digest.runtime import PREPARE_ISSUE, Runtime
from digest.settings.loading import Key, RelayAddress, Settings

INBOUND_DOMAIN = "inbound.halyard.example"
KEY_BYTES = 32
# The paper is older than the demo: its last issue is No. 41.
LAST_NUMBER = 41
SIGNED = EDITOR.split()[0]


def demo_settings(folder: Path, web_port: int, inbox_port: int) -> Settings:
    """Return settings that touch nothing outside of `folder`, whatever the environment says."""
    return Settings(
        data_dir=folder,
        database_url=f"sqlite:///{folder / 'demo.sqlite3'}",
        redis_url="memory://",
        redis_prefix="digest",
        relay=RelayAddress("127.0.0.1", inbox_port),
        public_url=f"http://127.0.0.1:{web_port}",
        keys=(Key("demo", os.urandom(KEY_BYTES)),),
        suppression_key=os.urandom(KEY_BYTES),
        trusted_proxies=(),
        embed_origins=(),
        inbound_domain=INBOUND_DOMAIN,
        hello_name="localhost",
        fetch_private=True,
        lease_seconds=30,
        slice_seconds=10.0,
        window_size=50,
        connections=1,
        notice_connections=1,
        smtp_timeout=10.0,
        reply_timeout=10.0,
        relay_rate=0.0,
        domain_rates=(),
        late_hours=12,
        keep_months=12,
        keep_unconfirmed_days=30,
        keep_left_months=12,
        source_minutes=15,
        tick_seconds=60.0,
        relay_signs=False,
        resolver=None,
        # The demo's reader is quick.
        form_seconds=0.0,
        surge=60,
        sign_ups_a_minute=None,
        disposable="report",
        own_domains=frozenset(),
        log_format="text",
    )


def start_paper(runtime: Runtime) -> None:
    """Make the paper, and prove that mail to its inbound domain arrives: in the demo's inbox."""
    with runtime.database.transaction() as session:
        now = runtime.clock.now()
        open_paper(session, now)
        create_user(session, OPERATOR, EDITOR_EMAIL, EDITOR, [Granted(Role.OWNER)], now=now)
    send_echo(runtime.database, runtime.settings, INBOUND_DOMAIN)


def print_last_week(runtime: Runtime, paper: HalyardSite) -> int:
    """Make the paper and its issue of last Saturday; return that issue, for a worker to finish."""
    now = runtime.clock.now()
    start_paper(runtime)
    with runtime.database.transaction() as session:
        newsletter = session.scalars(select(Newsletter).where(Newsletter.slug == SLUG)).one()
        slots = slots_after(newsletter, now - timedelta(days=14))
        before, last = next(slots), next(slots)
        _cancelled_before(session, newsletter, before)
    paper.publish(LAST_WEEK, "last-week", last.send_at)
    _fetch_paper(runtime, paper)
    with runtime.database.transaction() as session:
        newsletter = session.get_one(Newsletter, newsletter.id)
        issue = create_issue(session, newsletter, last.occurrence_on, last.send_at)
        compose(session, issue, last.send_at)
        issue.note = NOTE_BEFORE
        send_now(session, issue, SIGNED, last.send_at)
    freeze(
        runtime.database,
        issue.id,
        now=last.send_at,
        public_url=runtime.settings.public_url,
        inbound_domain=runtime.settings.inbound_domain,
    )
    return issue.id


def _fetch_paper(runtime: Runtime, paper: HalyardSite) -> None:
    """Bring in what is new in the paper's feed, and the pictures, before anything is composed."""
    now = runtime.clock.now()
    fetcher = open_fetcher(runtime.database, runtime.settings)
    every = timedelta(minutes=runtime.settings.source_minutes)
    with runtime.database.transaction() as session:
        source_id = feed_due(session, paper, now)
    fetch_source(
        runtime.database, source_id, fetcher=fetcher, now=now, every=every, only_if_due=False
    )
    fetch_pictures(runtime.database, fetcher=fetcher, now=now, go_on=lambda: True)


def _cancelled_before(session: Session, newsletter: Newsletter, times: Slot) -> None:
    """Numbers go on from the highest: this is the one before the last, which never went out."""
    session.add(
        Issue(
            newsletter=newsletter,
            occurrence_on=times.occurrence_on,
            dateline=times.occurrence_on,
            number=LAST_NUMBER - 1,
            state=IssueState.CANCELLED,
            reason="The editor cancelled it: the press stood under water.",
            compose_at=times.compose_at,
            closes_at=times.closes_at,
            send_at=times.send_at,
            created_at=times.compose_at,
        )
    )


class DemoEditor:
    """Has the next issue ready, and sends it as soon as somebody has confirmed, or left."""

    def __init__(self, runtime: Runtime, paper: HalyardSite) -> None:
        self._runtime = runtime
        self._paper = paper
        self._readers: frozenset[int] = frozenset()
        self._edition = 0

    def prepare_issue(self) -> None:
        """Bring in the week's stories, and compose the next issue of them."""
        now = self._runtime.clock.now()
        self._paper.publish(_stories_of(self._edition), f"edition-{self._edition}", now)
        _fetch_paper(self._runtime, self._paper)
        with self._runtime.database.transaction() as session:
            newsletter = session.scalars(select(Newsletter).where(Newsletter.slug == SLUG)).one()
            issue = next_issue(session, newsletter, now)
            compose(session, issue, now)
            issue.note = NOTE if self._edition == 0 else None
        self._issue_id = issue.id
        self._edition += 1

    def look(self) -> str | None:
        """Act on what has changed among the readers; say what, in a sentence."""
        with self._runtime.database.reading() as session:
            active = select(Subscription.id).where(Subscription.ended_at.is_(None))
            readers = frozenset(session.scalars(active))
        came, went = readers - self._readers, self._readers - readers
        self._readers = readers
        if not came and not went:
            return None
        now = self._runtime.clock.now()
        with self._runtime.database.transaction() as session:
            send_now(session, session.get_one(Issue, self._issue_id), SIGNED, now)
        self._runtime.bell.ring(PREPARE_ISSUE, self._issue_id)
        self.prepare_issue()
        if came:
            return "Somebody has confirmed. The editor sends the issue: it arrives in a moment."
        return "Somebody has left. The editor sends the next issue: it does not reach them."


def _stories_of(edition: int) -> tuple[HalyardStory, ...]:
    """Return this week's stories; later the old ones come round again, each leading in turn."""
    if edition == 0:
        return THIS_WEEK
    stories = (THIS_WEEK, LAST_WEEK)[edition % 2]
    lead = (edition + 1) // 2 % len(stories)
    turned = (*stories[lead:], *stories[:lead])
    return tuple(replace(story, age_hours=hours) for hours, story in enumerate(turned, start=1))

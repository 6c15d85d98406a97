"""An issue ready to go out, and a worker to send it with."""

import threading
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from digest.clock import FixedClock
from digest.database.transactions import Database
from digest.delivery.ledger.freezing import freeze
from digest.delivery.messages import Links
from digest.delivery.sending import deliver_issue
from digest.delivery.signing.signatory import Signatory
from digest.models import Delivery, DeliveryState, Issue
from digest.settings.loading import RelayAddress, Settings
from tests.factories import (
    NOW,
    RING,
    make_article,
    make_issue,
    make_newsletter,
    make_reader,
    make_settings,
)


@dataclass
class Press:
    """A newsroom's machinery for one test: a database, settings, and a clock that stands still."""

    database: Database
    settings: Settings
    clock: FixedClock = field(default_factory=lambda: FixedClock(NOW))
    stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def links(self) -> Links:
        return Links(RING, self.settings.public_url, self.settings.inbound_domain)

    def relay_at(self, port: int) -> None:
        self.settings = replace(self.settings, relay=RelayAddress("127.0.0.1", port))

    def frozen_issue(self, *emails: str, **changes: Any) -> int:
        """Set up an issue with these readers, and freeze it. `changes` are the newsletter's."""
        with self.database.transaction() as session:
            newsletter = make_newsletter(session, **changes)
            for email in emails:
                make_reader(session, newsletter, email, name="Robin")
            articles = [make_article(session, slug) for slug in ("port", "cold", "roofs")]
            issue_id = make_issue(session, newsletter, articles).id
        assert self.freeze(issue_id)
        return issue_id

    def freeze(self, issue_id: int) -> bool:
        return freeze(
            self.database,
            issue_id,
            now=self.clock.now(),
            late=timedelta(hours=self.settings.late_hours),
            public_url=self.settings.public_url,
            inbound_domain=self.settings.inbound_domain,
        )

    def deliver(self, issue_id: int, signatory: Signatory | None = None) -> bool:
        return deliver_issue(
            self.database,
            issue_id,
            settings=self.settings,
            links=self.links,
            clock=self.clock,
            stopping=self.stopping,
            signatory=signatory,
        )

    def issue(self, issue_id: int) -> Issue:
        with self.database.reading() as session:
            return session.get_one(Issue, issue_id)

    def rows(self, issue_id: int) -> list[Delivery]:
        with self.database.reading() as session:
            return list(
                session.execute(
                    select(Delivery)
                    .where(Delivery.issue_id == issue_id)
                    .order_by(Delivery.subscriber_id)
                ).scalars()
            )

    def states(self, issue_id: int) -> list[DeliveryState]:
        return [row.state for row in self.rows(issue_id)]


@pytest.fixture
def press(database: Database, database_url: str) -> Press:
    return Press(database, make_settings(database_url))


def readers(count: int) -> list[str]:
    """Return `count` addresses."""
    return [f"reader{number}@example.org" for number in range(count)]

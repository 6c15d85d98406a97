"""A paper with one newsletter and its terms, and what is asked of it again and again."""

from collections.abc import Sequence
from typing import Any, TypeVar

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import DeclarativeBase

from digest.clock import FixedClock
from digest.database.tables import Base
from digest.database.transactions import Database
from digest.models import Newsletter, SignUp, Subscription, Wording
from digest.newsroom.terms import publish_terms
from digest.readers.consent.recording import Evidence
from digest.readers.signing_up.confirming import Confirmation, confirm
from digest.readers.signing_up.sign_up_form import SignUpForm
from digest.readers.signing_up.submitting import Asked, sign_up
from tests.factories import NOW, SUPPRESSION_KEY, make_newsletter

Row = TypeVar("Row", bound=DeclarativeBase)

EVIDENCE = Evidence(ip="203.0.113.7", user_agent="A browser", page_url="https://halyard.example/")
TERMS = "# Terms\n\nWe send what you asked for.\n"


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
def newsletter(database: Database) -> Newsletter:
    with database.transaction() as session:
        return make_newsletter(session)


@pytest.fixture
def wording(database: Database) -> Wording:
    with database.transaction() as session:
        return publish_terms(session, TERMS, NOW)[1]


@pytest.fixture
def desk(
    database: Database, newsletter: Newsletter, wording: Wording, clock: FixedClock
) -> "ReadersDesk":
    return ReadersDesk(database, clock)


class ReadersDesk:
    """Does what a reader does, each in a transaction of its own, as the pages do."""

    def __init__(self, database: Database, clock: FixedClock) -> None:
        self.database = database
        self.clock = clock

    def form(self, email: str = "robin@example.org", **changes: Any) -> SignUpForm:
        values: dict[str, Any] = {
            "email": email,
            "newsletters": ("editors-digest",),
            "consent": True,
            "wording": "1",
            "site": "halyard.example",
            "evidence": EVIDENCE,
        }
        return SignUpForm(**(values | changes))

    def sign_up(self, email: str = "robin@example.org", **changes: Any) -> Asked:
        with self.database.bare_transaction() as connection:
            return sign_up(
                connection,
                self.form(email, **changes),
                now=self.clock.now(),
                suppression=SUPPRESSION_KEY,
            )

    def confirm(self, token_id: bytes) -> Confirmation:
        with self.database.transaction() as session:
            return confirm(
                session, token_id, EVIDENCE, now=self.clock.now(), suppression=SUPPRESSION_KEY
            )

    def subscribe(self, email: str = "robin@example.org", **changes: Any) -> Subscription:
        """Sign up and confirm; return the newest period."""
        self.sign_up(email, **changes)
        self.confirm(self.rows(SignUp)[-1].token_id)
        return self.rows(Subscription)[-1]

    def rows(self, model: type[Row]) -> Sequence[Row]:
        with self.database.reading() as session:
            return session.scalars(select(model).order_by(*model.__table__.primary_key)).all()

    def count(self, model: type[DeclarativeBase]) -> int:
        with self.database.reading() as session:
            return session.scalar(select(func.count()).select_from(model)) or 0

    def dump(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return every row of every table."""
        with self.database.reading() as session:
            return {
                table.name: [tuple(row) for row in session.execute(table.select())]
                for table in Base.metadata.sorted_tables
            }

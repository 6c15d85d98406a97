"""A desk with its first owner, and what tests of it say in one line."""

from collections.abc import Callable

import pytest
from sqlalchemy import select

from digest.database.transactions import Database
from digest.desk.audit import OPERATOR
from digest.desk.users import Granted, create_user
from digest.models import AuditEvent, Role, User
from tests.factories import NOW

Hire = Callable[..., int]


@pytest.fixture
def hire(database: Database) -> Hire:
    """Call it with a name and roles; returns the id of a user name@example.org."""

    def make(name: str, *roles: Role | Granted) -> int:
        grants = [each if isinstance(each, Granted) else Granted(each) for each in roles]
        with database.transaction() as session:
            email = f"{name.lower()}@example.org"
            made = create_user(session, OPERATOR, email, name, grants, now=NOW)
            return made.id

    return make


def verbs(database: Database) -> list[str]:
    """Return what the log says was done, in order."""
    with database.reading() as session:
        return list(session.scalars(select(AuditEvent.verb).order_by(AuditEvent.id)))


def user_of(database: Database, user_id: int) -> User:
    with database.reading() as session:
        return session.get_one(User, user_id)

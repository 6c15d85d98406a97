"""A long log of the desk, made fast, and its chain."""

from datetime import timedelta

from sqlalchemy import insert
from sqlalchemy.orm import Session

from digest.database.transactions import Database
from digest.desk.audit import detail_mac
from digest.desk.audit_chain import seal_events
from digest.models import AuditDetail, AuditEvent, AuditPart, User
from tests.factories import NOW

VERBS = ("issue compose", "issue approve", "source add")


def make_user(session: Session, name: str = "Imara Vance-Oduya") -> User:
    """Add a user who can do nothing yet."""
    email = f"{name.split()[0].lower()}@example.org"
    user = User(email=email, email_key=email, name=name, created_at=NOW)
    session.add(user)
    session.flush()
    return user


def make_events(session: Session, user: User, count: int) -> None:
    """Add events, one a second from 30 days before NOW, each with both of its personal parts."""
    events, details = [], []
    for number in range(1, count + 1):
        salt = number.to_bytes(32, "big")
        parts = {
            AuditPart.ORIGIN: {"ip": "203.0.113.7"},
            AuditPart.VALUES: {"before": "Ferry", "after": f"Ferry {number}"},
        }
        events.append(
            {
                "id": number,
                "at": NOW - timedelta(days=30) + timedelta(seconds=number),
                "user_id": user.id,
                "verb": VERBS[number % len(VERBS)],
                "of_table": "issue",
                "row_id": number,
                "newsletter_id": None,
                "fields": ["state", "subject"],
                "origin_mac": detail_mac(salt, parts[AuditPart.ORIGIN]),
                "values_mac": detail_mac(salt[::-1], parts[AuditPart.VALUES]),
            }
        )
        details += [
            {"event_id": number, "part": part, "salt": salt[::way], "content": parts[part]}
            for part, way in ((AuditPart.ORIGIN, 1), (AuditPart.VALUES, -1))
        ]
    session.execute(insert(AuditEvent), events)
    session.execute(insert(AuditDetail), details)


def make_chain(database: Database, count: int) -> None:
    """Add events and seal them."""
    with database.transaction() as session:
        make_events(session, make_user(session), count)
    while seal_events(database, NOW):
        pass

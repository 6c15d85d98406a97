"""The log of the desk: what is written of who did what, what is listed, and what is forgotten."""

import hmac
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from digest.database.transactions import Database
from digest.desk.audit import (
    OPERATOR,
    Actor,
    EventShown,
    Sought,
    count_events,
    forget_origins,
    forget_row,
    list_events,
    record,
)
from digest.desk.audit_chain import seal_events
from digest.models import AuditDetail, AuditEvent, AuditPart
from tests.desk.sealed import make_user
from tests.factories import NOW, make_newsletter


def note(session: Session, actor: Actor = OPERATOR, row: int = 7, days_ago: int = 0) -> int:
    return record(
        session,
        actor,
        "issue edit",
        "issue",
        row,
        now=NOW - timedelta(days=days_ago),
        fields=("subject", "send_at"),
        values={"before": "Ferry", "after": "Fähre “Ö”"},
    )


def parts_kept(database: Database) -> list[tuple[int, AuditPart]]:
    with database.reading() as session:
        kept = select(AuditDetail.event_id, AuditDetail.part).order_by(
            AuditDetail.event_id, AuditDetail.part
        )
        return [(event, part) for event, part in session.execute(kept)]


def test_an_event_names_who_which_row_and_which_columns_and_nothing_personal(
    database: Database,
) -> None:
    with database.transaction() as session:
        user = make_user(session)
        note(session, Actor(user, "203.0.113.7"))
    with database.reading() as session:
        event = session.scalars(select(AuditEvent)).one()
        parts = {each.part: each for each in session.scalars(select(AuditDetail))}

    assert (event.user_id, event.verb, event.of_table, event.row_id) == (
        *(user.id, "issue edit", "issue", 7),
    )
    assert event.fields == ["send_at", "subject"]
    # Who has the salt can show that these are the parts; who has not cannot try guesses.
    for part, mac, written in (
        (AuditPart.ORIGIN, event.origin_mac, '{"ip":"203.0.113.7"}'),
        (AuditPart.VALUES, event.values_mac, '{"after":"Fähre “Ö”","before":"Ferry"}'),
    ):
        assert mac == hmac.digest(parts[part].salt, written.encode(), "sha256")
    assert parts[AuditPart.ORIGIN].salt != parts[AuditPart.VALUES].salt
    assert len(parts[AuditPart.ORIGIN].salt) == 32


def test_where_nothing_personal_is_known_nothing_personal_is_kept(database: Database) -> None:
    with database.transaction() as session:
        record(session, OPERATOR, "user disable", "desk_user", 1, now=NOW)
    with database.reading() as session:
        event = session.scalars(select(AuditEvent)).one()

    assert (event.user_id, event.origin_mac, event.values_mac) == (None, None, None)
    assert parts_kept(database) == []


def test_what_is_listed_is_the_newest_first_and_can_be_narrowed(database: Database) -> None:
    with database.transaction() as session:
        newsletter = make_newsletter(session)
        imara, robin = make_user(session), make_user(session, "Robin")
        note(session, Actor(imara, "203.0.113.7"), days_ago=2)
        record(
            session, Actor(robin), "source add", "source", 3, now=NOW - timedelta(days=1),
            newsletter_id=newsletter.id,
        )  # fmt: skip
        record(session, OPERATOR, "user create", "desk_user", None, now=NOW)
    seal_events(database, NOW)
    with database.transaction() as session:
        note(session)
    with database.reading() as session:
        shown = list_events(session, at_most=50)
        by_robin = list_events(session, Sought(user=robin), at_most=50)
        lately = list_events(session, Sought(since=NOW - timedelta(days=1)), at_most=50)
        counts = (
            count_events(session),
            count_events(session, Sought(user=robin)),
            count_events(session, Sought(since=NOW - timedelta(days=1))),
        )
        assert list_events(session, at_most=1) == shown[:1]

    assert [event.verb for event in shown] == (
        ["issue edit", "user create", "source add", "issue edit"]
    )
    assert [event.link for event in shown] == [None, 3, 2, 1]
    assert shown[3] == EventShown(
        id=1, at=NOW - timedelta(days=2), user="Imara Vance-Oduya", by_operator=False,
        email="imara@example.org",
        verb="issue edit", table="issue", row=7, newsletter=None, fields=("send_at", "subject"),
        ip="203.0.113.7", values={"before": "Ferry", "after": "Fähre “Ö”"}, link=1,
    )  # fmt: skip
    assert (shown[2].newsletter, shown[1].user, shown[1].row) == ("editors-digest", None, None)
    assert (by_robin, lately) == ([shown[2]], shown[:3])
    assert counts == (4, 1, 3)


def test_from_where_is_forgotten_after_90_days_and_what_stood_there_is_not(
    database: Database,
) -> None:
    with database.transaction() as session:
        actor = Actor(make_user(session), "203.0.113.7")
        for days in (91, 90, 1):
            note(session, actor, days_ago=days)
    with database.transaction() as session:
        assert forget_origins(session, NOW) == 1
    with database.transaction() as session:
        assert forget_origins(session, NOW) == 0

    origin, values = AuditPart.ORIGIN, AuditPart.VALUES
    assert parts_kept(database) == [(1, values), (2, origin), (2, values), (3, origin), (3, values)]
    with database.reading() as session:
        oldest = list_events(session, at_most=50)[-1]
        newest = list_events(session, at_most=1)[0]
    assert oldest == replace(newest, id=1, at=NOW - timedelta(days=91), ip=None)


def test_what_stood_in_one_row_is_forgotten_with_it(database: Database) -> None:
    with database.transaction() as session:
        actor = Actor(make_user(session), "203.0.113.7")
        for row in (7, 8, 7):
            note(session, actor, row)
    with database.transaction() as session:
        assert forget_row(session, "issue", 7) == 2
        assert forget_row(session, "source", 8) == 0

    origin, values = AuditPart.ORIGIN, AuditPart.VALUES
    assert parts_kept(database) == [(1, origin), (2, origin), (2, values), (3, origin)]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_event SET verb = 'nothing'",
        "UPDATE audit_event SET user_id = user_id WHERE id = 1",
        "DELETE FROM audit_event",
        "UPDATE audit_seal SET sequence = 2",
        "DELETE FROM audit_seal",
    ],
)
def test_the_log_can_only_be_added_to(database: Database, statement: str) -> None:
    with database.transaction() as session:
        record(session, OPERATOR, "user disable", "desk_user", 1, now=NOW)
    seal_events(database, NOW)

    with pytest.raises(DBAPIError, match="insert-only"), database.transaction() as session:
        session.execute(text(statement))
    with database.reading() as session:
        [event] = list_events(session, at_most=50)
    assert (event.verb, event.link) == ("user disable", 1)

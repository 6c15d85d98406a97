"""The chain over the log of the desk: it holds, or what is wrong is named."""

import hashlib
import json
import threading
from datetime import timedelta

import pytest
from sqlalchemy import text

from digest.chain.heads import Head, find_head
from digest.chain.links import chain_lines, write_link
from digest.chain.verifying import Findings, verify_chain
from digest.database.transactions import Database
from digest.desk.audit import OPERATOR, Actor, forget_origins, forget_row, record
from digest.desk.audit_chain import AUDIT, seal_events
from digest.models import AuditEvent
from tests.chain.tampering import (
    Way,
    all_rights,
    assert_each_way_is_found,
    assert_only_the_head_tells,
    common_ways,
    does,
)
from tests.desk.sealed import make_chain, make_events, make_user
from tests.factories import NOW

EVENTS = 2000
CALLED = "event 700 (issue approve, 2026-10-15 06:11 UTC)"


@pytest.fixture
def chain(database: Database) -> Head:
    """A chain of some thousands of events; its head, as it was kept."""
    make_chain(database, EVENTS)
    with database.reading() as session:
        head = find_head(session, AUDIT)
    assert head is not None
    return head


def verified(database: Database, *heads: Head) -> Findings:
    with database.reading() as session:
        return verify_chain(session, AUDIT, NOW, heads=heads)


def test_a_link_is_the_bytes_that_it_always_was(database: Database) -> None:
    event = AuditEvent(
        id=12, at=NOW.replace(microsecond=42), user_id=3, verb="issue approve", of_table="issue",
        row_id=9, newsletter_id=2, fields=["state"], origin_mac=b"o" * 32, values_mac=None,
    )  # fmt: skip
    with database.reading() as session:
        fields = AUDIT.writer(session).fields(event)

    assert write_link(7, b"p" * 32, fields).decode() == (
        '{"at":"2026-11-14T06:00:00.000042+00:00","fields":["state"],"id":12,"newsletter":2,'
        f'"origin_mac":"{"6f" * 32}","previous":"{"70" * 32}","row":9,"sequence":7,'
        '"table":"issue","user":3,"values_mac":null,"verb":"issue approve"}'
    )


def test_an_untouched_chain_holds(database: Database, chain: Head) -> None:
    assert verified(database, chain) == Findings(
        links=EVENTS, last_link=EVENTS, head=chain, with_details=EVENTS, heads_held=1
    )


def altered(column: str, value: str) -> Way:
    return (
        does(f"UPDATE audit_event SET {column} = {value} WHERE id = 700"),
        1,
        "2026-10-15 06:11 UTC) does not fit link 700: it was altered after it was sealed.",
    )


def of_the_parts(change: str, part: str, count: int, what: str) -> Way:
    return (
        does(f"UPDATE audit_detail SET {change} WHERE event_id = 700 AND part {part}"),
        count,
        f"The personal details of {CALLED} are not those that were recorded: {what} was altered.",
    )


FROM_WHERE, VALUES = "where it was done from", "what stood in the row"
TAMPERING: dict[str, Way] = {
    "what was done": altered("verb", "'issue cancel'"),
    "to which table": altered("of_table", "'source'"),
    "to which row": altered("row_id", "701"),
    "to no row": altered("row_id", "NULL"),
    "who did it": altered("user_id", "NULL"),
    "which columns": altered("fields", "'[\"state\"]'"),
    "the columns are no list": altered("fields", "'{\"state\": 1e400}'"),
    "a mac": (
        does("UPDATE audit_event SET origin_mac = values_mac WHERE id = 700"),
        2,
        f"The personal details of {CALLED} are not those that were recorded",
    ),
    "a mac is gone": (
        does("UPDATE audit_event SET values_mac = NULL WHERE id = 700"),
        2,
        f"The personal details of {CALLED} are not those that were recorded: {VALUES} was",
    ),
    "from where": of_the_parts(
        "content = '{\"ip\": \"198.51.100.1\"}'", "= 'origin'", 1, FROM_WHERE
    ),
    "what stood there": of_the_parts("content = '[]'", "= 'values'", 1, VALUES),
    "a salt": of_the_parts("salt = (SELECT origin_mac FROM audit_event WHERE id = 1)", "= 'values'",
                           1, VALUES),
    "both": of_the_parts("content = 'null'", "IN ('origin', 'values')", 2, FROM_WHERE),
} | common_ways(AUDIT, EVENTS, "issue approve", "verb = 'issue cancel'")  # fmt: skip


def test_each_way_of_tampering_is_found_and_its_place_named(
    database: Database, chain: Head
) -> None:
    assert_each_way_is_found(database, AUDIT, TAMPERING, chain)


def test_a_cut_tail_and_a_rewritten_log_are_seen_by_the_head_alone(
    database: Database, chain: Head
) -> None:
    assert_only_the_head_tells(database, AUDIT, TAMPERING)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_event SET at = 'yesterday' WHERE id = 700",
        "UPDATE audit_event SET fields = 'state' WHERE id = 700",
        "UPDATE audit_event SET fields = 7 WHERE id = 700",
        "UPDATE audit_event SET values_mac = 'a text' WHERE id = 700",
        "UPDATE audit_detail SET content = 'a text' WHERE event_id = 700 AND part = 'origin'",
        "UPDATE audit_detail SET content = replace(hex(zeroblob(50000)), '0', '[') "
        "WHERE event_id = 700 AND part = 'values'",
    ],
)
def test_what_cannot_even_be_read_is_named(database: Database, chain: Head, statement: str) -> None:
    with all_rights(database) as session:
        session.execute(text(statement))
        found = verify_chain(session, AUDIT, NOW, heads=[chain])

    assert not found.holds
    assert {problem.record for problem in found.problems} == {700}
    assert (found.links, found.heads_held) == (EVENTS, 1)


def test_what_is_forgotten_is_no_mistake(database: Database, chain: Head) -> None:
    with database.transaction() as session:
        # Those of the first three minutes.
        gone = forget_origins(session, NOW + timedelta(days=60, minutes=3))
        assert 0 < gone < EVENTS
    assert verified(database, chain) == Findings(
        links=EVENTS, last_link=EVENTS, head=chain, with_details=EVENTS, heads_held=1
    )
    with database.transaction() as session:
        forget_origins(session, NOW + timedelta(days=100))
        assert forget_row(session, "issue", 700) == 1
    assert verified(database, chain) == Findings(
        links=EVENTS, last_link=EVENTS, head=chain, with_details=EVENTS - 1, heads_held=1
    )


def test_events_with_one_part_or_none_hold_too(database: Database) -> None:
    with database.transaction() as session:
        user = make_user(session)
        record(session, OPERATOR, "user create", "desk_user", user.id, now=NOW)
        record(session, Actor(user, "203.0.113.7"), "user sign in", "desk_user", 1, now=NOW)
        record(session, OPERATOR, "user edit", "desk_user", 1, now=NOW, values={"name": "Mina"})
    assert verified(database).unsealed == 3
    assert seal_events(database, NOW) == 3

    found = verified(database)
    assert (found.holds, found.links, found.with_details, found.unsealed) == (True, 3, 2, 0)


def test_parts_of_what_is_not_sealed_yet_are_held_against_their_event(database: Database) -> None:
    with database.transaction() as session:
        make_events(session, make_user(session), 3)
        session.execute(text("UPDATE audit_detail SET content = '{}' WHERE event_id = 2"))
    with database.reading() as session:
        found = verify_chain(session, AUDIT, NOW - timedelta(days=30))

    assert [(problem.kind, problem.record) for problem in found.problems] == (
        [("details", 2), ("details", 2)]
    )


def test_sealing_by_two_ticks_at_once_makes_one_chain(database: Database) -> None:
    with database.transaction() as session:
        make_events(session, make_user(session), 1500)
    start = threading.Barrier(3)

    def tick() -> None:
        start.wait()
        while seal_events(database, NOW):
            pass

    threads = [threading.Thread(target=tick) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    found = verified(database)
    assert (found.holds, found.links, found.unsealed) == (True, 1500, 0)


def test_a_stranger_can_check_the_lines_that_are_exported(database: Database) -> None:
    make_chain(database, 20)
    with database.reading() as session:
        lines = [line.rstrip("\n") for line in chain_lines(session, AUDIT)]
        head = find_head(session, AUDIT)

    previous = "0" * 64
    for number, line in enumerate(lines, start=1):
        link = json.loads(line)
        assert (link["previous"], link["sequence"], link["id"]) == (previous, number, number)
        previous = hashlib.sha256(line.encode()).hexdigest()
    assert head == Head(20, previous)
    assert "203.0.113" not in "".join(lines)
    assert "Ferry" not in "".join(lines)

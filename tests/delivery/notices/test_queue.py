"""Whoever takes notices reads those that it takes, however many wait."""

from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from digest.database.transactions import HeldDatabase
from digest.delivery.notices import queue
from digest.delivery.notices.letters import read_letters
from digest.delivery.notices.sending import notices_due
from digest.delivery.relay.connection import Fate, Outcome, Reply, Stage
from digest.models import Notice, NoticeState
from tests.delivery.conftest import Press
from tests.delivery.ledger.test_plans import plan, statements
from tests.delivery.notices.test_sending import queue_many
from tests.factories import make_newsletter

WAITING = 20_000
# Longest due first; every fourth is for later, and as many are done.
FILL = """
    WITH RECURSIVE numbers (n) AS
        (SELECT CAST(1 AS BIGINT) UNION ALL SELECT n + 1 FROM numbers WHERE n < :count)
    INSERT INTO notice (token_id, kind, to_address, newsletter_id, state, attempts, created_at,
                        released_at, next_attempt_at)
    SELECT {id}, 'fresh_link', 'robin@example.org', 1,
           CASE n % 4 WHEN 1 THEN 'accepted' ELSE 'queued' END, 0, {now}, {now},
           CASE n % 4 WHEN 0 THEN {later} ELSE {now} END
    FROM numbers
"""
WORDS = {
    "sqlite": {
        "id": "randomblob(16)",
        "now": "strftime('%Y-%m-%d %H:%M:%f000', 'now', '-1 hour', (n % 977) || ' seconds')",
        "later": "strftime('%Y-%m-%d %H:%M:%f000', 'now', '+1 hour')",
    },
    "postgresql": {
        "id": "decode(md5('notice ' || n), 'hex')",
        "now": "now() - interval '1 hour' + n % 977 * interval '1 second'",
        "later": "now() + interval '1 hour'",
    },
}
READ = """
    SELECT idx_tup_read FROM pg_stat_user_indexes WHERE indexrelname = 'ix_notice_open'
    UNION ALL SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'notice'
"""


@pytest.fixture
def filled(press: Press) -> Press:
    with press.database.transaction() as session:
        make_newsletter(session)
        words = WORDS["sqlite" if press.database.is_sqlite else "postgresql"]
        session.execute(text(FILL.format(**words)), {"count": WAITING})
        session.execute(text("ANALYZE"))
    return press


def claim(session: Session, press: Press, token: bytes = b"1" * 16) -> list[int]:
    return queue.claim(session, token, press.settings, 25)


def plans(press: Press, seen: list[tuple[str, Any]]) -> list[str]:
    """Return how what asked for notices is done; of what was run for many, how for one."""
    return [
        plan(press.database, statement, each[0] if isinstance(each, list) else each)
        for statement, each in seen
        if "notice" in statement
    ]


def test_those_that_wait_longest_are_taken_first(filled: Press) -> None:
    with filled.database.transaction() as session:
        due = select(Notice.id).where(
            Notice.state == NoticeState.QUEUED, Notice.next_attempt_at < func.current_timestamp()
        )
        moments = select(Notice.next_attempt_at).order_by(Notice.next_attempt_at)
        first = session.scalars(moments.where(Notice.id.in_(due)).limit(25)).all()
        taken = claim(session, filled)
        assert session.scalars(moments.where(Notice.id.in_(taken))).all() == first
        assert claim(session, filled, b"2" * 16) != taken


def test_nobody_sorts_or_reads_all_that_waits_to_take_a_window(filled: Press) -> None:
    token = b"1" * 16
    with statements(filled.database) as taking, filled.database.transaction() as session:
        assert notices_due(session, filled.settings)
        taken = claim(session, filled, token)
    found = plans(filled, taking)
    assert len(found) == 2
    for each in found:
        assert "ix_notice_open" in each
        assert "Sort" not in each
        assert "B-TREE" not in each
    with statements(filled.database) as working, filled.database.transaction() as session:
        letters = read_letters(filled.database, token, taken, filled.links)
        accepted = Fate.ACCEPTED, Reply(250, None, "Ok"), Stage.FINAL_DOT
        told = [(letter, Outcome(letter.notice_id, *accepted)) for letter in letters]
        queue.write_down(session, queue.Told(token, told))
    found += plans(filled, working)
    assert len(found) >= 4
    for each in found:
        assert "Seq Scan on notice" not in each
        assert "SCAN notice" not in each


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_the_plans_that_a_clerk_keeps_read_what_they_take(filled: Press) -> None:
    def so_far(held: HeldDatabase) -> list[Any]:
        with held.reading() as session:
            session.execute(text("SELECT pg_stat_force_next_flush()"))
        with filled.database.reading() as session:
            return list(session.scalars(text(READ)))

    with filled.database.held() as held:
        read, scans = so_far(held)
        for number in range(8):
            with held.transaction() as session:
                assert len(claim(session, filled, bytes([number]) * 16)) == 25
        read_then, scans_then = so_far(held)
    # What was taken before is looked at until somebody has cleared it away.
    assert read_then - read <= 25 * (8 + 7 * 8 / 2 * 2)
    assert scans_then == scans


def test_what_is_put_off_leaves_alone_what_others_have(press: Press) -> None:
    queue_many(press, 3)
    with press.database.transaction() as session:
        [first] = queue.claim(session, b"1" * 16, press.settings, 1)
        [second] = queue.claim(session, b"2" * 16, press.settings, 1)
        queue.put_off(session, b"2" * 16)
        claims = {row.id: row.claim for row in session.execute(select(Notice.id, Notice.claim))}
        assert claims[first] == b"1" * 16
        assert claims[second] is None
        assert not queue.is_due(session, press.settings)

"""Why readers left: counted once for each time, and not noted with their names."""

from datetime import timedelta

from digest.database.transactions import Database
from digest.models import Farewell, LeavingReason, Newsletter, Subscription
from digest.readers.preferences.farewells import tell_reason
from digest.readers.preferences.leaving import leave, undo_leaving
from digest.readers.preferences.standing import look_at_standing
from digest.readers.preferences.told import reasons_told
from tests.factories import NOW
from tests.readers.conftest import EVIDENCE, ReadersDesk


def tell(desk: ReadersDesk, period: Subscription, reason: LeavingReason) -> bool:
    with desk.database.transaction() as session:
        return tell_reason(session, period.token_id, reason, now=desk.clock.now())


def leave_it(desk: ReadersDesk, period: Subscription) -> None:
    with desk.database.transaction() as session:
        leave(session, period.token_id, EVIDENCE, now=desk.clock.now())


def test_reasons_are_counted_by_month(desk: ReadersDesk, newsletter: Newsletter) -> None:
    for email, reason in (
        ("robin@example.org", LeavingReason.TOO_OFTEN),
        ("mina@example.com", LeavingReason.NO_TIME),
        ("joss@example.com", LeavingReason.NO_TIME),
    ):
        period = desk.subscribe(email)
        leave_it(desk, period)
        assert tell(desk, period, reason)
    desk.clock.advance(timedelta(days=20))
    period = desk.subscribe("odile@example.com")
    leave_it(desk, period)
    assert tell(desk, period, LeavingReason.ELSEWHERE)

    with desk.database.reading() as session:
        assert reasons_told(session, newsletter.id) == {
            "2026-12": {"elsewhere": 1},
            "2026-11": {"no_time": 2, "too_often": 1},
        }
    assert {column.name for column in Farewell.__table__.columns} == {
        "newsletter_id",
        "month",
        "reason",
        "readers",
    }, "no name, no address, no moment"


def test_nobody_answers_twice_or_without_having_left(desk: ReadersDesk) -> None:
    period = desk.subscribe()
    assert not tell(desk, period, LeavingReason.NO_TIME)
    leave_it(desk, period)
    assert tell(desk, period, LeavingReason.NO_TIME)
    assert not tell(desk, period, LeavingReason.TOO_OFTEN)
    assert [row.readers for row in desk.rows(Farewell)] == [1]


def test_the_question_stands_until_it_is_answered_and_again_after_coming_back(
    desk: ReadersDesk, database: Database
) -> None:
    def asks(period: Subscription) -> bool:
        with database.reading() as session:
            return look_at_standing(session, period.token_id, now=NOW).why is not None

    period = desk.subscribe()
    assert not asks(period)
    leave_it(desk, period)
    assert asks(period)
    tell(desk, period, LeavingReason.NO_TIME)
    assert not asks(period)
    with database.transaction() as session:
        undo_leaving(session, period.token_id, EVIDENCE, now=NOW)
    leave_it(desk, period)
    assert asks(period)

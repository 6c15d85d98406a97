"""Sessions: how long they last, what ends them, and what a stolen or planted secret opens."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from digest.database.transactions import Database
from digest.desk.sessions import (
    AT_MOST,
    HALF_OPEN,
    IDLE,
    PROOF_LASTS,
    Browser,
    end_session,
    end_sessions,
    find_session,
    forget_sessions,
    is_proved_lately,
    list_sessions,
    note_seen,
    open_session,
    prove,
)
from digest.models import DeskSession, Role, User
from tests.desk.conftest import Hire
from tests.factories import NOW

A_SECOND = timedelta(seconds=1)
PHONE = Browser("192.0.2.7", "A browser")


@pytest.fixture
def imara(hire: Hire) -> int:
    return hire("Imara", Role.OWNER)


def begin(database: Database, user_id: int, *, proved: bool = True) -> tuple[int, str]:
    with database.transaction() as session:
        user = session.get_one(User, user_id)
        opened, secret = open_session(session, user, PHONE, now=NOW, proved=proved)
        return opened.id, secret


def is_open(database: Database, secret: str | None, later: timedelta = timedelta()) -> bool:
    with database.reading() as session:
        return find_session(session, secret, now=NOW + later) is not None


def test_it_ends_after_twelve_idle_hours(database: Database, imara: int) -> None:
    session_id, secret = begin(database, imara)
    assert is_open(database, secret, IDLE - A_SECOND)
    assert not is_open(database, secret, IDLE)
    with database.transaction() as session:
        note_seen(session, session_id, NOW + IDLE - A_SECOND)
    assert is_open(database, secret, IDLE + IDLE - 2 * A_SECOND)


def test_it_ends_after_fourteen_days_however_much_it_is_used(
    database: Database, imara: int
) -> None:
    session_id, secret = begin(database, imara)
    with database.transaction() as session:
        note_seen(session, session_id, NOW + AT_MOST - A_SECOND)
    assert is_open(database, secret, AT_MOST - A_SECOND)
    assert not is_open(database, secret, AT_MOST)


def test_a_look_in_the_past_makes_it_no_older(database: Database, imara: int) -> None:
    session_id, secret = begin(database, imara)
    with database.transaction() as session:
        note_seen(session, session_id, NOW - timedelta(days=1))
    assert is_open(database, secret)


@pytest.mark.parametrize("secret", [None, "", "x", "x" * 101, "\x00", "\ud800"])
def test_any_other_secret_opens_nothing(database: Database, imara: int, secret: str | None) -> None:
    begin(database, imara)
    assert not is_open(database, secret)


def test_half_open_it_lasts_ten_minutes_and_is_in_no_list(database: Database, imara: int) -> None:
    _, secret = begin(database, imara, proved=False)
    with database.reading() as session:
        found = find_session(session, secret, now=NOW)
        assert found is not None
        assert found.proved_at is None
        assert list_sessions(session, found.user, now=NOW) == []
    assert not is_open(database, secret, HALF_OPEN)


def test_the_secret_changes_when_the_user_proves_who_they_are(
    database: Database, imara: int
) -> None:
    session_id, planted = begin(database, imara, proved=False)
    with database.transaction() as session:
        secret = prove(session, session.get_one(DeskSession, session_id), now=NOW)
    assert not is_open(database, planted)
    assert is_open(database, secret, IDLE - A_SECOND)
    with database.reading() as session:
        found = find_session(session, secret, now=NOW)
        assert found is not None
        assert is_proved_lately(found, NOW + PROOF_LASTS - A_SECOND)
        assert not is_proved_lately(found, NOW + PROOF_LASTS)


def test_one_is_ended_from_elsewhere_or_all_but_one(
    database: Database, imara: int, hire: Hire
) -> None:
    joss = hire("Joss", Role.EDITOR)
    first, first_secret = begin(database, imara)
    second, second_secret = begin(database, imara)
    _, third_secret = begin(database, imara)
    with database.transaction() as session:
        assert not end_session(session, session.get_one(User, joss), first, now=NOW)
        assert end_session(session, session.get_one(User, imara), first, now=NOW)
        assert not end_session(session, session.get_one(User, imara), first, now=NOW)
    assert [is_open(database, each) for each in (first_secret, second_secret)] == [False, True]
    with database.transaction() as session:
        user, keep = session.get_one(User, imara), session.get_one(DeskSession, second)
        assert end_sessions(session, user, now=NOW, keep=keep) == 1
        assert [each.id for each in list_sessions(session, user, now=NOW)] == [second]
    assert not is_open(database, third_secret)


def test_what_is_over_is_forgotten_with_where_it_was(database: Database, imara: int) -> None:
    begin(database, imara)
    with database.transaction() as session:
        forget_sessions(session, now=NOW + IDLE - A_SECOND)
        assert session.scalar(select(func.count()).select_from(DeskSession)) == 1
        forget_sessions(session, now=NOW + IDLE + A_SECOND)
        assert session.scalar(select(func.count()).select_from(DeskSession)) == 0


def test_the_secret_itself_is_not_kept(database: Database, imara: int) -> None:
    session_id, secret = begin(database, imara)
    with database.reading() as session:
        kept = session.get_one(DeskSession, session_id)
        assert secret.encode() not in kept.secret_hash
        assert (kept.ip, kept.user_agent) == ("192.0.2.7", "A browser")

"""Links to a password: good once, for a while; at most three are mailed a day."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from digest.database.transactions import Database
from digest.desk import second_factor
from digest.desk.audit import OPERATOR
from digest.desk.links import (
    ASKED_LASTS,
    GIVEN_LASTS,
    LinkState,
    ask_for_link,
    choose_password,
    look_at_link,
    make_link,
)
from digest.desk.sessions import Browser, find_session, open_session
from digest.desk.users import disable_user
from digest.models import Notice, NoticeKind, Role, User, UserLink
from digest.vault import Vault
from tests.desk.conftest import Hire, user_of, verbs
from tests.factories import KEYS, NOW, SUPPRESSION_KEY, make_newsletter

A_SECOND = timedelta(seconds=1)


@pytest.fixture
def imara(database: Database, hire: Hire) -> int:
    with database.transaction() as session:
        make_newsletter(session)
    return hire("Imara", Role.OWNER)


def give(database: Database, user_id: int) -> bytes:
    with database.transaction() as session:
        return make_link(session, OPERATOR, session.get_one(User, user_id), now=NOW).token_id


def ask(database: Database, typed: str, now: datetime = NOW) -> None:
    with database.transaction() as session:
        ask_for_link(session, typed, now=now, suppression=SUPPRESSION_KEY, ip=None)


def mailed(database: Database) -> list[Notice]:
    with database.reading() as session:
        return list(session.scalars(select(Notice).where(Notice.kind == NoticeKind.USER_LINK)))


def state(database: Database, token_id: bytes, later: timedelta = timedelta()) -> LinkState | None:
    with database.reading() as session:
        link = look_at_link(session, token_id, now=NOW + later)
    return link.state if link else None


def choose(database: Database, token_id: bytes, later: timedelta = timedelta()) -> bool:
    with database.transaction() as session:
        return choose_password(session, token_id, "hash", now=NOW + later, ip=None) is not None


def test_one_that_is_given_is_good_once_for_three_days(database: Database, imara: int) -> None:
    token_id = give(database, imara)
    assert state(database, token_id, GIVEN_LASTS - A_SECOND) is LinkState.WAITING
    assert state(database, token_id, GIVEN_LASTS) is LinkState.EXPIRED
    assert not choose(database, token_id, GIVEN_LASTS)
    assert choose(database, token_id)
    assert state(database, token_id) is LinkState.SPENT
    assert not choose(database, token_id)
    assert user_of(database, imara).password_hash == "hash"
    assert verbs(database) == ["user create", "user link", "user choose password"]


def test_another_takes_its_place(database: Database, imara: int) -> None:
    before, after = give(database, imara), give(database, imara)
    assert (state(database, before), state(database, after)) == (
        LinkState.SPENT,
        LinkState.WAITING,
    )


def test_pressed_twice_at_the_same_moment_it_is_spent_once(database: Database, imara: int) -> None:
    token_id = give(database, imara)
    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(lambda _: choose(database, token_id), range(4))) == 1


def test_a_new_password_ends_every_session_and_no_second_factor(
    database: Database, imara: int
) -> None:
    with database.transaction() as session:
        user = session.get_one(User, imara)
        _, secret = open_session(session, user, Browser(), now=NOW, proved=True)
        user.totp_secret = Vault(KEYS).seal(b"x", "totp")
        user.totp_since = NOW
    assert choose(database, give(database, imara))
    with database.reading() as session:
        assert find_session(session, secret, now=NOW) is None
    assert second_factor.is_asked_for(user_of(database, imara))


def test_who_is_disabled_has_no_link(database: Database, imara: int, hire: Hire) -> None:
    joss = hire("Joss", Role.EDITOR)
    token_id = give(database, joss)
    with database.transaction() as session:
        disable_user(session, OPERATOR, session.get_one(User, joss), now=NOW)
    assert state(database, token_id) is None
    assert not choose(database, token_id)
    ask(database, "joss@example.org")
    assert mailed(database) == []


def test_forgotten_it_is_mailed_for_half_an_hour(database: Database, imara: int) -> None:
    ask(database, "Imara@Example.org")
    [notice] = mailed(database)
    assert notice.to_address == "imara@example.org"
    with database.reading() as session:
        link = session.scalars(select(UserLink)).one()
    assert link.token_id == notice.token_id
    assert state(database, link.token_id, ASKED_LASTS - A_SECOND) is LinkState.WAITING
    assert state(database, link.token_id, ASKED_LASTS) is LinkState.EXPIRED


def test_it_is_mailed_three_times_a_day_at_most(database: Database, imara: int) -> None:
    for hour in range(5):
        ask(database, "imara@example.org", NOW + timedelta(hours=hour))
    assert len(mailed(database)) == 3
    ask(database, "imara@example.org", NOW + timedelta(hours=24, seconds=1))
    assert len(mailed(database)) == 4


def test_of_many_who_ask_at_once_three_are_mailed(database: Database, imara: int) -> None:
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: ask(database, "imara@example.org"), range(6)))
    assert 1 <= len(mailed(database)) <= 3


@pytest.mark.parametrize("typed", ["joss@example.org", "no address", "", "x" * 1000])
def test_strangers_get_nothing(database: Database, imara: int, typed: str) -> None:
    ask(database, typed)
    assert mailed(database) == []
    assert verbs(database) == ["user create"]

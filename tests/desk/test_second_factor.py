"""Codes by the clock, each good once; and recovery codes, each good once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pyotp
import pytest

from digest.database.transactions import Database
from digest.desk import second_factor
from digest.models import Role, User
from digest.vault import Vault
from tests.desk.conftest import Hire, user_of
from tests.factories import KEYS, NOW

VAULT = Vault(KEYS)
STEP = timedelta(seconds=30)


@pytest.fixture
def imara(hire: Hire) -> int:
    return hire("Imara", Role.OWNER)


def begin(database: Database, user_id: int) -> str:
    with database.transaction() as session:
        return second_factor.begin(session, session.get_one(User, user_id), VAULT)


def set_up(database: Database, user_id: int) -> str:
    secret = begin(database, user_id)
    with database.transaction() as session:
        code = pyotp.TOTP(secret).at(NOW)
        user = session.get_one(User, user_id)
        assert second_factor.confirm(session, user, VAULT, code, NOW)
    return secret


def use(database: Database, user_id: int, typed: str, later: timedelta) -> str | None:
    with database.transaction() as session:
        user = session.get_one(User, user_id)
        return second_factor.use_code(session, user, VAULT, typed, NOW + later)


def test_it_is_not_asked_for_until_a_code_has_proved_it(database: Database, imara: int) -> None:
    secret = begin(database, imara)
    assert not second_factor.is_asked_for(user_of(database, imara))
    assert use(database, imara, pyotp.TOTP(secret).at(NOW), timedelta()) is None
    with database.transaction() as session:
        user = session.get_one(User, imara)
        assert not second_factor.confirm(session, user, VAULT, "000000", NOW)
    set_up(database, imara)
    assert second_factor.is_asked_for(user_of(database, imara))


def test_a_code_is_good_once_and_so_is_none_before_it(database: Database, imara: int) -> None:
    totp = pyotp.TOTP(set_up(database, imara))
    assert use(database, imara, totp.at(NOW), timedelta()) is None, "it set it up"
    later = 10 * STEP
    code, earlier = totp.at(NOW + later), totp.at(NOW + later - STEP)
    assert use(database, imara, f" {code[:3]} {code[3:]} ", later) == "totp"
    assert use(database, imara, code, later) is None
    assert use(database, imara, earlier, later) is None


@pytest.mark.parametrize(("steps", "good"), [(-2, False), (-1, True), (1, True), (2, False)])
def test_a_clock_may_be_one_step_off(
    database: Database, imara: int, steps: int, good: bool
) -> None:
    totp, later = pyotp.TOTP(set_up(database, imara)), 10 * STEP
    code = totp.at(NOW + later + steps * STEP)
    assert (use(database, imara, code, later) == "totp") is good


def test_of_two_at_the_same_moment_one_is_let_in(database: Database, imara: int) -> None:
    totp, later = pyotp.TOTP(set_up(database, imara)), 10 * STEP
    code = totp.at(NOW + later)
    with ThreadPoolExecutor(4) as pool:
        used = list(pool.map(lambda _: use(database, imara, code, later), range(4)))
    assert sorted(map(str, used)) == ["None", "None", "None", "totp"]


def test_a_recovery_code_stands_in_once_however_it_is_typed(database: Database, imara: int) -> None:
    set_up(database, imara)
    with database.transaction() as session:
        user = session.get_one(User, imara)
        before = second_factor.new_recovery_codes(session, user)
        codes = second_factor.new_recovery_codes(session, user)
    assert len(set(codes)) == 10
    assert use(database, imara, before[0], timedelta()) is None, "others took their place"
    assert use(database, imara, codes[0].upper().replace("-", " "), timedelta()) == "recovery"
    assert use(database, imara, codes[0], timedelta()) is None
    with database.reading() as session:
        assert second_factor.recovery_codes_left(session, session.get_one(User, imara)) == 9


@pytest.mark.parametrize("typed", ["", "000000", "x" * 41, "١٢٣٤٥٦", "\x00", "\ud800"])
def test_anything_else_is_no_code(database: Database, imara: int, typed: str) -> None:
    set_up(database, imara)
    assert use(database, imara, typed, timedelta()) is None


def test_the_secret_is_sealed_and_goes_when_it_is_switched_off(
    database: Database, imara: int
) -> None:
    secret = set_up(database, imara)
    kept = user_of(database, imara).totp_secret
    assert kept is not None
    assert secret.encode() not in kept
    with database.transaction() as session:
        user = session.get_one(User, imara)
        codes = second_factor.new_recovery_codes(session, user)
        second_factor.switch_off(session, user)
    assert not second_factor.is_asked_for(user_of(database, imara))
    assert user_of(database, imara).totp_secret is None
    assert use(database, imara, codes[0], timedelta()) is None


def test_an_authenticator_reads_whose_it_is(database: Database, imara: int) -> None:
    secret = begin(database, imara)
    address = second_factor.address_of(secret, user_of(database, imara), "The Halyard")
    read = pyotp.parse_uri(address)
    assert (read.issuer, read.name, read.secret) == ("The Halyard", "imara@example.org", secret)

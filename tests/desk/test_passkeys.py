"""Passkeys: made, used, each answer good once; and never the last way in taken away."""

import json
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from digest.database.transactions import Database
from digest.desk import passkeys
from digest.desk.audit import OPERATOR, Actor
from digest.desk.ceremonies import (
    LASTS,
    Asker,
    BadAnswerError,
    Site,
    Use,
    ask_to_add,
    ask_to_sign,
    read_answer,
)
from digest.desk.links import drop_password
from digest.desk.sessions import forget_spent
from digest.desk.users import count_passkeys, disable_user
from digest.errors import FieldError, RefusedError
from digest.models import Passkey, Role, SpentChallenge, User
from digest.tokens import KeyRing
from tests.desk.authenticator import BACKED_UP, ELIGIBLE, PRESENT, VERIFIED, Authenticator
from tests.desk.conftest import Hire, user_of, verbs
from tests.factories import KEYS, NOW

SITE = Site("localhost", "http://localhost:8000", "The Halyard")
RING = KeyRing(KEYS)
SYNCED = PRESENT | VERIFIED | ELIGIBLE | BACKED_UP


def asker(use: Use, later: timedelta = timedelta(), bound: str = "a browser") -> Asker:
    return Asker(SITE, RING, use, bound, NOW + later)


def use_in(
    database: Database, by: Asker, token: str, answer: str, user_id: int | None = None
) -> int | None:
    with database.transaction() as session:
        user = session.get_one(User, user_id) if user_id else None
        read = read_answer(answer)
        shown = passkeys.use_passkey(session, by, token, read, ip="192.0.2.1", user=user)
        return shown.id if shown else None


@dataclass
class Holder:
    """A user, and what they hold in their hand."""

    database: Database
    user_id: int
    key: Authenticator = field(default_factory=Authenticator)

    def asked_to_add(self, by: Asker) -> dict[str, Any]:
        with self.database.transaction() as session:
            user = session.get_one(User, self.user_id)
            passkeys.give_handle(session, user)
            return ask_to_add(by, user, passkeys.list_passkeys(session, user))

    def add(self, name: str = "Phone", **asked_by: Any) -> Passkey | None:
        by = asker(Use.ADD)
        asked = self.asked_to_add(by)
        answer = self.key.make(asked["publicKey"])
        return self.bring(replace(by, **asked_by), asked["token"], answer, name)

    def bring(self, by: Asker, token: str, answer: str, name: str = "Phone") -> Passkey | None:
        with self.database.transaction() as session:
            user = session.get_one(User, self.user_id)
            return passkeys.add_passkey(session, Actor(user), user, by, token, answer, name)

    def signed(self, use: Use = Use.SIGN_IN) -> tuple[str, str]:
        asked = ask_to_sign(asker(use))
        return asked["token"], self.key.sign(asked["publicKey"])

    def signs_in(self) -> bool:
        token, answer = self.signed()
        return use_in(self.database, asker(Use.SIGN_IN), token, answer) == self.user_id

    def kept(self) -> list[Passkey]:
        with self.database.reading() as session:
            return passkeys.list_passkeys(session, session.get_one(User, self.user_id))

    def remove(self, passkey: Passkey) -> bool:
        with self.database.transaction() as session:
            user = session.get_one(User, self.user_id)
            return passkeys.remove_passkey(session, Actor(user), user, passkey.id, now=NOW)

    def drop_password(self) -> None:
        with self.database.transaction() as session:
            user = session.get_one(User, self.user_id)
            drop_password(session, Actor(user), user, now=NOW)

    def choose_password(self) -> None:
        with self.database.transaction() as session:
            session.get_one(User, self.user_id).password_hash = "a hash"


@pytest.fixture
def imara(database: Database, hire: Hire) -> Holder:
    return Holder(database, hire("Imara", Role.OWNER))


@pytest.fixture
def joss(database: Database, hire: Hire, imara: Holder) -> Holder:
    return Holder(database, hire("Joss", Role.EDITOR))


def test_a_passkey_is_added_and_signs_its_user_in_alone(imara: Holder, joss: Holder) -> None:
    imara.add("  Imara’s   phone ")
    joss.add()
    assert imara.signs_in()
    assert joss.signs_in()
    [kept] = imara.kept()
    assert (kept.name, kept.transports, kept.sign_count) == (
        "Imara’s phone",
        ["internal", "hybrid"],
        1,
    )
    assert (kept.created_at, kept.used_at, kept.syncs, kept.backed_up) == (NOW, NOW, False, False)
    assert verbs(imara.database)[2:] == ["passkey add", "passkey add"]


def test_it_has_to_be_discoverable_and_to_ask_who_it_is(imara: Holder) -> None:
    asked = imara.asked_to_add(asker(Use.ADD))["publicKey"]
    chosen = asked["authenticatorSelection"]
    assert (chosen["residentKey"], chosen["userVerification"]) == ("required", "required")
    assert asked["rp"] == {"name": "The Halyard", "id": "localhost"}
    assert ask_to_sign(asker(Use.SIGN_IN))["publicKey"]["userVerification"] == "required"
    imara.key.flags = PRESENT
    assert imara.add() is None
    imara.key.flags = PRESENT | VERIFIED
    assert imara.add() is not None
    imara.key.flags = PRESENT
    assert not imara.signs_in()


def test_the_authenticator_is_told_which_are_there_already(imara: Holder) -> None:
    imara.add()
    [known] = imara.asked_to_add(asker(Use.ADD))["publicKey"]["excludeCredentials"]
    assert known["transports"] == ["internal", "hybrid"]
    handle = user_of(imara.database, imara.user_id).passkey_handle
    imara.key = Authenticator()
    imara.add()
    assert user_of(imara.database, imara.user_id).passkey_handle == handle == imara.key.handle


@pytest.mark.parametrize(
    "wrong",
    [
        {"origin": "https://localhost:8000"},
        {"origin": "http://localhost:9000"},
        {"host": "example.org"},
    ],
)
def test_what_another_site_had_signed_is_refused(imara: Holder, wrong: dict[str, Any]) -> None:
    imara.key = Authenticator(**wrong)
    assert imara.add() is None
    imara.key = Authenticator()
    imara.add()
    for name, value in wrong.items():
        setattr(imara.key, name, value)
    assert not imara.signs_in()
    assert verbs(imara.database)[-1] == "passkey refuse"


@pytest.mark.parametrize(
    "other",
    [{"use": Use.SIGN_IN}, {"bound": "another browser"}, {"now": NOW + LASTS}],
)
def test_a_challenge_is_for_one_use_one_browser_and_five_minutes(
    imara: Holder, other: dict[str, Any]
) -> None:
    assert imara.add(**other) is None
    assert imara.kept() == []
    imara.add()
    wrong = {"use": Use.AGAIN} if "use" in other else other
    token, answer = imara.signed()
    assert use_in(imara.database, replace(asker(Use.SIGN_IN), **wrong), token, answer) is None


def test_an_answer_is_good_once(imara: Holder) -> None:
    by = asker(Use.ADD)
    asked = imara.asked_to_add(by)
    made = imara.key.make(asked["publicKey"])
    assert imara.bring(by, asked["token"], made) is not None
    imara.key.step = 0
    assert imara.bring(by, asked["token"], made) is None
    token, answer = imara.signed()
    assert use_in(imara.database, asker(Use.SIGN_IN), token, answer) == imara.user_id
    assert use_in(imara.database, asker(Use.SIGN_IN), token, answer) is None
    other, _ = imara.signed()
    assert use_in(imara.database, asker(Use.SIGN_IN), other, answer) is None


def test_of_one_answer_brought_twice_at_a_time_one_is_taken(imara: Holder) -> None:
    # A passkey that never counts: the challenge alone has to stop it.
    imara.key.step = 0
    imara.add()
    token, answer = imara.signed()
    with ThreadPoolExecutor(4) as pool:
        shown = list(
            pool.map(lambda _: use_in(imara.database, asker(Use.SIGN_IN), token, answer), range(4))
        )
    assert sorted(map(str, shown)) == sorted([str(imara.user_id), "None", "None", "None"])


def _bring(url: str, token: str, answer: str) -> int | None:
    database = Database(url)
    try:
        return use_in(database, asker(Use.SIGN_IN), token, answer)
    finally:
        database.dispose()


def test_nor_is_it_taken_twice_by_two_processes(imara: Holder) -> None:
    imara.key.step = 0
    imara.add()
    token, answer = imara.signed()
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        shown = pool.starmap(_bring, [(imara.database.url, token, answer)] * 4, chunksize=1)
    assert [each for each in shown if each is not None] == [imara.user_id]


def test_a_key_that_counts_back_was_copied(imara: Holder) -> None:
    imara.key.count = 7
    imara.add()
    assert imara.signs_in()
    imara.key.count = 6
    assert not imara.signs_in(), "7 again"
    imara.key.count, imara.key.step = 0, 0
    assert not imara.signs_in(), "no count any more"
    assert verbs(imara.database)[-2:] == ["passkey refuse (counts back)"] * 2
    imara.key.count, imara.key.step = 8, 1
    assert imara.signs_in()


def test_one_that_is_synced_may_count_as_it_likes(imara: Holder) -> None:
    imara.key.flags, imara.key.count = SYNCED, 7
    imara.add()
    imara.key.count = 3
    assert imara.signs_in()
    imara.key.flags = SYNCED & ~BACKED_UP
    assert imara.signs_in()
    [kept] = imara.kept()
    assert (kept.syncs, kept.backed_up) == (True, False)
    imara.key.flags = PRESENT | VERIFIED
    assert not imara.signs_in(), "it cannot become one that does not sync"


def test_to_prove_it_once_more_takes_ones_own(imara: Holder, joss: Holder) -> None:
    imara.add()
    joss.add()
    by = asker(Use.AGAIN)
    token, answer = joss.signed(Use.AGAIN)
    assert use_in(imara.database, by, token, answer, imara.user_id) is None
    token, answer = imara.signed(Use.AGAIN)
    assert use_in(imara.database, by, token, answer, imara.user_id) == imara.user_id


def test_a_key_says_whose_it_is(imara: Holder, joss: Holder) -> None:
    imara.add()
    joss.add()
    imara.key.handle = joss.key.handle
    assert not imara.signs_in()


def test_a_signature_by_another_key_is_refused(imara: Holder) -> None:
    imara.add()
    imara.key.key = Authenticator().key
    assert not imara.signs_in()


def test_who_is_disabled_does_not_get_in(imara: Holder, joss: Holder) -> None:
    joss.add()
    with joss.database.transaction() as session:
        disable_user(session, OPERATOR, session.get_one(User, joss.user_id), now=NOW)
    assert not joss.signs_in()


def test_one_passkey_is_one_users(imara: Holder, joss: Holder) -> None:
    imara.add()
    joss.key = imara.key
    with pytest.raises(FieldError, match="known here already"):
        joss.add()


@pytest.mark.parametrize("name", ["", "  ", "x" * 101])
def test_a_passkey_has_a_name(imara: Holder, name: str) -> None:
    with pytest.raises(FieldError, match="1 to 100"):
        imara.add(name)


def test_there_are_twenty_at_most(imara: Holder) -> None:
    for _ in range(20):
        imara.key = Authenticator()
        imara.add()
    imara.key = Authenticator()
    with pytest.raises(FieldError, match="remove one first"):
        imara.add()


NO_BYTES = ["", "!", "AA", "ÿ", 7, None, "g" * 999]
BROKEN: list[dict[str, Any]] = [
    {"rawId": "AAAA"},
    {"type": "password"},
    {"response": None},
    {"more": "x" * 20_000},
]


def breaking(*named: str) -> list[dict[str, Any]]:
    """Return what to put in place of parts of an answer."""
    return BROKEN + [{"in": {name: value}} for name in named for value in NO_BYTES]


def broken(answer: str, change: dict[str, Any]) -> str:
    read = json.loads(answer)
    inside = {"response": read["response"] | change["in"]} if "in" in change else change
    return json.dumps(read | inside)


@pytest.mark.parametrize("change", breaking("clientDataJSON", "attestationObject"))
def test_what_is_no_new_passkey_is_none(imara: Holder, change: dict[str, Any]) -> None:
    by = asker(Use.ADD)
    asked = imara.asked_to_add(by)
    made = broken(imara.key.make(asked["publicKey"]), change)
    assert imara.bring(by, asked["token"], made) is None


@pytest.mark.parametrize(
    "change", breaking("clientDataJSON", "authenticatorData", "signature", "userHandle")
)
def test_what_is_no_signature_signs_nobody_in(imara: Holder, change: dict[str, Any]) -> None:
    imara.add()
    token, answer = imara.signed()
    try:
        shown = use_in(imara.database, asker(Use.SIGN_IN), token, broken(answer, change))
    except BadAnswerError:
        shown = None
    assert shown is None


@pytest.mark.parametrize("text", ["", "{", "null", "[" * 9000, '"\ud800"', "7"])
def test_nor_is_what_is_no_json(imara: Holder, text: str) -> None:
    by = asker(Use.ADD)
    assert imara.bring(by, imara.asked_to_add(by)["token"], text) is None
    with pytest.raises(BadAnswerError):
        read_answer(text)


def test_no_more_is_kept_of_a_challenge_than_is_needed(imara: Holder) -> None:
    imara.add()
    with imara.database.transaction() as session:
        forget_spent(session, now=NOW + LASTS)
        assert session.scalar(select(func.count()).select_from(SpentChallenge)) == 1
        forget_spent(session, now=NOW + 3 * LASTS)
        assert session.scalar(select(func.count()).select_from(SpentChallenge)) == 0


def test_one_is_removed_and_opens_nothing_more(imara: Holder, joss: Holder) -> None:
    imara.add()
    imara.choose_password()
    [kept] = imara.kept()
    assert not joss.remove(kept), "it is none of theirs"
    assert imara.remove(kept)
    assert not imara.remove(kept)
    assert not imara.signs_in()
    assert verbs(imara.database)[-1] == "passkey remove"


def test_the_last_way_in_stays(imara: Holder) -> None:
    imara.choose_password()
    with pytest.raises(RefusedError, match="passkey first"):
        imara.drop_password()
    imara.add("Phone")
    imara.drop_password()
    assert user_of(imara.database, imara.user_id).password_hash is None
    [phone] = imara.kept()
    with pytest.raises(RefusedError, match="only way in"):
        imara.remove(phone)
    imara.key = Authenticator()
    imara.add("Laptop")
    assert imara.remove(phone)
    assert [each.name for each in imara.kept()] == ["Laptop"]


def test_two_browsers_cannot_remove_the_last_two(imara: Holder) -> None:
    for _ in range(2):
        imara.key = Authenticator()
        imara.add()

    def remove(passkey: Passkey) -> bool:
        try:
            return imara.remove(passkey)
        except RefusedError:
            return False

    with ThreadPoolExecutor(2) as pool:
        removed = list(pool.map(remove, imara.kept()))
    assert sorted(removed) == [False, True]
    assert len(imara.kept()) == 1


def test_nor_does_the_password_go_while_the_last_passkey_goes(imara: Holder) -> None:
    imara.choose_password()
    imara.add()
    [kept] = imara.kept()

    def done(what: Callable[[], object]) -> bool:
        try:
            what()
        except RefusedError:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        went = list(pool.map(done, [imara.drop_password, lambda: imara.remove(kept)]))
    assert sorted(went) == [False, True]


def test_the_operator_removes_all(imara: Holder) -> None:
    imara.add()
    with imara.database.transaction() as session:
        user = session.get_one(User, imara.user_id)
        assert count_passkeys(session) == {user.id: 1}
        assert passkeys.remove_passkeys(session, OPERATOR, user, now=NOW) == 1
    assert not imara.signs_in()

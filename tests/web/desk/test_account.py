"""A user's own page: sessions, password, second factor."""

import re
from datetime import timedelta

import pyotp
from flask import Flask
from sqlalchemy import select

from digest.clock import FixedClock
from digest.database.transactions import Database
from digest.models import AuditEvent, Role
from tests.desk.conftest import verbs
from tests.web.conftest import heading, hidden, words
from tests.web.desk.conftest import PASSWORD, Colleague, Join

NEW = "two countries one lighthouse"
ACCOUNT = "/desk/account"


def phone(app: Flask) -> Colleague:
    other = Colleague(app, "imara@example.org")
    assert other.sign_in().status_code == 303
    return other


def test_another_browser_is_signed_out_from_here(imara: Colleague, app: Flask) -> None:
    other = phone(app)
    [session] = re.findall(r'name="session" value="(\d+)"', imara.get(ACCOUNT).text)
    assert imara.press(ACCOUNT, f"{ACCOUNT}/sessions", session=session).status_code == 303
    assert not other.is_in()
    assert imara.is_in()


def test_all_others_are_signed_out_at_once(imara: Colleague, app: Flask) -> None:
    others = [phone(app), phone(app)]
    imara.press(ACCOUNT, f"{ACCOUNT}/sessions", session="others")
    assert [each.is_in() for each in others] == [False, False]
    assert imara.is_in()


def test_the_password_is_changed_by_whoever_knows_it(imara: Colleague, app: Flask) -> None:
    other, change = phone(app), f"{ACCOUNT}/password"
    wrong = imara.press(ACCOUNT, change, before="not it, not it", password=NEW)
    assert (wrong.status_code, "That is not your password" in words(wrong)) == (422, True)
    short = imara.press(ACCOUNT, change, before=PASSWORD, password="short")
    assert (short.status_code, "at least 12" in words(short)) == (422, True)
    assert other.is_in()
    assert imara.press(ACCOUNT, change, before=PASSWORD, password=NEW).status_code == 303
    assert imara.is_in()
    assert not other.is_in()
    assert other.sign_in().status_code == 422
    assert other.sign_in(NEW).status_code == 303


def test_an_authenticator_is_set_up_asked_for_and_switched_off(
    imara: Colleague, app: Flask, clock: FixedClock
) -> None:
    factor = f"{ACCOUNT}/second-factor"
    page = imara.press(ACCOUNT, factor)
    assert heading(page) == "Set up an authenticator"
    assert "<svg" in page.text
    [shown] = re.findall(r"<code[^>]*>([A-Z2-7 ]+)</code>", page.text)
    totp = pyotp.TOTP(shown.replace(" ", ""))
    proof = hidden(page.text, "proof")
    wrong = imara.client.post(f"{factor}/confirm", data={"proof": proof, "code": "000000"})
    assert (wrong.status_code, shown in wrong.text) == (422, True), "the same secret is shown"
    code = totp.at(clock.now())
    codes = imara.client.post(f"{factor}/confirm", data={"proof": proof, "code": code})
    assert heading(codes) == "Your recovery codes"
    first, *others = re.findall(r"<code>([a-z2-7-]+)</code>", codes.text)
    assert len(others) == 9

    other = Colleague(app, imara.email)
    assert other.sign_in().location == "/desk/sign-in/code"
    assert other.client.post("/desk/sign-in/code", data={"code": first}).location == "/desk/"
    assert other.is_in()
    assert "Nine recovery codes are left" in words(other.get(ACCOUNT))

    clock.advance(timedelta(minutes=11))
    asked = imara.press(ACCOUNT, f"{factor}/off")
    assert asked.location.startswith("/desk/again"), "once more, before what matters"
    proof = hidden(imara.get("/desk/again").text, "proof")
    wrong = imara.client.post("/desk/again", data={"proof": proof, "password": PASSWORD})
    assert wrong.status_code == 422, "the code as well"
    both = {"proof": proof, "password": PASSWORD, "code": totp.at(clock.now())}
    assert imara.client.post("/desk/again", data=both).status_code == 303
    assert imara.press(ACCOUNT, f"{factor}/off").location == f"{ACCOUNT}?done=off"
    assert other.sign_in().location == "/desk/"


def test_no_form_works_without_its_proof(imara: Colleague) -> None:
    for path in ("password", "sessions", "second-factor", "second-factor/off", "recovery-codes"):
        for proof in ("", "1dk1.AAAA"):
            refused = imara.client.post(f"{ACCOUNT}/{path}", data={"proof": proof})
            assert refused.status_code == 403, path


def test_a_proof_is_one_users_and_lasts_half_a_day(
    imara: Colleague, app: Flask, clock: FixedClock
) -> None:
    proof = hidden(imara.get(ACCOUNT).text, "proof")
    form = {"proof": proof, "session": "others"}
    clock.advance(timedelta(hours=6))
    assert imara.client.post(f"{ACCOUNT}/sessions", data=form).status_code == 303
    clock.advance(timedelta(hours=7))
    assert imara.client.post(f"{ACCOUNT}/sessions", data=form).status_code == 403


def test_only_ones_own_sessions_are_ended_and_told_of(
    imara: Colleague, join: Join, database: Database
) -> None:
    joss = join("Joss", Role.EDITOR)
    before = verbs(database)
    for session in ("1", "999999999999999999", "9" * 15, "0", "-1", "²", ""):
        page = joss.press(ACCOUNT, f"{ACCOUNT}/sessions", session=session)
        assert page.location == f"{ACCOUNT}?done=over"
    assert imara.is_in()
    assert verbs(database) == before


def test_a_cookie_that_was_taken_opens_nothing_after_a_new_password(
    imara: Colleague, app: Flask
) -> None:
    thief = app.test_client()
    taken = imara.client.get_cookie("digest_desk")
    assert taken is not None
    thief.set_cookie("digest_desk", taken.value)
    assert thief.get("/desk/").status_code == 200
    imara.press(ACCOUNT, f"{ACCOUNT}/password", before=PASSWORD, password=NEW)
    assert thief.get("/desk/").status_code == 303
    assert imara.is_in()
    again = imara.client.get_cookie("digest_desk")
    assert again is not None
    thief.set_cookie("digest_desk", again.value)
    imara.press(ACCOUNT, f"{ACCOUNT}/sessions", session="others")
    assert thief.get("/desk/").status_code == 303
    assert imara.is_in()


def test_a_wrong_password_within_a_session_is_noted_as_nobodys(
    imara: Colleague, database: Database
) -> None:
    imara.press(ACCOUNT, f"{ACCOUNT}/password", before="not it, not it", password=NEW)
    with database.reading() as session:
        event = session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc())).first()
    assert event is not None
    assert (event.verb, event.user_id, event.row_id) == ("session refuse password", None, 1)

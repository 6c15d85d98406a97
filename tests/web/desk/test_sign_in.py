"""Signing in at the desk: who gets in, who does not, and what the cookie is."""

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
from flask import Flask

from digest.clock import FixedClock
from digest.database.transactions import Database
from digest.desk import second_factor
from digest.desk.passwords import is_password
from digest.desk.sessions import end_sessions, list_sessions
from digest.models import Role, User
from digest.vault import Vault
from digest.web import create_app
from digest.web.desk import sign_in as signing_in
from tests.desk.conftest import verbs
from tests.factories import KEYS, NOW
from tests.web.conftest import heading, words
from tests.web.desk.conftest import PASSWORD, Colleague, Join


def with_second_factor(database: Database, now: Any) -> str:
    with database.transaction() as session:
        user = session.get_one(User, 1)
        secret = second_factor.begin(session, user, Vault(KEYS))
        assert second_factor.confirm(session, user, Vault(KEYS), pyotp.TOTP(secret).at(now), now)
    return secret


def test_where_nobody_may_sign_in_it_says_which_command(app: Flask) -> None:
    page = app.test_client().get("/desk/", follow_redirects=True)
    assert page.status_code == 200
    assert "digest user create you@example.org" in words(page)


def test_the_right_password_opens_the_page_that_was_asked_for(
    join: Join, database: Database
) -> None:
    imara = join("Imara", Role.OWNER, signed_in=False)
    asked = imara.get("/desk/account?done=off")
    assert asked.status_code == 303
    assert asked.location == "/desk/sign-in?next=/desk/account?done%3Doff"
    signed_in = imara.sign_in(next="/desk/account?done=off")
    assert (signed_in.status_code, signed_in.location) == (303, "/desk/account?done=off")
    assert imara.is_in()
    assert verbs(database)[-1] == "session begin"


@pytest.mark.parametrize(
    ("sent", "form", "back"),
    [
        ("/desk/sources/1", "/desk/sources/1?done=saved", "/desk/sources/1"),
        ("/desk/audit/export", "/desk/audit?table=source&done=x", "/desk/audit?table=source"),
        # What came back with mistakes stands at an address that only takes forms.
        ("/desk/users/1", "/desk/users/1", "/desk/users"),
        ("/desk/issues/7/words", "/desk/issues/7/words?section=World", "/desk/issues/7"),
        ("/desk/users", "/nowhere/at/all", "/desk/"),
    ],
)
def test_what_is_sent_after_the_end_of_a_session_is_said_to_be_lost_and_leads_back(
    join: Join, sent: str, form: str, back: str
) -> None:
    imara = join("Imara", Role.OWNER, signed_in=False)
    page = {"Referer": f"http://127.0.0.1:8000{form}"}
    answer = imara.client.post(sent, data={"name": "Wren"}, headers=page)
    asked = urlsplit(answer.location)
    assert (answer.status_code, asked.path) == (303, "/desk/sign-in")
    assert parse_qs(asked.query) == {"next": [back], "unsaved": ["1"]}
    assert "What you sent was not saved" in words(imara.get(answer.location))
    wrong = imara.sign_in("not it, not it", next=back, unsaved="1")
    assert "What you sent was not saved" in words(wrong)
    assert imara.sign_in(next=back, unsaved="1").location == back


@pytest.mark.parametrize(
    "where",
    [
        "https://evil.example/desk/",
        "//evil.example/desk/",
        "/desk//evil.example",
        "/desk/\\evil.example",
        "/unsubscribe/x",
        "javascript:alert(1)",
        "/desk/" + "x" * 400,
        "/desk/\n",
        "/desk/\r\nX-Evil: 1",
        "/desk/é",
    ],
)
def test_nobody_is_sent_anywhere_else(join: Join, where: str) -> None:
    imara = join("Imara", Role.OWNER, signed_in=False)
    assert imara.sign_in(next=where).location == "/desk/"


def test_under_a_path_it_leads_back_there(join: Join, make_runtime: Any) -> None:
    join("Imara", Role.OWNER, signed_in=False)
    client = create_app(make_runtime(public_url="http://127.0.0.1:8000/letters")).test_client()
    asked = client.get("/letters/desk/account")
    assert asked.location == "/letters/desk/sign-in?next=/letters/desk/account"
    form = {"email": "imara@example.org", "password": PASSWORD, "next": "/letters/desk/account"}
    assert client.post("/letters/desk/sign-in", data=form).location == "/letters/desk/account"
    form["next"] = "/desk/account"
    assert client.post("/letters/desk/sign-in", data=form).location == "/letters/desk/"


def test_a_wrong_password_and_a_stranger_are_told_the_same(join: Join, database: Database) -> None:
    imara = join("Imara", Role.OWNER, signed_in=False)
    wrong = imara.sign_in("a port that went on growing")
    imara.email = "joss@example.org"
    stranger = imara.sign_in()
    assert wrong.status_code == stranger.status_code == 422
    assert "do not go together" in words(wrong)
    assert wrong.text.replace("imara@", "joss@") == stranger.text
    assert not imara.is_in()
    assert verbs(database) == ["user create"], "a stranger writes nothing"


def test_who_is_disabled_or_has_no_password_does_not_get_in(join: Join, database: Database) -> None:
    join("Imara", Role.OWNER)
    joss = join("Joss", Role.EDITOR, signed_in=False)
    with database.transaction() as session:
        session.get_one(User, 2).disabled_at = session.get_one(User, 2).created_at
    assert joss.sign_in().status_code == 422
    with database.transaction() as session:
        user = session.get_one(User, 2)
        user.disabled_at = user.password_hash = None
    assert joss.sign_in().status_code == 422
    assert joss.sign_in("").status_code == 422


def test_a_second_factor_is_asked_for_and_nothing_opens_before(
    join: Join, database: Database, clock: FixedClock
) -> None:
    imara = join("Imara", Role.OWNER, signed_in=False)
    totp = pyotp.TOTP(with_second_factor(database, clock.now()))
    clock.advance(timedelta(minutes=5))
    code = "/desk/sign-in/code?next=/desk/users"
    assert imara.sign_in(next="/desk/users", unsaved="1").location == f"{code}&unsaved=1"
    assert "was not saved" in words(imara.get(f"{code}&unsaved=1"))
    assert imara.sign_in(next="/desk/users").location == code
    assert not imara.is_in()
    assert imara.get("/desk/sign-in/code").status_code == 200
    wrong = imara.client.post("/desk/sign-in/code", data={"code": "000000"})
    assert wrong.status_code == 422
    assert not imara.is_in()
    before = imara.client.get_cookie("digest_desk")
    right = {"code": totp.at(clock.now()), "next": "/desk/users"}
    assert imara.client.post("/desk/sign-in/code", data=right).location == "/desk/users"
    after = imara.client.get_cookie("digest_desk")
    assert before != after, "a planted secret opens nothing"
    assert imara.is_in()
    assert verbs(database)[-2:] == ["session refuse code", "session begin (totp)"]


def test_without_the_password_no_code_is_asked_for(app: Flask) -> None:
    client = app.test_client()
    assert client.get("/desk/sign-in/code").location == "/desk/sign-in"
    assert client.post("/desk/sign-in/code", data={"code": "1"}).location == "/desk/sign-in"


def test_codes_cannot_be_guessed_at_leisure(
    join: Join, database: Database, clock: FixedClock
) -> None:
    imara = join("Imara", Role.OWNER, signed_in=False)
    with_second_factor(database, clock.now())
    imara.sign_in()
    tried = [
        imara.client.post("/desk/sign-in/code", data={"code": f"{code:06}"}).status_code
        for code in range(25)
    ]
    assert tried.count(429) == 5
    assert not imara.is_in()


def test_passwords_cannot_be_guessed_at_leisure_and_who_works_here_gets_in_from_elsewhere(
    make_runtime: Any, join: Join
) -> None:
    join("Imara", Role.OWNER, signed_in=False)
    app = create_app(make_runtime(trusted_proxies=()))
    client = app.test_client()
    form = {"email": "imara@example.org", "password": "not it, not it"}
    there = {"REMOTE_ADDR": "8.8.8.8"}
    tried = [
        client.post("/desk/sign-in", data=form, environ_overrides=there).status_code
        for _ in range(12)
    ]
    assert tried == [422] * 10 + [429] * 2
    elsewhere = {"REMOTE_ADDR": "9.9.9.9"}
    form["password"] = PASSWORD
    assert client.post("/desk/sign-in", data=form, environ_overrides=elsewhere).status_code == 303


def test_the_cookie_is_for_this_site_and_no_script(
    join: Join, make_runtime: Any, imara: Colleague
) -> None:
    cookie = imara.sign_in().headers["Set-Cookie"]
    assert cookie.startswith("digest_desk=")
    assert {"HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    secure = create_app(make_runtime(public_url="https://paper.example"))
    form = {"email": "imara@example.org", "password": PASSWORD}
    cookie = secure.test_client().post("/desk/sign-in", data=form).headers["Set-Cookie"]
    assert cookie.startswith("__Host-digest_desk=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
    assert "Domain" not in cookie


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Referer": "https://evil.example/"},
    ],
)
@pytest.mark.parametrize("path", ["/desk/sign-in", "/desk/sign-out", "/desk/forgotten"])
def test_another_site_can_send_no_form(join: Join, path: str, headers: dict[str, str]) -> None:
    imara = join("Imara", Role.OWNER)
    form = {"email": "imara@example.org", "password": PASSWORD}
    assert imara.client.post(path, data=form, headers=headers).status_code == 403
    assert imara.is_in()


def test_signing_out_ends_the_session_in_the_database(imara: Colleague) -> None:
    kept = imara.client.get_cookie("digest_desk")
    assert kept is not None
    assert imara.client.post("/desk/sign-out").location == "/desk/sign-in"
    imara.client.set_cookie("digest_desk", kept.value)
    assert not imara.is_in()


def test_a_session_ends_after_a_night(imara: Colleague, clock: FixedClock) -> None:
    clock.advance(timedelta(hours=11, minutes=59))
    assert imara.is_in()
    clock.advance(timedelta(hours=11, minutes=59))
    assert imara.is_in(), "it was used"
    clock.advance(timedelta(hours=12))
    assert not imara.is_in()


def test_no_page_of_the_desk_is_kept_by_anybody(imara: Colleague) -> None:
    for path in ("/desk/", "/desk/account", "/desk/users", "/desk/forgotten"):
        page = imara.get(path)
        assert page.status_code == 200
        assert page.headers["Cache-Control"] == "no-store"
        policy = page.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
    assert heading(imara.get("/desk/")) == "This week"


def test_other_spellings_of_an_address_are_the_same_user(join: Join) -> None:
    imara = join("Imara", Role.OWNER, signed_in=False)
    tried = []
    for number in range(22):
        imara.email = "\u200b" * number + "IMARA@example.org"
        tried.append(imara.sign_in("not it, not it").status_code)
    assert tried == [422] * 20 + [429] * 2


def test_a_password_that_was_changed_meanwhile_opens_nothing(
    join: Join, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    imara = join("Imara", Role.OWNER, signed_in=False)

    def and_then_it_is_reset(hashed: str | None, password: str) -> bool:
        with database.transaction() as session:
            session.get_one(User, 1).password_hash = "another"
        return is_password(hashed, password)

    monkeypatch.setattr(signing_in, "is_password", and_then_it_is_reset)
    assert imara.sign_in().status_code == 422
    assert not imara.is_in()


def test_a_session_that_was_ended_meanwhile_is_not_brought_back_by_a_code(
    join: Join, database: Database, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    imara = join("Imara", Role.OWNER, signed_in=False)
    totp = pyotp.TOTP(with_second_factor(database, clock.now()))
    clock.advance(timedelta(minutes=5))
    imara.sign_in()
    really = second_factor.use_code

    def and_then_it_is_ended(session: Any, user: User, *rest: Any) -> str | None:
        used = really(session, user, *rest)
        end_sessions(session, user, now=clock.now())
        return used

    monkeypatch.setattr(second_factor, "use_code", and_then_it_is_ended)
    page = imara.client.post("/desk/sign-in/code", data={"code": totp.at(clock.now())})
    assert page.location == "/desk/sign-in"
    assert not imara.is_in()


def test_signing_in_again_ends_what_this_browser_had(imara: Colleague, database: Database) -> None:
    imara.sign_in()
    with database.reading() as session:
        user = session.get_one(User, 1)
        assert len(list_sessions(session, user, now=NOW)) == 1


def test_where_the_key_of_a_second_factor_is_gone_a_recovery_code_still_opens(
    join: Join, database: Database, clock: FixedClock
) -> None:
    imara = join("Imara", Role.OWNER, signed_in=False)
    with_second_factor(database, clock.now())
    with database.transaction() as session:
        user = session.get_one(User, 1)
        user.totp_secret = b"k0." + bytes(40)
        first, *_ = second_factor.new_recovery_codes(session, user)
    imara.sign_in()
    assert imara.client.post("/desk/sign-in/code", data={"code": "000000"}).status_code == 422
    assert imara.client.post("/desk/sign-in/code", data={"code": first}).location == "/desk/"

"""Passkeys over HTTP: who may ask for what, what a stolen answer is worth, and the last way in."""

import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from digest.clock import FixedClock
from digest.database.transactions import Database
from digest.models import Newsletter, Role, User
from digest.web import create_app
from tests.desk.authenticator import Authenticator
from tests.desk.conftest import verbs
from tests.web.conftest import heading, hidden, words
from tests.web.desk.conftest import PASSWORD, Colleague, Join

ACCOUNT = "/desk/account"
NEW = f"{ACCOUNT}/passkeys/new"


@pytest.fixture
def app(make_runtime: Any, newsletter: Newsletter) -> Flask:
    return create_app(make_runtime(public_url="http://localhost:8000"))


def add(colleague: Colleague, name: str = "Phone", **changed: str) -> Authenticator:
    """Add a passkey, as the page's script does it."""
    key = Authenticator()
    form = {"proof": hidden(colleague.get(NEW).text, "proof"), "name": name}
    asked = colleague.client.post(f"{ACCOUNT}/passkeys/options", data=form).get_json()
    form |= {"token": asked["token"], "answer": key.make(asked["publicKey"])} | changed
    added = colleague.client.post(NEW, data=form)
    if not changed:
        assert added.location == f"{ACCOUNT}?done=passkey"
    return key


def signed(colleague: Colleague, key: Authenticator) -> dict[str, str]:
    """Have something signed to sign in by."""
    asked = colleague.client.post("/desk/sign-in/passkey/options").get_json()
    return {"token": asked["token"], "answer": key.sign(asked["publicKey"])}


def bring(colleague: Colleague, form: dict[str, str]) -> TestResponse:
    return colleague.client.post("/desk/sign-in/passkey", data=form)


def removable(colleague: Colleague) -> list[str]:
    return re.findall(r'name="passkey" value="(\d+)"', colleague.get(ACCOUNT).text)


def remove(colleague: Colleague) -> TestResponse:
    [which] = removable(colleague)
    return colleague.press(ACCOUNT, f"{ACCOUNT}/passkeys/remove", passkey=which)


def test_a_passkey_is_the_only_factor(imara: Colleague, app: Flask, database: Database) -> None:
    key = add(imara, "Imara’s <b>phone</b>")
    page = imara.get(ACCOUNT)
    assert "Imara’s &lt;b&gt;phone&lt;/b&gt;" in page.text
    assert "not used yet" in words(page)
    with database.transaction() as session:
        # A second factor is asked of passwords alone.
        user = session.get_one(User, 1)
        user.totp_secret, user.totp_since = b"sealed", user.created_at
    other = Colleague(app, imara.email)
    asked = other.get("/desk/account?done=off", follow_redirects=True)
    assert "Sign in with a passkey" in words(asked)
    form = signed(other, key) | {"next": hidden(asked.text, "next")}
    brought = bring(other, form)
    assert (brought.status_code, brought.location) == (303, "/desk/account?done=off")
    assert other.is_in()
    assert "last used" in words(other.get(ACCOUNT))
    assert verbs(database)[-1] == "session begin (passkey)"


def test_an_answer_signs_in_once_and_only_the_browser_that_asked(
    imara: Colleague, app: Flask, database: Database
) -> None:
    key = add(imara)
    other, thief = Colleague(app, imara.email), Colleague(app, imara.email)
    form = signed(other, key)
    signed(thief, Authenticator())
    refused = bring(thief, form)
    assert (refused.status_code, "That passkey was not taken" in words(refused)) == (422, True)
    assert not thief.is_in()
    form = signed(other, key)
    assert bring(other, form).status_code == 303
    other.client.post("/desk/sign-out")
    assert bring(other, form).status_code == 422
    assert not other.is_in()
    assert verbs(database)[-1] == "passkey refuse"


def test_an_answer_is_good_for_five_minutes(
    imara: Colleague, app: Flask, clock: FixedClock
) -> None:
    key, other = add(imara), Colleague(app, imara.email)
    form = signed(other, key)
    clock.advance(timedelta(minutes=5))
    assert bring(other, form).status_code == 422


@pytest.mark.parametrize("answer", ["", "{}", "null", "[" * 9000, '{"id": 7}'])
def test_what_is_no_answer_is_told_so(imara: Colleague, answer: str) -> None:
    add(imara)
    form = {"token": "x", "answer": answer}
    assert bring(imara, form).status_code == 422
    form["proof"] = hidden(imara.get(ACCOUNT).text, "proof")
    assert imara.client.post("/desk/again/passkey", data=form).status_code == 422
    form["name"] = "Phone"
    made = imara.client.post(NEW, data=form)
    assert (made.status_code, "was not made" in words(made)) == (422, True)


def test_adding_one_wants_a_proof_of_who_it_is(
    imara: Colleague, clock: FixedClock, database: Database
) -> None:
    proof = hidden(imara.get(NEW).text, "proof")
    clock.advance(timedelta(minutes=11))
    asked = imara.get(NEW)
    assert asked.location == f"/desk/again?next={NEW}"
    form = {"proof": proof, "name": "Phone"}
    assert imara.client.post(f"{ACCOUNT}/passkeys/options", data=form).status_code == 403
    assert imara.client.post(NEW, data=form).location == f"/desk/again?next={NEW}"
    assert "passkey add" not in verbs(database)


def test_a_passkey_without_a_name_is_not_made(imara: Colleague) -> None:
    form = {"proof": hidden(imara.get(NEW).text, "proof"), "name": " "}
    assert imara.client.post(f"{ACCOUNT}/passkeys/options", data=form).status_code == 422
    page = imara.client.post(NEW, data=form)
    assert (page.status_code, "Give it a name" in words(page)) == (422, True)


def test_one_shows_by_a_passkey_who_one_is(imara: Colleague, clock: FixedClock) -> None:
    key = add(imara)
    clock.advance(timedelta(minutes=11))
    page = imara.get(f"/desk/again?next={NEW}")
    assert "Your password" in words(page)
    form = {"proof": hidden(page.text, "proof"), "next": NEW}
    asked = imara.client.post("/desk/again/passkey/options", data=form).get_json()
    assert len(asked["publicKey"]["allowCredentials"]) == 1
    form |= {"token": asked["token"], "answer": key.sign(asked["publicKey"])}
    before = imara.client.get_cookie("digest_desk")
    assert imara.client.post("/desk/again/passkey", data=form).location == NEW
    assert imara.client.get_cookie("digest_desk") != before
    assert imara.get(NEW).status_code == 200
    assert imara.client.post("/desk/again/passkey", data=form).status_code == 422


def test_another_users_passkey_proves_nothing(
    imara: Colleague, join: Join, clock: FixedClock
) -> None:
    add(imara)
    joss = join("Joss", Role.EDITOR)
    key = add(joss)
    form = {"proof": hidden(imara.get(ACCOUNT).text, "proof")}
    asked = imara.client.post("/desk/again/passkey/options", data=form).get_json()
    form |= {"token": asked["token"], "answer": key.sign(asked["publicKey"])}
    assert imara.client.post("/desk/again/passkey", data=form).status_code == 422


def test_the_password_goes_and_the_last_passkey_stays(imara: Colleague, app: Flask) -> None:
    refused = imara.press(ACCOUNT, f"{ACCOUNT}/password/off")
    assert (refused.status_code, "only way in" in words(refused)) == (422, True)
    key = add(imara)
    assert "Sign in by passkey alone" in words(imara.get(ACCOUNT))
    other = Colleague(app, imara.email)
    assert other.sign_in().status_code == 303
    assert imara.press(ACCOUNT, f"{ACCOUNT}/password/off").location == f"{ACCOUNT}?done=dropped"
    assert not other.is_in()
    assert other.sign_in().status_code == 422
    page = imara.get(ACCOUNT)
    assert "You have none: you sign in by passkey alone." in words(page)
    assert "Your password now" not in words(page)
    assert "Your password" not in words(imara.get("/desk/again"))
    refused = remove(imara)
    assert (refused.status_code, "only way in" in words(refused)) == (422, True)
    assert bring(other, signed(other, key)).status_code == 303
    chosen = imara.press(ACCOUNT, f"{ACCOUNT}/password", password=PASSWORD)
    assert chosen.location == f"{ACCOUNT}?done=password"
    assert remove(imara).location == f"{ACCOUNT}?done=removed"
    assert removable(imara) == []


def test_one_that_is_removed_opens_nothing_and_what_it_opened_is_closed(
    imara: Colleague, app: Flask
) -> None:
    key, other = add(imara), Colleague(app, imara.email)
    assert bring(other, signed(other, key)).status_code == 303
    assert remove(imara).status_code == 303
    assert (imara.is_in(), other.is_in()) == (True, False)
    assert bring(other, signed(other, key)).status_code == 422


def test_a_password_is_chosen_without_another_after_a_proof_alone(
    imara: Colleague, clock: FixedClock
) -> None:
    add(imara)
    imara.press(ACCOUNT, f"{ACCOUNT}/password/off")
    clock.advance(timedelta(minutes=11))
    asked = imara.press(ACCOUNT, f"{ACCOUNT}/password", password=PASSWORD)
    assert asked.location.startswith("/desk/again")


def test_they_are_tried_as_seldom_as_passwords(imara: Colleague, app: Flask) -> None:
    key, other = add(imara), Colleague(app, imara.email)
    key.key = Authenticator().key
    there = {"REMOTE_ADDR": "8.8.8.8"}
    answers = []
    for _ in range(11):
        options = "/desk/sign-in/passkey/options"
        asked = other.client.post(options, environ_overrides=there).get_json()
        form = {"token": asked["token"], "answer": key.sign(asked["publicKey"])}
        tried = other.client.post("/desk/sign-in/passkey", data=form, environ_overrides=there)
        answers.append(tried.status_code)
    assert answers == [422] * 10 + [429]


def test_where_the_script_is_refused_the_form_says_why(imara: Colleague, app: Flask) -> None:
    add(imara)
    other, there = Colleague(app, imara.email), {"REMOTE_ADDR": "8.8.8.8"}
    options = "/desk/sign-in/passkey/options"
    asked = [other.client.post(options, environ_overrides=there).status_code for _ in range(21)]
    assert asked == [200] * 20 + [429]
    form = other.client.post("/desk/sign-in/passkey", environ_overrides=there)
    assert (form.status_code, "You can try again at" in words(form)) == (429, True)


def test_owners_see_who_has_some(imara: Colleague) -> None:
    assert "passkey" not in words(imara.get("/desk/users"))
    add(imara)
    assert "one passkey" in words(imara.get("/desk/users"))
    imara.press(ACCOUNT, f"{ACCOUNT}/password/off")
    page = words(imara.get("/desk/users"))
    assert ("no password" in page, "no password yet" in page) == (True, False)


def test_other_sites_get_nothing_to_sign(imara: Colleague) -> None:
    headers = {"Sec-Fetch-Site": "cross-site"}
    for path in ("/desk/sign-in/passkey/options", "/desk/sign-in/passkey"):
        assert imara.client.post(path, headers=headers).status_code == 403
    for path in (f"{ACCOUNT}/passkeys/options", NEW, f"{ACCOUNT}/passkeys/remove"):
        assert imara.client.post(path, data={"name": "Phone"}).status_code == 403, "no proof"


def test_where_no_browser_allows_them_the_pages_say_so(
    imara: Colleague, make_runtime: Any, database: Database
) -> None:
    add(imara)
    elsewhere = Colleague(create_app(make_runtime()), imara.email)
    assert "Passkeys do not work here" in words(elsewhere.get("/desk/sign-in"))
    assert elsewhere.sign_in().status_code == 303
    for page in (ACCOUNT, NEW, "/desk/again"):
        shown = elsewhere.get(page)
        assert "Passkeys do not work here" in words(shown), page
        assert "http://127.0.0.1:8000" in shown.text
    refused = elsewhere.client.post("/desk/sign-in/passkey/options")
    assert (refused.status_code, heading(refused)) == (422, "That cannot be done")


def test_who_has_none_is_not_asked_for_one(imara: Colleague, app: Flask) -> None:
    assert "passkey" not in words(Colleague(app, imara.email).get("/desk/sign-in"))


def test_the_script_may_run_where_it_is_needed_and_ask_us_alone(imara: Colleague) -> None:
    add(imara)
    for page, scripted in ((NEW, True), ("/desk/again", True), (ACCOUNT, False)):
        policy = imara.get(page).headers["Content-Security-Policy"]
        assert ("script-src 'self'; connect-src 'self'" in policy) is scripted, page
        assert "unsafe" not in policy


def test_the_browsers_cookie_is_for_no_script(imara: Colleague, app: Flask) -> None:
    asked = Colleague(app, imara.email).client.post("/desk/sign-in/passkey/options")
    [cookie] = asked.headers.getlist("Set-Cookie")
    assert cookie.startswith("digest_passkey=")
    for part in ("HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=300"):
        assert part in cookie

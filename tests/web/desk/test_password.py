"""Choosing a password by a link, and asking for one."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from digest.clock import FixedClock
from digest.database.transactions import Database
from digest.models import Notice, Role
from digest.tokens import Purpose
from tests.factories import RING
from tests.web.conftest import RecordingBell, heading, words
from tests.web.desk.conftest import Colleague, Join, given_link

NEW = "two countries one lighthouse"


def path_of(database: Database) -> str:
    with database.reading() as session:
        token_id = session.scalars(select(Notice.token_id)).one()
    return f"/desk/password/{RING.sign(Purpose.USER_LINK, token_id)}"


def test_a_new_user_chooses_a_password_by_the_link_and_signs_in(
    imara: Colleague, app: Flask
) -> None:
    made = imara.press(
        "/desk/users", "/desk/users", name="Joss", email="joss@example.org", role="editor"
    )
    path = given_link(made)
    joss = Colleague(app, "joss@example.org")
    assert heading(joss.get(path)) == "Choose a password"
    assert heading(joss.get(path)) == "Choose a password", "a look changes nothing"
    short = joss.client.post(path, data={"password": "short"})
    assert (short.status_code, "at least 12" in words(short)) == (422, True)
    assert joss.client.post(path, data={"password": NEW}).location == "/desk/sign-in?chosen=1"
    assert joss.sign_in(NEW).status_code == 303
    assert joss.is_in()
    again = joss.client.post(path, data={"password": "another one altogether"})
    assert (again.status_code, heading(again)) == (410, "That link was used")
    assert joss.sign_in(NEW).status_code == 303


def test_forgotten_a_link_is_mailed_and_the_answer_is_the_same_for_a_stranger(
    join: Join, database: Database, bell: RecordingBell
) -> None:
    imara = join("Imara", Role.OWNER)
    known = imara.client.post("/desk/forgotten", data={"email": "imara@example.org"})
    unknown = imara.client.post("/desk/forgotten", data={"email": "joss@example.org"})
    assert known.text.replace("imara@", "joss@") == unknown.text
    assert bell.rung == ["worker.tasks.send_notices"] * 2
    path = path_of(database)
    assert imara.client.post(path, data={"password": NEW}).status_code == 303
    assert not imara.is_in(), "signed out by it"
    assert imara.sign_in().status_code == 422
    assert imara.sign_in(NEW).status_code == 303


def test_a_link_runs_out(join: Join, database: Database, clock: FixedClock) -> None:
    imara = join("Imara", Role.OWNER)
    imara.client.post("/desk/forgotten", data={"email": "imara@example.org"})
    clock.advance(timedelta(minutes=30))
    page = imara.client.post(path_of(database), data={"password": NEW})
    assert (page.status_code, heading(page)) == (410, "That link has run out")
    assert imara.sign_in(NEW).status_code == 422


@pytest.mark.parametrize("path", ["x", "1lk1.AAAA"])
def test_a_link_that_is_none_says_so(app: Flask, path: str) -> None:
    page = app.test_client().get(f"/desk/password/{path}")
    assert (page.status_code, heading(page)) == (404, "We cannot read that link")
    assert 'href="/desk/forgotten">ask for another link</a>' in page.text


def test_a_readers_token_is_no_link(app: Flask) -> None:
    token = RING.sign(Purpose.FRESH_LINK, bytes(16))
    assert app.test_client().get(f"/desk/password/{token}").status_code == 404


def test_what_is_no_address_is_said_beside_the_field(app: Flask) -> None:
    page = app.test_client().post("/desk/forgotten", data={"email": "imara"})
    assert page.status_code == 422
    assert 'id="email-error"' in page.text

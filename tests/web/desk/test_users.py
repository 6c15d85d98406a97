"""The owners' page of users; and who may not come near it."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from digest.clock import FixedClock
from digest.database.transactions import Database
from digest.desk.audit import OPERATOR
from digest.desk.users import Granted, create_user
from digest.models import Role, User
from tests.factories import NOW
from tests.web.conftest import words
from tests.web.desk.conftest import Colleague, Join, given_link

USERS = "/desk/users"
JOSS = {"name": "Joss", "email": "joss@example.org", "role": "editor"}


def roles(database: Database, user_id: int) -> list[str]:
    with database.reading() as session:
        return sorted(grant.role.value for grant in session.get_one(User, user_id).grants)


def test_an_owner_makes_edits_and_disables_a_user(imara: Colleague, database: Database) -> None:
    given_link(imara.press(USERS, USERS, **JOSS))
    assert roles(database, 2) == ["editor"]
    edited = imara.press(USERS, f"{USERS}/2", role=["viewer", "readers"], action="roles")
    assert edited.location == f"{USERS}?done=edited"
    assert roles(database, 2) == ["readers", "viewer"]
    assert imara.press(USERS, f"{USERS}/2", action="disable").status_code == 303
    refused = imara.press(USERS, f"{USERS}/2", action="link")
    assert "a link would open nothing" in words(refused)
    assert imara.press(USERS, f"{USERS}/2", action="enable").status_code == 303
    given_link(imara.press(USERS, f"{USERS}/2", action="link"))
    assert imara.press(USERS, f"{USERS}/9", action="link").status_code == 404


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"email": "imara@example.org"}, "with this address already"),
        ({"email": "no address"}, "email"),
        ({"name": " "}, "Give a name"),
        ({"role": "king"}, "Choose a role"),
        ({"role": "editor:nowhere"}, "Choose a role"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_stays(
    imara: Colleague, database: Database, fields: dict[str, str], said: str
) -> None:
    page = imara.press(USERS, USERS, **(JOSS | fields))
    assert page.status_code == 422
    assert said in words(page)
    assert f'value="{(JOSS | fields)["email"]}"' in page.text
    with database.reading() as session:
        assert len(session.scalars(select(User)).all()) == 1


def test_the_last_owner_cannot_lock_everybody_out(imara: Colleague, database: Database) -> None:
    for form in ({"action": "disable"}, {"action": "roles", "role": "editor"}):
        page = imara.press(USERS, f"{USERS}/1", **form)
        assert page.status_code == 422
        assert "Somebody has to be an owner" in words(page)
    assert roles(database, 1) == ["owner"]
    assert imara.press(USERS, f"{USERS}/1", action="roles").status_code == 422, "no role at all"
    assert imara.is_in()


def test_many_users_stand_on_several_pages(imara: Colleague, database: Database) -> None:
    with database.transaction() as session:
        for number in range(60):
            email = f"user-{number}@example.org"
            granted = [Granted(Role.VIEWER)]
            create_user(session, OPERATOR, email, f"User {number:02}", granted, now=NOW)
    first, second = imara.get(USERS), imara.get(f"{USERS}?page=2")
    assert first.text.count("desk-row-title") == 50
    assert second.text.count("desk-row-title") == 11
    assert "User 59" in second.text
    [action] = set(re.findall(r'action="([^"]+/users/61[^"]*)"', second.text))
    edited = imara.press(f"{USERS}?page=2", action, action="disable")
    assert edited.location == f"{USERS}?done=disabled&page=2"
    assert "disabled" in imara.get(edited.location).text


@pytest.mark.parametrize("number", ["9" * 16, "9" * 30, "-1", "0"])
def test_no_number_is_too_large(imara: Colleague, number: str) -> None:
    assert imara.get(f"/desk/issues/{number}").status_code == 404
    assert imara.press(USERS, f"{USERS}/{number}", action="link").status_code == 404


@pytest.mark.parametrize("role", [Role.EDITOR, Role.VIEWER, Role.READERS])
def test_nobody_else_comes_near(imara: Colleague, join: Join, role: Role) -> None:
    joss = join("Joss", role)
    assert joss.get(USERS).status_code == 403
    proof = {"proof": "x"}
    assert joss.client.post(USERS, data=JOSS | proof).status_code == 403
    assert joss.client.post(f"{USERS}/1", data={"action": "disable"} | proof).status_code == 403
    assert USERS not in joss.get("/desk/").text
    assert imara.is_in()


def test_before_a_user_is_made_it_asks_once_more(imara: Colleague, clock: FixedClock) -> None:
    clock.advance(timedelta(minutes=10))
    assert imara.press(USERS, USERS, **JOSS).location == "/desk/again?next=/desk/&unsaved=1"

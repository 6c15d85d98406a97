"""Somebody at the desk, in a browser without scripts."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import argon2
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from digest.database.transactions import Database
from digest.desk import passwords
from digest.desk.audit import OPERATOR
from digest.desk.sessions import Browser, open_session
from digest.desk.users import Granted, create_user, has_users
from digest.models import Role, User
from tests.cli.conftest import command_line
from tests.factories import NOW
from tests.web.conftest import hidden

__all__ = ["command_line"]

PASSWORD = "a port that stopped growing"
# The least that Argon2 takes: what a hash should cost is seen in tests/desk/test_passwords.py, and
# pages ask for hundreds.
QUICK = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
HASH = QUICK.hash(PASSWORD)


@pytest.fixture(autouse=True, scope="module")
def quick_hashes() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_HASHER", QUICK)
        patch.setattr(passwords, "_NOBODYS", QUICK.hash("nobody has this one"))
        yield


class Colleague:
    """A user, and the browser that they use."""

    def __init__(self, app: Flask, email: str) -> None:
        self.client: FlaskClient = app.test_client()
        self.email = email

    def sign_in(self, password: str = PASSWORD, **fields: str) -> TestResponse:
        data = {"email": self.email, "password": password, **fields}
        return self.client.post("/desk/sign-in", data=data)

    def let_in(self, database: Database) -> None:
        """Be signed in, as a password or a passkey would have done: a hash takes a core a while."""
        with database.transaction() as session:
            user = session.scalars(select(User).where(User.email == self.email)).one()
            _, secret = open_session(
                session, user, Browser("127.0.0.1", None), now=NOW, proved=True
            )
        self.client.set_cookie("digest_desk", secret)

    def get(self, path: str, **options: Any) -> TestResponse:
        """Load a page. Its forms lead to pages of ours, as they do for whoever presses them."""
        page = self.client.get(path, **options)
        if page.mimetype == "text/html":
            for action in re.findall(r'<form\b[^>]* action="([^"]*)"', page.text):
                assert action.startswith("/"), f"a form of {path} leads to {action!r}"
        return page

    def press(self, page: str, path: str, **fields: Any) -> TestResponse:
        """Press a button on a page: the form with its proof."""
        data = {"proof": hidden(self.client.get(page).text, "proof"), **fields}
        return self.client.post(path, data=data)

    def accept_all(self, page: str) -> None:
        """Let every warning on an issue's page stand."""
        for code in re.findall(r'name="code" value="(\w+)"', self.client.get(page).text):
            assert self.press(page, f"{page}/preflight/accept", code=code).status_code == 303

    def is_in(self) -> bool:
        return self.client.get("/desk/").status_code == 200


Join = Callable[..., Colleague]


@pytest.fixture
def join(app: Flask, database: Database) -> Join:
    """Call it with a name and roles for a colleague who is signed in."""

    def make(name: str, *roles: Role | Granted, signed_in: bool = True) -> Colleague:
        email = f"{name.lower()}@example.org"
        grants = [each if isinstance(each, Granted) else Granted(each) for each in roles]
        with database.transaction() as session:
            if not has_users(session) and Role.OWNER not in {each.role for each in grants}:
                # Somebody has to be one.
                owner = [Granted(Role.OWNER)]
                create_user(session, OPERATOR, "olive@example.org", "Olive", owner, now=NOW)
            made = create_user(session, OPERATOR, email, name, grants, now=NOW)
            made.password_hash = HASH
        colleague = Colleague(app, email)
        if signed_in:
            colleague.let_in(database)
        return colleague

    return make


@pytest.fixture
def imara(join: Join) -> Colleague:
    return join("Imara", Role.OWNER)


def given_link(page: TestResponse) -> str:
    """Return the path of the link that a page shows, or that was mailed."""
    [path] = set(re.findall(r"http://127\.0\.0\.1:8000(/desk/password/[\w.-]+)", page.text))
    return str(path)

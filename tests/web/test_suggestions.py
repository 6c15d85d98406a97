"""Mistyped addresses on the pages, in a frame and by the API; and a sign-up that is taken back."""

import html
import re

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from digest.models import Notice, NoticeState, SignUp
from digest.web import create_app
from tests.readers.conftest import ReadersDesk
from tests.web.conftest import Site, heading, words

PATHS = ("/subscribe", "/embed/editors-digest")
FORM = {"newsletter": "editors-digest", "consent": "yes", "wording": "1"}


def hidden(page: TestResponse) -> dict[str, list[str]]:
    """Return the fields that a browser would send along, whatever is pressed."""
    found: dict[str, list[str]] = {}
    for tag in re.findall(r'<input type="hidden"[^>]*>', page.text):
        name, value = re.findall(r'(?:name|value)="([^"]*)"', tag)
        found.setdefault(name, []).append(html.unescape(value))
    return found


@pytest.mark.parametrize("path", PATHS)
def test_a_mistyped_address_is_asked_about_with_one_press_to_take_what_was_meant(
    client: FlaskClient, desk: ReadersDesk, path: str
) -> None:
    page = client.post(path, data=FORM | {"email": "robin@gmial.com"})

    assert page.status_code == 422
    assert page.text.count("Did you mean robin@gmail.com?") == 2
    assert "Is your address right?" in page.text
    assert "<title>Error" not in page.text
    assert desk.count(SignUp) == 0
    [press] = re.findall(r'<button[^>]*name="instead"[^>]*>', page.text)
    assert 'value="robin@gmail.com"' in press
    # The Enter key presses the first button: not this one.
    assert page.text.index("first-press") < page.text.index(press)
    fields = FORM | hidden(page) | {"email": "robin@gmial.com", "instead": "robin@gmail.com"}
    taken = client.post(path, data=fields)
    assert heading(taken) == "Now check your email"
    assert [row.email for row in desk.rows(SignUp)] == ["robin@gmail.com"]


@pytest.mark.parametrize("path", PATHS)
def test_the_same_button_once_more_keeps_what_was_typed(
    client: FlaskClient, desk: ReadersDesk, path: str
) -> None:
    page = client.post(path, data=FORM | {"email": "robin@gmial.com"})
    kept = client.post(path, data=FORM | hidden(page) | {"email": "robin@gmial.com"})
    assert heading(kept) == "Now check your email"
    again = client.post(path, data=FORM | hidden(kept))
    assert heading(again) == "Now check your email"
    assert {row.email for row in desk.rows(SignUp)} == {"robin@gmial.com"}


def test_an_address_with_words_around_it_is_offered_alone(site: Site) -> None:
    page = site.sign_up("Robin <robin@example.org>")
    assert "Enter the address alone. Did you mean robin@example.org?" in words(page)
    assert 'name="instead" value="robin@example.org"' in page.text
    assert "<title>Error" in page.text
    assert "Robin &lt;robin@example.org&gt;" in page.text


def test_a_machine_is_told_the_suggestion(client: FlaskClient, desk: ReadersDesk) -> None:
    home = {"Origin": "http://127.0.0.1:8000"}
    wish = {
        "email": "robin@hotmail.vom",
        "newsletters": ["editors-digest"],
        "consent": True,
        "wording": 1,
    }
    answer = client.post("/api/v1/subscriptions", json=wish, headers=home)
    assert answer.status_code == 422
    assert answer.get_json()["errors"] == [
        {
            "field": "email",
            "detail": "Did you mean robin@hotmail.com?",
            "suggestion": "robin@hotmail.com",
        }
    ]
    form = client.post(
        "/subscribe",
        data=FORM | {"email": "robin@hotmail.vom"},
        headers={"Accept": "application/json"},
    )
    assert form.get_json()["errors"] == answer.get_json()["errors"]
    sure = wish | {"sure": "robin@hotmail.vom"}
    assert client.post("/api/v1/subscriptions", json=sure, headers=home).status_code == 202
    assert desk.rows(SignUp)[0].email == "robin@hotmail.vom"


@pytest.mark.parametrize("path", PATHS)
def test_a_wrong_address_is_changed_and_the_first_sign_up_is_gone(
    client: FlaskClient, desk: ReadersDesk, path: str
) -> None:
    asked = client.post(path, data=FORM | {"email": "robni@example.org", "name": "Robin"})
    asked = client.post(path, data=hidden(asked))
    assert "Wrong address?" in asked.text
    before = desk.dump()
    assert client.get(path).status_code == 200
    assert desk.dump() == before

    form = client.post(path, data=hidden(asked) | {"action": "withdraw"})
    assert form.status_code == 200
    assert form.headers["Cache-Control"] == "no-store"
    assert "We have taken that one back." in words(form)
    assert 'value="robni@example.org"' in form.text
    assert {notice.state for notice in desk.rows(Notice)} == {NoticeState.CANCELLED}
    assert [row.email for row in desk.rows(SignUp)] == [None, None]

    right = client.post(path, data=FORM | hidden(form) | {"email": "robin@example.org"})
    assert heading(right) == "Now check your email"
    assert desk.rows(SignUp)[-1].email == "robin@example.org"


def test_only_the_page_s_own_proof_takes_a_sign_up_back(site: Site, desk: ReadersDesk) -> None:
    asked = site.sign_up("robin@example.org")
    [proof] = hidden(asked)["withdrawal"]
    confirm = site.confirm_path().rpartition("/")[2]
    before = desk.dump()
    for token in (confirm, proof[:-1], "", "x" * 300):
        page = site.client.post("/subscribe", data={"action": "withdraw", "withdrawal": token})
        assert page.status_code == 404
    assert site.client.post("/subscribe", data={"action": "withdraw"}).status_code == 200
    assert desk.dump() == before
    assert site.client.get(f"/confirm/{proof}").status_code == 404


def test_a_program_takes_a_sign_up_back(client: FlaskClient, desk: ReadersDesk) -> None:
    home = {"Origin": "http://127.0.0.1:8000"}
    wish = {"email": "robin@example.org", "newsletters": ["editors-digest"]}
    answer = client.post(
        "/api/v1/subscriptions", json=wish | {"consent": True, "wording": 1}, headers=home
    )
    proof = answer.get_json()["withdrawal"]
    assert (
        client.post("/api/v1/withdrawals", json={"withdrawal": "x"}, headers=home).status_code
        == 404
    )
    for _ in range(2):
        gone = client.post("/api/v1/withdrawals", json={"withdrawal": proof}, headers=home)
        assert (gone.status_code, gone.text) == (204, "")
        assert gone.headers["Access-Control-Allow-Origin"] == "http://127.0.0.1:8000"
    assert desk.rows(Notice)[0].state is NoticeState.CANCELLED


def test_names_for_tests_are_refused_where_readers_are_real(
    make_runtime: object, desk: ReadersDesk
) -> None:
    assert callable(make_runtime)
    app = create_app(
        make_runtime(public_url="https://digest.paper.org", own_domains=frozenset({"corp.example"}))
    )
    site = Site(app.test_client(use_cookies=False), desk)
    for email in ("reader@test", "robin@paper.test", "robin@example.org"):
        page = site.sign_up(email)
        assert page.status_code == 422
        assert "that name is set aside for tests and examples" in words(page)
    assert site.sign_up("robin@corp.example").status_code == 200

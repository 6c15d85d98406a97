"""`POST /api/v1/subscriptions`: from a page that was declared, and by a site's own back end."""

import json
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from digest.clock import FixedClock
from digest.database.transactions import Database
from digest.models import (
    ConsentDetail,
    Newsletter,
    Notice,
    NoticeKind,
    Scope,
    SignUp,
    SignUpChoice,
    Subscription,
    Wording,
)
from digest.newsroom.api_tokens import create_token
from digest.newsroom.terms import publish_terms
from digest.runtime import SEND_NOTICES, Runtime
from digest.web import create_app
from digest.web.api.bodies import Wish
from tests.factories import NOW, make_newsletter
from tests.readers.conftest import ReadersDesk
from tests.web.conftest import RecordingBell, Site

DOCS = Path(__file__).parents[2] / "docs"
HOWTO, ROUTES = DOCS / "howto" / "embed.md", DOCS / "reference" / "routes.md"
PATH = "/api/v1/subscriptions"
PAPER = "https://halyard.example"
BLOG = "https://blog.example.net:8443"
ONLY_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
WISH = {
    "email": "robin@example.org",
    "newsletters": ["editors-digest"],
    "consent": True,
    "wording": 1,
}


class Api:
    """The API as a page of a website calls it, and as the website's back end does."""

    def __init__(self, client: FlaskClient, desk: ReadersDesk) -> None:
        self.client = client
        self.desk = desk

    def from_page(self, origin: str | None = PAPER, **fields: Any) -> TestResponse:
        told = {"Origin": origin, "Referer": f"{origin}/"} if origin else {}
        return self._post({"User-Agent": "A browser", **told}, fields)

    def by_back_end(self, token: str | None = None, **fields: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {token or self.token()}", "User-Agent": "a script"}
        return self._post(headers, {"ip": "203.0.113.7", **fields})

    def _post(self, headers: dict[str, str], fields: dict[str, Any]) -> TestResponse:
        sent = {name: value for name, value in (WISH | fields).items() if value is not ...}
        return self.client.post(PATH, json=sent, headers=headers)

    def token(self) -> str:
        with self.desk.database.transaction() as session:
            name = f"site {datetime.now().timestamp()}"  # noqa: DTZ005
            return create_token(session, name, Scope.SIGN_UPS, NOW)[1]


@pytest.fixture
def api(make_runtime: Callable[..., Runtime], desk: ReadersDesk) -> Api:
    app = create_app(make_runtime(embed_origins=(BLOG,)))
    return Api(app.test_client(use_cookies=False), desk)


def without_token(response: TestResponse) -> str:
    """Return the answer less what is random in each."""
    text, found = re.subn(r"1wk1\.[\w-]{38}", "…", response.text)
    assert found == 1
    return text


def mistakes(response: TestResponse) -> dict[str, str]:
    """Return what is said about each field."""
    assert response.status_code == 422
    assert response.content_type == "application/problem+json"
    return {error["field"]: error["detail"] for error in response.get_json()["errors"]}


@pytest.mark.parametrize("origin", [PAPER, BLOG, "http://127.0.0.1:8000"])
def test_a_page_that_was_declared_signs_a_reader_up(
    api: Api, bell: RecordingBell, origin: str
) -> None:
    answer = api.from_page(origin, topics=["chinese-economy"], form="article foot", name="Robin")

    assert answer.status_code == 202
    said = {"email": "robin@example.org", "newsletters": ["editors-digest"]}
    assert {name: told for name, told in answer.get_json().items() if name in said} == said
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Access-Control-Allow-Origin"] == origin
    assert answer.headers["Vary"] == "Origin"
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert "Set-Cookie" not in answer.headers
    [asked] = api.desk.rows(SignUp)
    host = {PAPER: "halyard.example", BLOG: "blog.example.net"}.get(origin, "halyard.example")
    assert (asked.email, asked.name, asked.site) == ("robin@example.org", "Robin", host)
    assert asked.form == "article foot"
    assert api.desk.rows(SignUpChoice)[0].topics == ["chinese-economy"]
    [detail] = api.desk.rows(ConsentDetail)
    assert (detail.ip, detail.user_agent) == ("127.0.0.1", "A browser")
    assert (detail.form, detail.page_url) == ("article foot", f"{origin}/")
    assert bell.rung == [SEND_NOTICES]


@ONLY_SQLITE
@pytest.mark.parametrize(
    "origin",
    [
        None,
        "null",
        "https://evil.example",
        "http://halyard.example",
        "https://halyard.example.evil.example",
        "https://www.halyard.example",
        "https://blog.example.net",
        "https://HALYARD.example",
        "https://evil.example/<script>",
    ],
)
def test_a_page_that_was_not_declared_is_told_what_to_do(api: Api, origin: str | None) -> None:
    before = api.desk.dump()
    answer = api.from_page(origin)

    assert answer.status_code == 403
    assert answer.content_type == "application/problem+json"
    assert "DIGEST_EMBED_ORIGINS" in answer.get_json()["detail"]
    assert "<script>" not in answer.text
    # Its developer may read this; that is all.
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert api.desk.dump() == before


@ONLY_SQLITE
def test_a_preflight_is_answered_to_who_was_declared(api: Api) -> None:
    asked = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    allowed = api.client.options(PATH, headers={"Origin": PAPER, **asked}).headers
    refused = api.client.options(PATH, headers={"Origin": "https://evil.example", **asked}).headers

    assert allowed["Access-Control-Allow-Origin"] == PAPER
    assert "POST" in allowed["Access-Control-Allow-Methods"]
    assert allowed["Access-Control-Allow-Headers"] == "Content-Type"
    assert int(allowed["Access-Control-Max-Age"]) > 0
    assert "Access-Control-Allow-Credentials" not in allowed
    assert not [name for name, _ in refused.items() if name.startswith("Access-Control")]
    assert allowed["Vary"] == refused["Vary"] == "Origin"


def test_the_answer_is_the_same_for_a_stranger_a_reader_and_a_robot(api: Api, site: Site) -> None:
    site.subscribe("mina@example.org")
    notices = len(api.desk.rows(Notice))

    known, unknown = (
        api.from_page(email="mina@example.org"),
        api.from_page(email="nina@example.org"),
    )
    robot = api.from_page(email="zina@example.org", website="https://spam.example")
    assert known.status_code == unknown.status_code == robot.status_code == 202
    same = without_token(known)
    assert without_token(unknown).replace("nina", "mina") == same
    assert without_token(robot).replace("zina", "mina") == same
    assert known.headers == unknown.headers == robot.headers
    kinds = [notice.kind for notice in api.desk.rows(Notice)[notices:]]
    assert kinds == [NoticeKind.ALREADY_SIGNED_UP, NoticeKind.CONFIRMATION]


@ONLY_SQLITE
def test_several_newsletters_are_asked_for_at_once(api: Api, database: Database) -> None:
    with database.transaction() as session:
        make_newsletter(session, "climate", name="Climate")
    answer = api.from_page(newsletters=["editors-digest", "climate"], topics=["ports", "ports"])

    assert answer.get_json()["newsletters"] == ["editors-digest", "climate"]
    assert [choice.topics for choice in api.desk.rows(SignUpChoice)] == [["ports"], ["ports"]]


@ONLY_SQLITE
def test_words_shown_before_new_ones_came_are_the_evidence(api: Api, database: Database) -> None:
    with database.transaction() as session:
        publish_terms(session, "Newer terms.", NOW)
    api.from_page()

    wanted = select(Wording.number).join(SignUp, SignUp.wording_id == Wording.id)
    with database.reading() as session:
        assert session.scalars(wanted).all() == [1]


@ONLY_SQLITE
def test_each_mistake_is_named_as_the_form_names_it(api: Api, bell: RecordingBell) -> None:
    answer = api.from_page(
        email="robin", newsletters=["nothing"], topics=["A B"], consent=False, wording=7, name="a@b"
    )

    assert mistakes(answer) == {
        "newsletters": "We do not have that newsletter. Choose one from this page",
        "topics": "We do not have that topic. Choose one from this page",
        "email": "Enter an email address with an @, like name@example.org",
        "name": "Enter a name without links or line breaks",
        "consent": "Tick the box to agree to the terms",
        "wording": "This page was open for a long time. Press the button once more",
    }
    # The page has to be able to show them.
    assert answer.headers["Access-Control-Allow-Origin"] == PAPER
    assert bell.rung == []
    assert api.desk.count(SignUp) == 0


@ONLY_SQLITE
@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("email", 7, "Give text."),
        ("newsletters", "editors-digest", "Give a list of texts."),
        ("newsletters", [7], "Give text."),
        ("topics", {"a": 1}, "Give a list of texts."),
        ("consent", "yes", "Give true or false."),
        ("wording", ..., "This field is required."),
        ("wording", "1", "Give a whole number."),
        ("wording", True, "Give a whole number."),
        ("form", "a<b>", "Use at most 60 letters, digits, spaces, dots, hyphens and underscores."),
        ("page_url", "harbour", "Give the whole address of the page"),
        ("page_url", "https://paper.example:99999/", "Give the whole address of the page"),
        ("ip", "203.0.113.7", "Only a site's back end may say this"),
        ("user_agent", "A browser", "Only a site's back end may say this"),
        ("city", "Varrholm", "There is no such field. The fields are: email, newsletters, "),
    ],
)
def test_what_cannot_be_a_sign_up_is_named(api: Api, field: str, value: Any, said: str) -> None:
    answer = api.from_page(**{field: value})

    assert mistakes(answer)[field].startswith(said)
    assert api.desk.count(SignUp) == 0


@ONLY_SQLITE
def test_many_mistakes_are_cut(api: Api) -> None:
    fields: dict[str, Any] = {f"x{number}": number for number in range(500)}
    answer = api.from_page(**fields)

    assert len(mistakes(answer)) == 20


@ONLY_SQLITE
@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{}", "text/plain", 415),
        (b"email=robin%40example.org", "application/x-www-form-urlencoded", 415),
        (b"{", "application/json", 400),
        (b"[" * 60_000, "application/json", 400),
        (b"[]", "application/json", 422),
        (b'{"email": "' + b"a" * 70_000 + b'"}', "application/json", 413),
    ],
)
def test_what_is_not_a_json_object_is_refused(
    api: Api, body: bytes, kind: str, status: int
) -> None:
    before = api.desk.dump()
    answer = api.client.post(PATH, data=body, content_type=kind, headers={"Origin": PAPER})

    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    assert api.desk.dump() == before


@ONLY_SQLITE
def test_a_page_tells_its_own_address_and_no_other(api: Api) -> None:
    api.from_page(BLOG, email="a@example.org", page_url=f"{BLOG}/ports#form")
    api.from_page(BLOG, email="b@example.org", page_url=f"{PAPER}/ports")

    pages = [detail.page_url for detail in api.desk.rows(ConsentDetail)]
    assert pages == [f"{BLOG}/ports", f"{BLOG}/"]


def test_a_back_end_passes_on_who_the_reader_is(api: Api, clock: FixedClock) -> None:
    answer = api.by_back_end(
        ip="2001:DB8:0::7",
        user_agent="A browser\n",
        page_url="https://shop.example/books?page=2#form",
        form="checkout",
    )

    assert answer.status_code == 202
    assert "Access-Control-Allow-Origin" not in answer.headers
    [detail] = api.desk.rows(ConsentDetail)
    assert (detail.ip, detail.user_agent) == ("2001:db8::7", "A browser")
    assert detail.page_url == "https://shop.example/books?page=2"
    assert detail.form == "checkout"
    assert api.desk.rows(SignUp)[0].site == "shop.example"


@ONLY_SQLITE
def test_the_documentation_s_example_is_taken(api: Api) -> None:
    [example] = re.findall(r"```json\n(.*?)```", HOWTO.read_text(), re.DOTALL)

    assert api.by_back_end(**json.loads(example)).status_code == 202
    [detail] = api.desk.rows(ConsentDetail)
    assert (detail.form, detail.page_url) == ("checkout", "https://paper.example/checkout")


def test_the_reference_has_every_field_and_no_other() -> None:
    section = (
        ROUTES.read_text().split("`POST /api/v1/subscriptions` takes")[1].split("Without a")[0]
    )
    listed = re.findall(r"`(\w+)`", "".join(re.findall(r"^\| ([^|]+)\|", section, re.MULTILINE)))
    assert set(listed) == set(Wish.model_fields)


@ONLY_SQLITE
def test_a_back_end_that_does_not_know_more_has_no_evidence_of_its_own(api: Api) -> None:
    api.by_back_end(user_agent=None, page_url=None, form=None, name=None)

    [detail] = api.desk.rows(ConsentDetail)
    assert (detail.ip, detail.user_agent, detail.page_url) == ("203.0.113.7", None, None)
    assert api.desk.rows(SignUp)[0].site == "halyard.example"


@ONLY_SQLITE
def test_a_back_end_has_to_say_whose_ip_it_is(api: Api) -> None:
    assert mistakes(api.by_back_end(ip=...))["ip"] == "This field is required."
    assert mistakes(api.by_back_end(ip=None))["ip"] == "This field is required."
    said = mistakes(api.by_back_end(ip="localhost"))["ip"]
    assert said == "Give the reader's ip, like 203.0.113.7."
    assert api.desk.count(SignUp) == 0


@ONLY_SQLITE
def test_a_token_that_is_not_ours_is_refused_whatever_page_it_comes_from(api: Api) -> None:
    before = api.desk.dump()
    headers = {"Authorization": "Bearer dgst_nothing", "Origin": PAPER}
    answer = api.client.post(PATH, json=WISH, headers=headers)

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert api.desk.dump() == before


@ONLY_SQLITE
def test_limits_count_by_the_reader_s_ip(api: Api) -> None:
    token = api.token()
    # 20 of one network, whatever back end they come through; then that network has to wait.
    for number in range(20):
        answer = api.by_back_end(token, email=f"r{number}@example.org", ip=f"93.184.216.{number}")
        assert answer.status_code == 202
    again = api.by_back_end(token, email="r20@example.org", ip="93.184.216.20")
    other = api.by_back_end(token, email="r21@example.org", ip="93.184.217.1")

    assert again.status_code == 429
    assert again.headers["Retry-After"]
    assert "You can try again at" in again.get_json()["detail"]
    assert other.status_code == 202


@ONLY_SQLITE
def test_a_reader_who_came_by_the_api_confirms_as_any_other(
    api: Api, site: Site, newsletter: Newsletter
) -> None:
    api.from_page(topics=["chinese-economy"])
    assert site.client.post(site.confirm_path()).status_code == 200

    [period] = api.desk.rows(Subscription)
    assert (period.topics, period.site) == (["chinese-economy"], "halyard.example")


@ONLY_SQLITE
def test_nothing_of_a_sign_up_reaches_the_log(api: Api, logged: Any) -> None:
    api.from_page(email="secret@example.org", form="a<b>")
    api.by_back_end(email="secret@example.org", ip="93.184.216.34", page_url="https://a.example/p")

    written = logged.getvalue()
    assert "secret" not in written
    assert "93.184.216.34" not in written

"""`/embed/<newsletter>`, in an iframe and without a script; `/embed/`, which shows the boxes."""

import re
from collections.abc import Callable
from html import unescape
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from digest.database.transactions import Database
from digest.models import ConsentDetail, SignUp, SignUpChoice
from digest.runtime import Runtime
from digest.web import create_app
from tests.factories import make_newsletter
from tests.readers.conftest import ReadersDesk
from tests.web.conftest import heading, words

PATH = "/embed/editors-digest"
HOWTO = Path(__file__).parents[2] / "docs" / "howto"
OWN = "http://127.0.0.1:8000"
BLOG = "https://blog.example.net"

ONLY_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def client(make_runtime: Callable[..., Runtime], desk: ReadersDesk) -> FlaskClient:
    return create_app(make_runtime(embed_origins=(BLOG,))).test_client(use_cookies=False)


def hidden(page: TestResponse) -> dict[str, str]:
    """Return the hidden fields of a page."""
    return dict(re.findall(r'type="hidden"[^>]* name="(\w+)" value="([^"]*)"', page.text))


def send(client: FlaskClient, shown: TestResponse, origin: str = OWN, **typed: str) -> TestResponse:
    """Send a frame's form as a browser does."""
    [action] = re.findall(r'action="([^"]*)"', shown.text)
    data = hidden(shown) | {"email": "robin@example.org", "consent": "yes"} | typed
    headers = {"Origin": origin, "Referer": f"{origin}{PATH}"}
    return client.post(action.replace("&amp;", "&"), data=data, headers=headers)


def test_a_frame_signs_a_reader_up_for_the_page_that_holds_it(
    client: FlaskClient, desk: ReadersDesk
) -> None:
    query = "?variant=inline&topic=chinese-economy&form=article+foot"
    page = client.get(PATH + query, headers={"Referer": f"{BLOG}/ports"})

    assert heading(page) == "Get the Editor’s Digest on Chinese economy, free every Saturday."
    [box] = re.findall(r'<input[^>]*name="consent"[^>]*>', page.text)
    assert "checked" not in box
    answer = send(client, page)
    assert answer.status_code == 200
    assert heading(answer) == "Now check your email"
    assert "We have sent a link to robin@example.org" in words(answer)
    [asked] = desk.rows(SignUp)
    assert (asked.site, asked.form) == ("blog.example.net", "article foot")
    assert desk.rows(SignUpChoice)[0].topics == ["chinese-economy"]
    [detail] = desk.rows(ConsentDetail)
    assert (detail.page_url, detail.form) == (f"{BLOG}/ports", "article foot")
    # And once more, from the answer.
    send(client, answer)
    assert [each.site for each in desk.rows(SignUp)] == ["blog.example.net"] * 2
    for each in (page, answer):
        assert each.headers["Cache-Control"] == "no-store"
        assert "Set-Cookie" not in each.headers


@ONLY_SQLITE
def test_mistakes_are_told_in_the_frame(client: FlaskClient, desk: ReadersDesk) -> None:
    page = client.get(PATH, headers={"Referer": f"{BLOG}/"})
    answer = send(client, page, email="robin.example.org", consent="")

    assert answer.status_code == 422
    assert "<title>Error: " in answer.text
    assert 'value="robin.example.org"' in answer.text
    assert answer.text.count("Enter an email address with an @, like name@example.org") == 2
    assert answer.text.count("Tick the box to agree to the terms") == 2
    assert hidden(answer) == hidden(page)
    assert desk.count(SignUp) == 0


@ONLY_SQLITE
@pytest.mark.parametrize(
    ("origin", "page"),
    [("https://evil.example", f"{BLOG}/"), (OWN, "https://evil.example/"), (OWN, "javascript:1")],
)
def test_nobody_else_says_which_page_holds_the_frame(
    client: FlaskClient, desk: ReadersDesk, origin: str, page: str
) -> None:
    answer = send(client, client.get(PATH), origin, page=page)

    assert answer.status_code == 200
    assert desk.rows(ConsentDetail)[0].page_url == f"{origin}{PATH}"


@ONLY_SQLITE
def test_only_declared_sites_may_hold_a_frame_and_only_frames(client: FlaskClient) -> None:
    for path in (PATH, f"{PATH}?variant=banner", "/embed/nothing"):
        headers = client.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert policy.endswith(f"; frame-ancestors 'self' {OWN} https://halyard.example {BLOG}")
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "X-Frame-Options" not in headers
    for path in ("/", "/subscribe", "/embed/", "/embed.js", "/issues/", "/confirm/x", "/embed"):
        headers = client.get(path).headers
        assert headers["Content-Security-Policy"].endswith("; frame-ancestors 'none'")
        assert headers["X-Frame-Options"] == "DENY"


@ONLY_SQLITE
def test_a_frame_that_cannot_be_says_so_without_a_masthead(client: FlaskClient) -> None:
    page = client.get(f"{PATH}?variant=banner")

    assert page.status_code == 404
    assert "There is no such variant. There are: card, inline, footer." in words(page)
    assert "masthead" not in page.text
    assert '<base target="_blank">' in page.text


@ONLY_SQLITE
def test_a_network_that_tries_too_often_is_told_within_the_frame(client: FlaskClient) -> None:
    client.environ_base["REMOTE_ADDR"] = "93.184.216.34"
    answers = [
        send(client, client.get(PATH), email=f"r{number}@example.org") for number in range(21)
    ]

    assert [each.status_code for each in answers] == [200] * 20 + [429]
    assert heading(answers[-1]) == "One moment, please"
    assert "masthead" not in answers[-1].text


@ONLY_SQLITE
def test_what_stands_in_the_address_is_escaped(client: FlaskClient) -> None:
    hostile = '"><script>alert(1)</script>'
    page = client.get(PATH, query_string={"form": hostile, "scheme": hostile, "x": hostile})

    assert page.status_code == 200
    assert "<script>alert" not in page.text
    assert "alert(1)" not in re.findall(r"<html[^>]*>", page.text)[0]


@ONLY_SQLITE
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_site_that_is_light_only_says_so(client: FlaskClient, scheme: str) -> None:
    page = client.get(f"{PATH}?scheme={scheme}")

    assert f'dir="ltr" class="{scheme}">' in page.text
    [action] = re.findall(r'action="([^"]*)"', page.text)
    assert action.endswith(f"?scheme={scheme}")


@ONLY_SQLITE
def test_the_boxes_can_be_looked_at_with_their_code(
    client: FlaskClient, database: Database
) -> None:
    with database.transaction() as session:
        make_newsletter(session, "climate", name="Climate")
    page = client.get("/embed/?newsletter=climate&topic=ports")

    assert heading(page) == "Sign-up boxes of the Climate"
    live = re.findall(
        r'<digest-signup newsletter="(\w+)"(?: topic="(\w+)")? variant="(\w+)"', page.text
    )
    assert live == [
        ("climate", "", "card"),
        ("climate", "ports", "inline"),
        ("climate", "", "inline"),
        ("climate", "", "footer"),
    ]
    assert len(re.findall(r"<iframe src=", page.text)) == 3
    policy = page.headers["Content-Security-Policy"]
    assert "script-src 'self'; connect-src 'self'; frame-src 'self'" in policy


@ONLY_SQLITE
def test_the_code_to_copy_is_that_of_the_documentation(client: FlaskClient) -> None:
    page = client.get("/embed/").text
    shown = {unescape(code) for code in re.findall(r"<pre><code>(.*?)</code>", page, re.DOTALL)}
    pages = "".join((HOWTO / name).read_text() for name in ("embed.md", "form.md"))
    written = re.findall(r"^```html\n(.*?)\n```$", pages, re.MULTILINE | re.DOTALL)

    assert len(written) == 7
    here = {one_line(code.replace("https://digest.example.org", OWN)) for code in written}
    assert here <= {one_line(code) for code in shown}


def one_line(code: str) -> str:
    return " ".join(unescape(code).split())

"""The pages under a path of another site: `DIGEST_PUBLIC_URL=https://paper.example/newsletters`.

tests/journeys/test_proxies.py has the same through the proxies that do this.
"""

import itertools
import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from flask import Blueprint
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from digest.models import Newsletter, Subscription, Wording
from digest.runtime import Runtime
from digest.tokens import Purpose
from digest.web import create_app
from digest.web.assets import all_assets
from digest.web.inbox import Mailbox, inbox_pages
from digest.web.server import EmbeddedServer, bind
from tests.factories import RING
from tests.readers.conftest import ReadersDesk
from tests.web.conftest import Site, hidden
from tests.web.test_control import Browser
from tests.web.test_slashes import ask
from tests.web.test_slow_clients import SQLITE, connect, read_all

__all__ = ["connect"]

pytestmark = SQLITE
HOST = "https://paper.example"
PATH = "/newsletters"
# Under these, what is asked for with the path gone could be a page of ours with the path there.
COLLIDING = ("/embed", "/a", "/issues/editors-digest", "/healthz", "/static", "/embed.js")
CLEAR = (PATH, "/a-b/c.d", "/Embed", "/news/issues")
HEALTH = ("/healthz", "/readyz")

Make = Callable[..., FlaskClient]


@pytest.fixture
def under(make_runtime: Callable[..., Runtime], newsletter: Newsletter, wording: Wording) -> Make:
    """Call it with a path for a client of the app that stands there."""
    clients: dict[str, FlaskClient] = {}

    def make(path: str) -> FlaskClient:
        if path not in clients:
            own = frozenset({"example.org"})
            app = create_app(make_runtime(public_url=HOST + path, own_domains=own))
            clients[path] = app.test_client(use_cookies=False)
        return clients[path]

    return make


@pytest.fixture
def site(under: Make, desk: ReadersDesk) -> Site:
    """A reader of the site under a path, whose proxy takes the path away."""
    return Site(under(PATH), desk)


# Which page is meant

SEGMENTS = (
    *("", ".", "..", "x", "embed", "embed.js", "issues", "editors-digest", "a", "u", "subscribe"),
    *("terms", "1", "healthz", "readyz", "static", "newsletters", "news", "a-b", "c.d", "Embed"),
    *("%2f", "new\nsletters", "newsletters\n", "Newsletters", "\xc3\xa9"),
)
paths = st.lists(
    st.tuples(st.sampled_from(["/", "//", "///"]), st.sampled_from(SEGMENTS)), max_size=4
).map(lambda parts: "".join(itertools.chain(*parts)) or "/")
methods = st.sampled_from(["GET", "GET", "HEAD", "PUT"])
a_lot = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def seen(answer: TestResponse, path: str = "") -> tuple[object, ...]:
    """What an answer is, without the path that the pages stand under."""
    leads_to = answer.headers.get("Location")
    if leads_to is not None:
        assert leads_to.startswith(f"{path}/"), "a redirect stays within the path"
    title = re.search(r"<title>.*?</title>", answer.text)
    headers = answer.headers.get("Content-Type"), answer.headers.get("Content-Security-Policy")
    return answer.status_code, leads_to and leads_to[len(path) :], title and title[0], headers


def inside(path: str, asked: str) -> bool:
    return f"{re.sub('/+', '/', asked)}/".startswith(f"{path}/")


@a_lot
@given(path=st.sampled_from(CLEAR + COLLIDING), asked=paths, method=methods)
def test_where_the_proxy_passes_the_path_on_each_page_is_there_as_at_a_root(
    under: Make, path: str, asked: str, method: str
) -> None:
    found = ask(under(path), method, path + asked)

    assert seen(found, path) == seen(ask(under(""), method, asked))


@a_lot
@given(path=st.sampled_from(CLEAR), asked=paths, method=methods)
def test_where_the_proxy_takes_the_path_away_too(
    under: Make, path: str, asked: str, method: str
) -> None:
    if not inside(path, asked):
        found = ask(under(path), method, asked)

        assert seen(found, path) == seen(ask(under(""), method, asked))


@a_lot
@given(path=st.sampled_from(COLLIDING), asked=paths, method=methods)
def test_what_could_mean_two_things_is_outside_without_the_path(
    under: Make, path: str, asked: str, method: str
) -> None:
    if not (inside(path, asked) or asked in HEALTH):
        found = ask(under(path), method, asked)

        assert (found.status_code, found.headers.get("Location")) == (404, None)


@a_lot
@given(path=st.sampled_from(CLEAR + COLLIDING), asked=paths, slashes=st.integers(2, 4))
def test_slashes_too_many_in_the_path_itself_are_forgiven(
    under: Make, path: str, asked: str, slashes: int
) -> None:
    many = "/" * slashes
    for wrong in {path.replace("/", many), "/" + path, "/" + path[1:].replace("/", many)} - {path}:
        found = ask(under(path), "GET", wrong + asked)

        assert seen(found, path) == seen(ask(under(""), "GET", f"/{asked}"))


@pytest.mark.parametrize("path", CLEAR + COLLIDING)
def test_without_the_slash_at_its_end_the_home_page_is_found(under: Make, path: str) -> None:
    if path in HEALTH:
        return
    for asked in (path, f"/{path}"):
        found = ask(under(path), "GET", f"{asked}?newsletter=editors-digest")
        assert (found.status_code, found.headers["Location"]) == (
            301,
            f"{path}/?newsletter=editors-digest",
        )


@pytest.mark.parametrize("path", CLEAR + COLLIDING)
def test_the_machine_s_own_checks_are_answered_at_the_root_as_well(under: Make, path: str) -> None:
    for asked in HEALTH:
        assert under(path).get(asked).status_code == 200
        assert under(path).get(path + asked).status_code == 200


def test_the_path_counts_once(under: Make) -> None:
    assert under(PATH).get(f"{PATH}/issues/").status_code == 200
    assert under(PATH).get(f"{PATH}{PATH}/issues/").status_code == 404
    assert under("/issues").get("/issues/issues/").status_code == 200
    assert under("/issues").get("/issues/issues/editors-digest/").status_code == 200
    assert under("/issues").get("/issues/editors-digest/").status_code == 404


def test_a_page_whose_path_begins_with_anything_collides_with_every_path(
    make_runtime: Callable[..., Runtime], newsletter: Newsletter
) -> None:
    pages = Blueprint("pages", __name__)
    pages.get("/<name>/about")(lambda name: name)
    client = create_app(make_runtime(public_url=HOST + PATH), [pages]).test_client()

    assert client.get(f"{PATH}/robin/about").text == "robin"
    assert client.get("/robin/about").status_code == 404


@pytest.mark.parametrize(
    "header",
    [
        *("X-Forwarded-Prefix", "X-Script-Name", "Script-Name", "X-Forwarded-Path"),
        *("X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Host", "Host", "Forwarded"),
    ],
)
def test_no_header_moves_the_pages(under: Make, header: str) -> None:
    said = {header: "evil.example" if "ost" in header else "/evil"}
    for path in ("", PATH):
        page = ask(under(path), "GET", f"{path}/issues", headers=said)
        assert page.headers["Location"] == f"{path}/issues/"
        home = ask(under(path), "GET", f"{path}/", headers=said)
        assert f'action="{path}/subscribe"' in home.text
        assert "evil" not in home.text


# What the pages say


def addresses(page: str) -> list[str]:
    return [unescape(each) for each in re.findall(r'(?:href|src|action|worker)="([^"]*)"', page)]


@pytest.mark.parametrize(
    "asked",
    [
        *("/", "/subscribe", "/issues/", "/issues/editors-digest/", "/terms/1", "/privacy"),
        *("/preferences", "/embed/", "/embed/editors-digest", "/no-such", "/confirm/x", "/u/x"),
    ],
)
def test_every_address_of_a_page_begins_with_the_path(under: Make, asked: str) -> None:
    for given_as in (f"{PATH}{asked}", asked):
        found = addresses(under(PATH).get(given_as).text)
        ours = [each for each in found if not each.startswith(("#", "data:"))]
        assert ours
        for each in ours:
            assert each.startswith((f"{PATH}/", f"{HOST}{PATH}/")), each
            assert each.count(PATH) == 1, each


def test_what_a_site_pastes_names_the_path_but_an_origin_has_none(under: Make) -> None:
    page = unescape(under(PATH).get("/embed/").text)

    assert f'src="{HOST}{PATH}/embed.js"' in page
    assert f'src="{HOST}{PATH}/embed/editors-digest?' in page
    assert f'action="{HOST}{PATH}/subscribe"' in page
    assert f'origin == "{HOST}"' in page


def test_no_script_of_ours_says_where_it_stands(under: Make) -> None:
    scripts = [name for name in all_assets() if name.endswith(".js")]
    assert len(scripts) > 5
    for name in scripts:
        served = under(PATH).get(f"{PATH}/static/{all_assets()[name].stamp}/{name}")
        assert served.status_code == 200
        assert not re.search(r"""["'`]/[a-z]""", served.text), name


def test_the_demo_s_inbox_is_there_too(
    make_runtime: Callable[..., Runtime], newsletter: Newsletter
) -> None:
    url = f"http://127.0.0.1:8000{PATH}"
    app = create_app(make_runtime(public_url=url), [inbox_pages(Mailbox(), url)])
    page = app.test_client().get(f"{PATH}/inbox", base_url="http://127.0.0.1:8000")

    assert f'href="{PATH}/"' in page.text
    # A source with a path would be that one page.
    assert "form-action 'self' http://127.0.0.1:8000;" in page.headers["Content-Security-Policy"]


def test_a_box_is_told_whole_addresses(under: Make) -> None:
    told = under(PATH).get("/api/v1/signup-boxes/editors-digest").get_json()

    assert told["privacy_url"] == f"{HOST}{PATH}/privacy"
    assert told["consent"]["url"] == f"{HOST}{PATH}/terms/1"


def test_errors_under_the_api_are_still_for_machines(under: Make) -> None:
    for asked in (f"{PATH}/api/v1/none", "/api/v1/none"):
        assert under(PATH).get(asked).content_type == "application/problem+json"


def test_a_token_s_page_is_kept_from_everybody_else(site: Site) -> None:
    path = site.path(Purpose.UNSUBSCRIBE, site.subscribe())
    for asked in (f"{PATH}{path}", path, f"{PATH}{path}/"):
        headers = site.client.get(asked).headers
        assert headers["Cache-Control"] == "no-store"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Robots-Tag"] == "noindex, nofollow"


@pytest.mark.parametrize("wrong", ["{path}{page}", "/{path}/{page}", "{path}/{page}/", "{page}"])
def test_one_click_leaves_at_once_however_the_path_comes(
    site: Site, desk: ReadersDesk, wrong: str
) -> None:
    page = site.path(Purpose.UNSUBSCRIBE, site.subscribe())
    data = {"List-Unsubscribe": "One-Click"}
    answer = ask(site.client, "POST", wrong.format(path=PATH, page=page), data=data)

    assert answer.status_code == 200
    assert desk.rows(Subscription)[-1].ended_at is not None


def test_a_short_path_leads_on_within_the_path(site: Site) -> None:
    token = RING.sign(Purpose.PREFERENCES, site.subscribe().token_id)
    for asked in (f"{PATH}/p/{token}", f"/p/{token}"):
        answer = site.client.get(asked)
        assert answer.headers["Location"] == f"{PATH}/preferences/{token}"


def test_the_reader_s_cookie_is_for_the_preferences_under_the_path_alone(site: Site) -> None:
    browser = Browser(site, site.subscribe())
    link = browser.ask()
    given = browser.client.post(f"{PATH}{link}", base_url=HOST).headers["Set-Cookie"]
    assert given.startswith("digest_reader=")
    for part in ("Secure", "HttpOnly", "SameSite=Strict", f"Path={PATH}/preferences"):
        assert part in given.split("; ")

    page = browser.client.get(f"{PATH}{browser.path}", base_url=HOST)
    assert "robin@example.org" in page.text
    asked = f"{PATH}{browser.path}/erase"
    proof = hidden(browser.client.get(asked, base_url=HOST).text, "proof")
    taken = browser.client.post(asked, data={"proof": proof}, base_url=HOST).headers["Set-Cookie"]
    assert taken.startswith("digest_reader=;")
    assert f"Path={PATH}/preferences" in taken.split("; ")


def test_whether_all_of_the_host_is_https_is_not_ours_to_say(under: Make) -> None:
    assert "Strict-Transport-Security" in under("").get("/").headers
    assert "Strict-Transport-Security" not in under(PATH).get("/").headers


def test_a_real_server_finds_the_path(under: Make, connect: Callable[..., Any]) -> None:
    server = EmbeddedServer(under(PATH).application, bind("127.0.0.1", 0))
    server.start()
    try:
        for asked, right in (
            ("/newsletters", "/newsletters/"),
            ("//newsletters", "/newsletters/"),
            ("//newsletters//issues?a=%2f", "/newsletters/issues/?a=%2f"),
            ("/%6eewsletters/issues", "/newsletters/issues/"),
            ("/issues", "/newsletters/issues/"),
            ("//issues", "/newsletters/issues/"),
        ):
            request = f"GET {asked} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
            answer = read_all(connect(server.port, request.encode())).decode()
            assert answer.startswith("HTTP/1.1 301 "), asked
            assert f"\r\nLocation: {right}\r\n" in answer
            assert "evil" not in answer
    finally:
        server.stop()

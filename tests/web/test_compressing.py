"""What is compressed, what never is, and what the first page weighs."""

import gzip
import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from digest.runtime import Runtime
from digest.tokens import Purpose
from digest.web import create_app
from digest.web.compressing import PUBLIC
from tests.browser import OpenPage
from tests.web.conftest import Site
from tests.web.gallery import Gallery

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
GZIP = {"Accept-Encoding": "br, gzip"}
KILOBYTE = 1000


def is_compressed(answer: TestResponse) -> bool:
    return answer.headers.get("Content-Encoding") == "gzip"


@SQLITE
def test_public_pages_and_files_are_compressed_for_those_who_take_it(client: FlaskClient) -> None:
    page = client.get("/").text
    files = re.findall(r'(?:href|src)="(/static/[^"]+)"', page)
    assert files
    for path in ("/", "/issues/", "/terms/1", "/embed.js", *files):
        squeezed, plain = client.get(path, headers=GZIP), client.get(path)
        assert not is_compressed(plain)
        assert "Accept-Encoding" in plain.headers["Vary"] + squeezed.headers["Vary"]
        if len(plain.data) < 1000:
            continue
        assert is_compressed(squeezed), path
        assert squeezed.headers["Content-Length"] == str(len(squeezed.data))
        opened = gzip.decompress(squeezed.data)
        assert len(opened) == len(plain.data)
        assert path.startswith("/static/") is False or opened == plain.data
    for refused in ("identity", "gzip;q=0", "br"):
        assert not is_compressed(client.get("/", headers={"Accept-Encoding": refused}))


@SQLITE
def test_a_compressed_file_is_known_again(client: FlaskClient) -> None:
    [path] = re.findall(r'href="(/static/[^"]+/site\.css)"', client.get("/").text)
    first = client.get(path, headers=GZIP)
    again = client.get(path, headers=GZIP | {"If-None-Match": first.headers["ETag"]})

    assert first.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert again.status_code == 304


@SQLITE
def test_nothing_behind_a_token_is_compressed(site: Site) -> None:
    period = site.subscribe()
    paths = [site.path(purpose, period) for purpose in (Purpose.UNSUBSCRIBE, Purpose.PREFERENCES)]
    paths += [site.confirm_path(), "/preferences", "/unsubscribe/broken", "/confirm/broken"]
    for path in paths:
        answer = site.client.get(path, headers=GZIP)
        assert len(answer.data) > 1000
        assert not is_compressed(answer)
        assert not is_compressed(site.client.post(path, headers=GZIP))


@SQLITE
def test_what_may_be_somebody_s_is_not_compressed(client: FlaskClient) -> None:
    for path in ("/subscribe?email=robin@example.org", "/?x=1", "/readyz"):
        assert not is_compressed(client.get(path, headers=GZIP))
    for header in ({"Cookie": "a=b"}, {"Authorization": "Bearer x"}):
        assert not is_compressed(client.get("/", headers=GZIP | header))
    sent = client.post("/subscribe", data={"email": "robin@example.org"}, headers=GZIP)
    assert b"robin@example.org" in sent.data
    assert not is_compressed(sent)


@SQLITE
def test_every_blueprint_that_is_compressed_is_known(make_runtime: Callable[..., Runtime]) -> None:
    """A page that is added is not compressed until somebody has thought about it."""
    app = create_app(make_runtime())
    tokens = {rule.endpoint for rule in app.url_map.iter_rules() if "token" in rule.arguments}
    assert tokens
    assert not {endpoint.partition(".")[0] for endpoint in tokens} & PUBLIC


def test_the_first_page_weighs_little(gallery: Gallery, open_page: OpenPage) -> None:
    page = open_page().page
    weights: dict[str, int] = {}
    kinds: dict[str, str] = {}
    devtools = page.context.new_cdp_session(page)
    devtools.send("Network.enable")
    devtools.send("Network.setCacheDisabled", {"cacheDisabled": True})
    devtools.on("Network.responseReceived", lambda e: kinds.update({e["requestId"]: e["type"]}))
    devtools.on(
        "Network.loadingFinished",
        lambda e: weights.update({e["requestId"]: int(e["encodedDataLength"])}),
    )
    page.goto(f"{gallery.url}/", wait_until="networkidle")
    asked = [each for each in weights if kinds[each] != "Image"]

    assert "Document" in {kinds[each] for each in asked}
    assert len(asked) <= 8
    assert sum(weights[each] for each in asked) <= 60 * KILOBYTE

"""`GET /api/v1/signup-boxes/<newsletter>` and `/embed.js`: what other sites load."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update

from digest.database.transactions import Database
from digest.models import Newsletter
from digest.newsroom.terms import publish_terms
from digest.runtime import Runtime
from digest.web import create_app
from digest.web.assets import all_assets, box_css
from tests.factories import NOW, PALETTE

PATH = "/api/v1/signup-boxes/editors-digest"
PAPER = "https://halyard.example"

ONLY_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def box(client: FlaskClient, **query: str) -> dict[str, Any]:
    answer = client.get(PATH, query_string=query, headers={"Origin": PAPER})
    assert answer.status_code == 200
    found = answer.get_json()
    assert isinstance(found, dict)
    return found


@ONLY_SQLITE
def test_a_card_says_what_comes_when_and_who_chooses(
    client: FlaskClient, database: Database
) -> None:
    with database.transaction() as session:
        session.execute(update(Newsletter).values(editor_portrait="a" * 64))
    card = box(client)

    assert card["heading"] == "The Editor’s Digest, free every Saturday"
    assert card["sentence"] == "Imara Vance-Oduya, editor of The Halyard, picks the stories."
    assert card["portrait"] == f"http://127.0.0.1:8000/media/{'a' * 64}"
    assert card["button"] == "Sign up"
    assert (card["language"], card["direction"]) == ("en", "ltr")
    assert card["wording"] == 1
    assert card["consent"] == {
        "before": "I have read and agree to the ",
        "link": "terms & conditions",
        "after": "",
        "url": "http://127.0.0.1:8000/terms/1",
    }
    assert card["privacy_url"] == "http://127.0.0.1:8000/privacy"
    assert card["colours"]["fill"] == ["#006B5E", "#67BBAB"]
    assert card["colours"]["edge"] == ["transparent", "transparent"]
    assert card["unreachable"].startswith("We could not reach The Halyard. Your address is still")


@ONLY_SQLITE
def test_a_topic_is_called_what_the_newsletter_calls_it(
    client: FlaskClient, database: Database
) -> None:
    with database.transaction() as session:
        session.execute(update(Newsletter).values(topics={"old-ships": "Ships & the sea"}))
    heading = "Get the Editor’s Digest on Ships & the sea, free every Saturday."
    assert box(client, variant="inline", topic="old-ships")["heading"] == heading


@ONLY_SQLITE
@pytest.mark.parametrize(
    ("variant", "topic", "heading", "button"),
    [
        ("inline", "", "Get the Editor’s Digest, free every Saturday.", "Sign up"),
        (
            "inline",
            "chinese-economy",
            "Get the Editor’s Digest on Chinese economy, free every Saturday.",
            "Sign up",
        ),
        (
            "footer",
            "",
            "The Editor’s Digest, in your inbox every Saturday.",
            "Sign up for free",
        ),
        ("card", "ports", "The Editor’s Digest on Ports, free every Saturday", "Sign up"),
    ],
)
def test_each_variant_has_its_words(
    client: FlaskClient, variant: str, topic: str, heading: str, button: str
) -> None:
    found = box(client, variant=variant, topic=topic)

    assert (found["heading"], found["button"]) == (heading, button)
    assert found["topic"] == (topic or None)
    if variant != "card":
        assert found["sentence"] is found["portrait"] is None


@ONLY_SQLITE
def test_the_newest_words_are_shown(client: FlaskClient, database: Database) -> None:
    with database.transaction() as session:
        publish_terms(session, "Newer terms.", NOW, "I agree to the [terms], gladly")
    found = box(client)

    assert found["wording"] == 2
    assert found["consent"]["after"] == ", gladly"
    assert found["consent"]["url"].endswith("/terms/2")


@ONLY_SQLITE
@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/api/v1/signup-boxes/nothing", "There is no such newsletter."),
        ("/api/v1/signup-boxes/A'B", "There is no such newsletter."),
        (f"{PATH}?variant=banner", "There is no such variant. There are: card, inline, footer."),
        (f"{PATH}?topic=A+B", "A topic is named by its slug, like chinese-economy."),
    ],
)
def test_a_mistake_of_the_page_is_named(client: FlaskClient, path: str, said: str) -> None:
    answer = client.get(path, headers={"Origin": PAPER})

    assert answer.status_code == 404
    assert answer.get_json()["detail"].startswith(said)
    assert answer.headers["Access-Control-Allow-Origin"] == PAPER


@ONLY_SQLITE
def test_a_newsletter_that_has_ended_has_no_box(client: FlaskClient, database: Database) -> None:
    with database.transaction() as session:
        session.execute(update(Newsletter).values(retired_at=NOW))

    assert client.get(PATH).status_code == 404
    assert client.get("/embed/editors-digest").status_code == 404


@ONLY_SQLITE
def test_before_there_are_terms_there_is_no_box(
    make_runtime: Callable[..., Runtime], newsletter: Newsletter
) -> None:
    client = create_app(make_runtime()).test_client()
    answer = client.get(PATH)

    assert answer.status_code == 404
    assert "No terms have been published yet" in answer.get_json()["detail"]
    assert "There is nothing to sign up to yet" in client.get("/embed/").text


@ONLY_SQLITE
def test_scripts_of_declared_pages_may_read_it(client: FlaskClient) -> None:
    declared = client.get(PATH, headers={"Origin": PAPER})
    other = client.get(PATH, headers={"Origin": "https://evil.example"})
    own = client.get(PATH)

    assert declared.headers["Access-Control-Allow-Origin"] == PAPER
    assert other.status_code == 403
    detail = other.get_json()["detail"]
    assert detail == (
        "This page's site is not declared. Add https://evil.example to DIGEST_EMBED_ORIGINS."
    )
    assert own.status_code == 200
    assert {each.headers["Vary"] for each in (declared, other, own)} == {"Origin"}


@ONLY_SQLITE
def test_the_element_is_small_and_may_stand_anywhere(client: FlaskClient) -> None:
    script = client.get("/embed.js")

    assert script.status_code == 200
    assert script.content_type == "text/javascript; charset=utf-8"
    assert len(script.data) < 14_000
    assert script.headers["Access-Control-Allow-Origin"] == "*"
    assert script.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert script.headers["Cache-Control"] == "public, max-age=600"
    again = client.get("/embed.js", headers={"If-None-Match": script.headers["ETag"]})
    assert again.status_code == 304
    # It has its style, and nothing that a strict policy of its host would forbid.
    assert "/* embed.css */" not in script.text
    assert ".card{" in script.text
    assert not re.search(
        r"innerHTML|\beval\b|new Function|cookie|setAttribute\(.style", script.text
    )


def test_the_style_can_stand_in_the_script() -> None:
    assert not re.search(rb"[`\\]|\$\{", all_assets()["embed.css"].content)


def test_a_frame_s_colours_follow_the_page_around_it() -> None:
    sheet = box_css(PALETTE | {"text": "red;}body{display:none"})

    assert "--accent-fill:light-dark(#006B5E,#67BBAB);" in sheet
    assert "--accent-on-fill:light-dark(#FFFFFF,#0E1519);" in sheet
    assert "display:none" not in sheet

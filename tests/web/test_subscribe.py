"""`/` and `/subscribe`."""

import io
import re
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from flask.testing import FlaskClient

from digest.database.transactions import Database
from digest.migrations import upgrade
from digest.models import (
    ConsentDetail,
    IssueState,
    Newsletter,
    Notice,
    SignUp,
    Subscription,
    Wording,
)
from digest.newsroom.terms import publish_terms
from digest.runtime import SEND_NOTICES, Runtime
from digest.web import create_app
from tests.factories import NOW, make_article, make_issue, make_newsletter
from tests.readers.conftest import ReadersDesk
from tests.servers.postgresql import PrivatePostgres
from tests.web.conftest import RecordingBell, Site, heading, words

ONLY_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_the_front_page_has_the_newsletter_and_a_box_that_is_not_ticked(
    client: FlaskClient,
) -> None:
    page = client.get("/")

    assert heading(page) == "Editor’s Digest"
    assert "I have read and agree to the" in page.text
    assert 'href="/terms/1"' in page.text
    assert '<input type="hidden" name="wording" value="1">' in page.text
    [box] = re.findall(r'<input[^>]*name="consent"[^>]*>', page.text)
    assert "checked" not in box
    assert "required" in box


def test_signing_up_rings_for_the_notice_and_says_what_to_do(
    site: Site, bell: RecordingBell
) -> None:
    page = site.sign_up("Robin@example.org")

    assert page.status_code == 200
    assert heading(page) == "Now check your email"
    assert "We have sent a link to Robin@example.org ." in words(page)
    assert bell.rung == [SEND_NOTICES]
    assert site.desk.count(Notice) == 1
    assert page.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in page.headers


def test_the_answer_is_the_same_for_a_stranger_and_a_reader(site: Site) -> None:
    site.subscribe("mina@example.org")

    known, unknown = site.sign_up("mina@example.org"), site.sign_up("nina@example.org")
    trap = site.sign_up("zina@example.org", website="https://spam.example")
    texts = [re.sub(r"1wk1\.[\w-]{38}", "…", page.text) for page in (known, unknown, trap)]
    assert texts[0] == texts[1].replace("nina", "mina") == texts[2].replace("zina", "mina")
    assert texts[0].count("…") == known.text.count("…") + 1
    assert known.headers == unknown.headers == trap.headers


def test_a_plain_form_on_another_site_works_without_cookie_or_script(
    client: FlaskClient, desk: ReadersDesk
) -> None:
    page = client.post(
        "/subscribe",
        data="email=robin%40example.org&newsletter=editors-digest&consent=on&wording=1&form=footer",
        content_type="application/x-www-form-urlencoded",
        headers={
            "Origin": "https://blog.example.net",
            "Referer": "https://blog.example.net/ports?page=2#form",
            "Sec-Fetch-Site": "cross-site",
            "User-Agent": "A browser",
        },
    )

    assert page.status_code == 200
    [row] = desk.rows(SignUp)
    assert (row.site, row.form) == ("blog.example.net", "footer")
    [detail] = desk.rows(ConsentDetail)
    assert detail.page_url == "https://blog.example.net/ports?page=2"
    assert detail.user_agent == "A browser"
    assert detail.ip == "127.0.0.1"


def test_a_multipart_form_works_as_well(client: FlaskClient, desk: ReadersDesk) -> None:
    fields = {"email": "a@example.org", "newsletter": "editors-digest", "consent": "1"}
    page = client.post(
        "/subscribe", data=fields | {"wording": "1"}, content_type="multipart/form-data"
    )

    assert page.status_code == 200
    assert desk.count(SignUp) == 1


def test_our_own_page_is_called_by_the_paper_s_site(
    client: FlaskClient, site: Site, desk: ReadersDesk
) -> None:
    client.environ_base["HTTP_REFERER"] = "http://127.0.0.1:8000/subscribe"
    site.sign_up()

    assert desk.rows(SignUp)[0].site == "halyard.example"


def test_mistakes_are_told_beside_their_fields_with_what_was_typed_kept(
    site: Site, bell: RecordingBell
) -> None:
    page = site.sign_up("robin.example.org", consent=None, topic="climate")

    assert page.status_code == 422
    assert "<title>Error: " in page.text
    assert heading(page) == "Editor’s Digest"
    assert 'value="robin.example.org"' in page.text
    assert '<input type="hidden" name="topic" value="climate">' in page.text
    assert page.text.count("Enter an email address with an @, like name@example.org") == 2
    assert page.text.count("Tick the box to agree to the terms") == 2
    assert re.search(r'<div class="problem" role="alert" tabindex="-1" autofocus', page.text)
    assert '<a href="#email">' in page.text
    assert 'aria-describedby="email-error"' in page.text
    assert bell.rung == []
    assert site.desk.count(SignUp) == 0


def test_a_box_that_was_ticked_stays_ticked_beside_another_mistake(site: Site) -> None:
    page = site.sign_up("robin")

    [box] = re.findall(r'<input[^>]*name="consent"[^>]*>', page.text)
    assert "checked" in box


def test_words_that_changed_since_are_shown_unticked(site: Site, database: Database) -> None:
    with database.transaction() as session:
        publish_terms(session, "Newer terms.", NOW)
    page = site.sign_up(wording="77")

    assert "This page was open for a long time. Press the button once more" in page.text
    assert '<input type="hidden" name="wording" value="2">' in page.text
    [box] = re.findall(r'<input[^>]*name="consent"[^>]*>', page.text)
    assert "checked" not in box


def test_what_a_stranger_typed_is_escaped(site: Site) -> None:
    hostile = '"><script>alert(1)</script>'
    page = site.sign_up(hostile, name=hostile, topic=hostile, form=hostile, wording=hostile)

    assert page.status_code == 422
    assert "<script>alert" not in page.text


def test_mistakes_are_problem_details_for_a_machine(client: FlaskClient) -> None:
    page = client.post("/subscribe", data={}, headers={"Accept": "application/json"})

    assert page.status_code == 422
    assert page.content_type == "application/problem+json"
    assert page.json is not None
    assert {error["field"] for error in page.json["errors"]} == {
        "newsletter",
        "email",
        "consent",
        "wording",
    }


def test_a_form_that_is_too_large_is_refused(client: FlaskClient, desk: ReadersDesk) -> None:
    before = desk.dump()
    page = client.post("/subscribe", data={"email": "a" * 70_000})

    assert page.status_code == 413
    assert heading(page) == "That is too much at once"
    assert desk.dump() == before


def test_several_newsletters_share_one_form(
    client: FlaskClient, site: Site, database: Database
) -> None:
    with database.transaction() as session:
        make_newsletter(session, "climate", name="Climate")
    page = client.get("/")

    assert re.findall(r'type="checkbox" name="newsletter" value="([^"]*)">', page.text) == [
        "editors-digest",
        "climate",
    ]
    assert heading(client.get("/subscribe?newsletter=climate")) == "Climate"
    asked = site.sign_up(newsletter=["editors-digest", "climate"])
    assert "start getting the Editor’s Digest and the Climate." in words(asked)
    assert site.client.post(site.confirm_path()).status_code == 200
    assert site.desk.count(Subscription) == 2


def test_nothing_chosen_among_several_is_told(
    client: FlaskClient, site: Site, database: Database
) -> None:
    with database.transaction() as session:
        make_newsletter(session, "climate", name="Climate")
    page = site.sign_up(newsletter=None)

    assert page.status_code == 422
    assert page.text.count("Choose at least one newsletter") == 2


def test_the_page_shows_the_latest_issue(
    client: FlaskClient, database: Database, newsletter: Newsletter
) -> None:
    assert "The first issue goes out on Saturday." in words(client.get("/"))
    with database.transaction() as session:
        articles = [make_article(session, slug) for slug in ("port", "cold")]
        day = date(2026, 11, 7)
        make_issue(session, newsletter, articles, IssueState.SENT, number=42, dateline=day)
    page = words(client.get("/"))

    assert "Last Saturday, No. 42" in page
    assert "The story of the port" in page


def test_a_paper_without_newsletters_or_terms_says_so(
    make_runtime: Callable[..., Runtime],
) -> None:
    client = create_app(make_runtime()).test_client()

    for path in ("/", "/subscribe", "/issues/"):
        assert client.get(path).status_code == 200
    assert heading(client.get("/")) == "There is nothing to sign up to yet"
    assert client.get("/terms/").status_code == 404


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_honest_503_when_the_database_is_gone(
    private_postgres: Callable[[], PrivatePostgres],
    make_runtime: Callable[..., Runtime],
    bell: RecordingBell,
    logged: io.StringIO,
) -> None:
    server = private_postgres()
    url = server.create_database()
    upgrade(url)
    runtime = make_runtime(url)
    with runtime.database.transaction() as session:
        make_newsletter(session)
        publish_terms(session, "Terms.", NOW)
    site = Site(create_app(runtime).test_client(), ReadersDesk(runtime.database, runtime.clock))  # type: ignore[arg-type]
    assert site.client.get("/").status_code == 200
    server.stop()
    page = site.sign_up("robin@example.org", name="Robin Quarterstaff")
    after = [site.client.get(path).status_code for path in ("/", "/issues/", "/readyz")]
    alive = site.client.get("/healthz").status_code
    server.start()

    assert page.status_code == 503
    assert heading(page) == "Something broke on our side"
    code = re.search(
        r"note of it \(code ([0-9A-F]{4})\)\. Nothing you typed was sent twice\.", page.text
    )
    assert code
    assert f"code={code[1]}" in logged.getvalue()
    assert not re.search(r"robin|quarterstaff", logged.getvalue(), re.IGNORECASE)
    assert "The Halyard" in page.text
    assert page.headers["Retry-After"] == "60"
    assert after == [503, 503, 503]
    assert alive == 200
    assert bell.rung == []
    assert site.desk.count(SignUp) == 0
    assert site.sign_up().status_code == 200, "it comes back by itself"


# SQLite stands for both here: a full disk under PostgreSQL is the same class of error (53100).
@ONLY_SQLITE
def test_an_honest_503_when_the_disk_is_full(
    client: FlaskClient, site: Site, app: Any, bell: RecordingBell
) -> None:
    runtime: Runtime = app.extensions["digest"]
    before = site.desk.dump()
    with runtime.database.engine.connect() as connection:
        raw = connection.connection.dbapi_connection
        assert raw is not None
        pages = raw.execute("PRAGMA page_count").fetchone()[0]
        raw.execute(f"PRAGMA max_page_count = {pages}")
    answers = [site.sign_up(f"reader{number}@example.org") for number in range(60)]
    full = [answer for answer in answers if answer.status_code == 503]

    assert full, "the file had more room than this test can fill"
    assert heading(full[0]) == "Something broke on our side"
    taken = [answer for answer in answers if answer.status_code == 200]
    assert len(taken) + len(full) == 60
    rows = site.desk.dump()
    added = {name: len(rows[name]) - len(before[name]) for name in rows}
    assert added["sign_up"] == added["notice"] == added["consent"] == len(taken)
    assert added["consent_detail"] == added["sign_up_choice"] == len(taken)
    assert bell.rung == [SEND_NOTICES] * len(taken)


@ONLY_SQLITE
def test_a_database_that_cannot_be_written_is_a_503_for_the_form_only(
    client: FlaskClient, site: Site, app: Any
) -> None:
    runtime: Runtime = app.extensions["digest"]
    before = site.desk.dump()
    with runtime.database.engine.connect() as connection:
        raw = connection.connection.dbapi_connection
        raw.execute("PRAGMA query_only = ON")  # type: ignore[union-attr]
    assert site.sign_up().status_code == 503

    assert client.get("/").status_code == 200
    assert site.desk.dump() == before


def test_terms_stay_readable_and_privacy_leads_somewhere(
    client: FlaskClient, database: Database, wording: Wording
) -> None:
    with database.transaction() as session:
        publish_terms(session, "# Newer\n\n<script>alert(1)</script> [x](javascript:alert(1))", NOW)

    assert "We send what you asked for." in client.get("/terms/1").text
    newest = client.get("/terms/")
    assert "Newer" in newest.text
    assert "<script" not in newest.text
    assert 'href="javascript' not in newest.text
    for path in ("/terms/3", "/terms/99999999999999999999", "/terms/x"):
        assert client.get(path).status_code == 404
    assert client.get("/privacy").status_code == 200


def test_the_publisher_s_own_privacy_notice_is_led_to(
    client: FlaskClient, database: Database
) -> None:
    from digest.models import Publication

    with database.transaction() as session:
        session.get_one(Publication, 1).privacy_url = "https://halyard.example/privacy"
    page = client.get("/privacy")

    assert (page.status_code, page.location) == (302, "https://halyard.example/privacy")

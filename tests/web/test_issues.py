"""The archive, and "Read online"."""

import re
from datetime import date

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from digest.database.transactions import Database
from digest.models import Article, IssueState, Newsletter, Story, StoryRole
from digest.newsroom.intake.media import store_media
from digest.newsroom.intake.pictures import Encoded
from tests.factories import NOW, make_article, make_issue
from tests.web.conftest import heading, words


@pytest.fixture
def number_42(database: Database, newsletter: Newsletter) -> None:
    with database.transaction() as session:
        articles = [make_article(session, slug) for slug in ("port", "cold", "rain", "bat")]
        issue = make_issue(
            session,
            newsletter,
            articles,
            IssueState.SENT,
            number=42,
            subject="The port that decided to stop growing",
            note="Good morning.\n\nSave it for a second coffee.",
            last_thing="Look up <tonight>.\n\nAnd *mind* the gap.",
        )
        for brief in issue.stories[-2:]:
            brief.role = StoryRole.BRIEF
        for story in issue.stories:
            article = story.article
            story.title, story.url = f"Frozen {article.title}", article.url
            story.standfirst, story.byline = article.standfirst, article.byline
            story.section, story.minutes = article.section, article.minutes


def test_an_issue_is_shown_as_it_was_frozen(
    client: FlaskClient, number_42: None, database: Database
) -> None:
    page = client.get("/issues/editors-digest/42")

    assert page.status_code == 200
    assert heading(page) == "Editor’s Digest"
    text = words(page)
    assert "No. 42 · Saturday 14 November 2026" in text
    assert "Four stories, 20 minutes. Chosen by Imara Vance-Oduya." in text
    assert "Frozen The story of the port" in text
    assert "Also on my desk" in text
    assert "Save it for a second coffee." in text
    assert "Look up &lt;tonight&gt;." in page.text
    [last] = re.findall(r'<div class="last-thing">(.*?)</div>', page.text, re.DOTALL)
    assert "<p>And <em>mind</em> the gap.</p>" in last, "one block, however many paragraphs"
    assert 'href="https://halyard.example/a/port"' in page.text
    assert 'name="consent"' in page.text, "the card at its end"


def test_what_nobody_knows_the_length_of_says_nothing_of_it(
    client: FlaskClient, number_42: None, database: Database
) -> None:
    with database.transaction() as session:
        stories = list(session.scalars(select(Story).order_by(Story.position)))
        for story in stories[1:]:
            story.minutes = None
        stories[2].byline = None
    some = words(client.get("/issues/editors-digest/42"))
    assert "Four stories. Chosen by Imara Vance-Oduya." in some
    assert some.count("min read") == 1
    assert "None" not in some

    with database.transaction() as session:
        session.execute(update(Story).values(minutes=None, byline=None))
    for path in ("/issues/editors-digest/42", "/issues/"):
        page = client.get(path)
        shown = re.findall(r"<article.*?</article>", page.text, re.DOTALL)
        assert shown
        for markup in shown:
            assert not re.search('class="(meta|dot|minutes)"|None|min read', markup)


def test_a_story_that_was_withdrawn_is_marked_and_its_link_is_not_offered(
    client: FlaskClient, database: Database, number_42: None
) -> None:
    with database.transaction() as session:
        for slug in ("port", "cold", "rain"):
            found = session.scalars(select(Article).where(Article.url.endswith(f"/{slug}"))).one()
            found.withdrawn_at = NOW
    page = client.get("/issues/editors-digest/42")

    assert words(page).count("This story was withdrawn.") == 3
    for slug in ("port", "cold", "rain"):
        assert f"Frozen The story of the {slug}" in words(page)
        assert f"/a/{slug}" not in page.text
    assert 'href="https://halyard.example/a/bat"' in page.text
    assert page.text.count("A fact, then a turn.") == 1, "the one that is still there"
    assert "Read Joss’s story" not in page.text
    latest = client.get("/issues/editors-digest/")
    assert words(latest).count("This story was withdrawn.") == 3


def test_what_was_withdrawn_and_is_shown_again_has_its_link(
    client: FlaskClient, database: Database, number_42: None
) -> None:
    with database.transaction() as session:
        session.execute(update(Article).values(hidden_at=NOW))
    page = client.get("/issues/editors-digest/42")
    assert "withdrawn" not in words(page), "hidden is only not picked any more"


def test_the_archive_has_a_line_for_each_issue_by_year(
    client: FlaskClient, database: Database, newsletter: Newsletter, number_42: None
) -> None:
    with database.transaction() as session:
        make_issue(
            session,
            newsletter,
            [make_article(session, "lamp")],
            IssueState.SENT,
            number=1,
            occurrence_on=date(2025, 12, 27),
            dateline=date(2025, 12, 27),
        ).stories[0].title = "An old lamp"
    for path in ("/issues/", "/issues/editors-digest/"):
        page = words(client.get(path))
        assert page.index("2026") < page.index("No. 42 Frozen") < page.index("2025")
        assert page.index("2025") < page.index("No. 1 An old lamp")

    older = words(client.get("/issues/editors-digest/?before=42"))
    assert "An old lamp" in older
    assert "Frozen" not in older
    newest, first = (client.get(f"/issues/editors-digest/{number}") for number in (42, 1))
    assert "The one before, No. 1 An old lamp" in words(newest)
    assert 'rel="next"' not in newest.text
    assert "The one after, No. 42 Frozen The story of the port" in words(first)
    assert 'rel="prev"' not in first.text


def test_an_empty_archive_says_when_the_first_comes(client: FlaskClient) -> None:
    assert "The first issue goes out on Saturday. Get it by email." in words(
        client.get("/issues/editors-digest/")
    )


def test_what_has_not_gone_out_is_not_there(
    client: FlaskClient, database: Database, newsletter: Newsletter
) -> None:
    states = [IssueState.DRAFT, IssueState.SCHEDULED, IssueState.HELD, IssueState.SKIPPED]
    with database.transaction() as session:
        for number, state in enumerate(states, start=1):
            article = make_article(session, f"secret{number}")
            day = date(2026, 11, number)
            make_issue(
                session,
                newsletter,
                [article],
                state,
                number=number,
                occurrence_on=day,
                dateline=day,
            )

    for number in range(1, 5):
        assert client.get(f"/issues/editors-digest/{number}").status_code == 404
    for path in ("/issues/", "/issues/editors-digest/", "/"):
        assert "secret" not in client.get(path).text


def test_a_cancelled_issue_is_gone_and_says_so(
    client: FlaskClient, database: Database, newsletter: Newsletter
) -> None:
    with database.transaction() as session:
        article = make_article(session, "port")
        make_issue(session, newsletter, [article], IssueState.CANCELLED, number=39)
    page = client.get("/issues/editors-digest/39")

    assert page.status_code == 410
    assert heading(page) == "This issue was cancelled"
    assert "No. 39 of 14 November 2026" in words(page)
    assert "story of the port" not in page.text


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_addresses_that_lead_nowhere_are_404(client: FlaskClient) -> None:
    for path in (
        "/issues/no-such/",
        "/issues/no-such/1",
        "/issues/editors-digest/1",
        "/issues/editors-digest/999999999999999999999999",
        "/issues/editors-digest/?before=99999999999999999999",
        "/issues/editors-digest/?before=-1",
        "/issues/a%00b/",
        "/issues/%ff/1",
        "/media/" + "0" * 64,
        "/media/..%2f..%2fetc%2fpasswd",
        "/media/x%00",
        "/style/a%00b/x.css",
        "/style/no-such/x.css",
        "/static/x/../../wsgi.py",
        "/static/x/..%2f..%2fwsgi.py",
        "/static/x/no-such.css",
        "/no-such",
        "/%00",
    ):
        page = client.get(path)
        assert page.status_code == 404, path
        assert heading(page) == "There is no such page"


def test_a_picture_is_cached_for_ever(client: FlaskClient, database: Database) -> None:
    with database.transaction() as session:
        picture = Encoded(b"\xff\xd8 bytes", "image/jpeg", 640, 480)
        name = store_media(session, picture, NOW)
    answer = client.get(f"/media/{name}")

    assert answer.status_code == 200
    assert (answer.data, answer.content_type) == (b"\xff\xd8 bytes", "image/jpeg")
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    again = client.get(f"/media/{name}", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    head = client.head(f"/media/{name}")
    assert (head.status_code, head.headers["Content-Length"]) == (200, "8")

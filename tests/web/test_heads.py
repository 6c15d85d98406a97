"""What search engines, link previews and whoever comes by a link find in a page's head."""

import re
from html import unescape

import pytest
from flask.testing import FlaskClient

from digest.database.transactions import Database
from digest.models import IssueState, Newsletter
from tests.factories import NOW, make_article, make_issue, make_newsletter
from tests.web.conftest import Site

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
BY_EMAIL = (
    '<a class="masthead-link" href="/subscribe?newsletter=editors-digest">Get it by email</a>'
)


def metas(client: FlaskClient, path: str) -> dict[str, str]:
    page = client.get(path).text
    head = page[: page.index("</head>")]
    found = re.findall(r'<meta (?:name|property)="([a-z:_]+)" content="([^"]*)">', head)
    assert len(found) == len(dict(found)), "each is there once"
    return {name: unescape(content) for name, content in found}


@pytest.fixture
def issue(database: Database, newsletter: Newsletter) -> None:
    with database.transaction() as session:
        made = make_issue(
            session, newsletter, [make_article(session, "port")], IssueState.SENT, number=42
        )
        made.preheader = "A port, a cold store & a town's roofs"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/", "Free by email, on Saturdays at seven."),
        ("/subscribe?newsletter=editors-digest", "Free by email, on Saturdays at seven."),
        ("/issues/", "Past issues of the Editor’s Digest."),
        ("/issues/editors-digest/", "Past issues of the Editor’s Digest."),
        ("/issues/editors-digest/42", "A port, a cold store & a town’s roofs"),
        ("/terms/1", "the readers of its newsletters, version 1."),
        ("/privacy", "What The Halyard keeps about the readers"),
    ],
)
def test_a_page_that_may_be_found_says_what_it_holds(
    site: Site, issue: None, path: str, words: str
) -> None:
    found = metas(site.client, path)

    assert words in found["description"]
    assert found["og:description"] == found["description"]
    assert found["og:title"] in unescape(site.client.get(path).text.partition("</title>")[0])
    assert found["og:title"]
    assert found["og:site_name"] == "The Halyard"
    assert found["og:type"] == ("article" if path.endswith("42") else "website")


def test_a_page_of_a_reader_s_own_says_nothing_to_others(site: Site) -> None:
    site.sign_up()
    for path in (site.confirm_path(), "/preferences", "/nowhere"):
        assert not {"description", "og:title"} & set(metas(site.client, path))
        assert metas(site.client, path)["robots"] == "noindex"


def test_several_newsletters_are_named(site: Site, database: Database) -> None:
    with database.transaction() as session:
        make_newsletter(session, slug="climate", name="The Climate Letter")

    said = "Free by email: the Editor’s Digest and The Climate Letter."
    assert metas(site.client, "/")["description"] == said
    assert "Climate Letter" in metas(site.client, "/issues/")["description"]
    assert (
        '<a class="masthead-link" href="/">Get it by email</a>' in site.client.get("/issues/").text
    )


def test_whoever_reads_an_issue_can_get_it_by_email(
    site: Site, issue: None, database: Database, newsletter: Newsletter
) -> None:
    for path in ("/issues/", "/issues/editors-digest/", "/issues/editors-digest/42"):
        assert BY_EMAIL in site.client.get(path).text
    assert BY_EMAIL not in site.client.get("/").text
    with database.transaction() as session:
        session.get_one(Newsletter, newsletter.id).retired_at = NOW
    for path in ("/issues/editors-digest/", "/issues/editors-digest/42"):
        assert "Get it by email" not in site.client.get(path).text


def test_a_page_that_is_not_there_is_a_sentence(site: Site) -> None:
    text = re.sub(r"<[^>]+>", "", site.client.get("/nowhere").text)

    assert "It may have moved. See the past issues, or sign up." in text

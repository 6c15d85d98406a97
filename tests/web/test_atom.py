"""A newsletter's feed: Atom that others read without a complaint, whole, and of nobody."""

import re
from datetime import datetime, timedelta
from xml.etree import ElementTree as ET

import feedparser
import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from digest.database.transactions import Database
from digest.models import Article, Correction, Issue, IssueState, Newsletter, Publication, Story
from digest.newsroom.intake.feeds import read_feed
from tests.factories import NOW, make_article, make_issue

ATOM = "{http://www.w3.org/2005/Atom}"
OURS = "http://127.0.0.1:8000"
FEED = "/issues/editors-digest.atom"
# RFC 3339, as RFC 4287 3.3 narrows it.
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")


def publish(database: Database, newsletter: Newsletter, number: int, **changes: object) -> int:
    with database.transaction() as session:
        articles = [make_article(session, f"{slug}-{number}") for slug in ("port", "cold")]
        at = NOW + timedelta(days=7 * number)
        issue = make_issue(
            session, newsletter, articles, IssueState.SENT, number=number, frozen_at=at,
            occurrence_on=at.date(), dateline=at.date(), **changes,
        )  # fmt: skip
        for story in issue.stories:
            story.title, story.url = story.article.title, story.article.url
            story.standfirst, story.section = story.article.standfirst, story.article.section
        return issue.id


def only(element: ET.Element, name: str) -> ET.Element:
    [found] = element.findall(f"{ATOM}{name}")
    return found


def assert_is_atom(feed: ET.Element) -> None:
    """What RFC 4287 says a feed and its entries must have, or may have once: 4.1.1 and 4.1.2."""
    assert feed.tag == f"{ATOM}feed"
    entries = feed.findall(f"{ATOM}entry")
    assert feed.findall(f"{ATOM}author") or all(each.findall(f"{ATOM}author") for each in entries)
    for each in (feed, *entries):
        for name in ("id", "title", "updated"):
            assert only(each, name).text
        links = [
            (link.get("rel", "alternate"), link.get("type"), link.get("hreflang"))
            for link in each.findall(f"{ATOM}link")
        ]
        assert len(set(links)) == len(links)
        assert all(link.get("href") for link in each.findall(f"{ATOM}link"))
        for name in ("updated", "published"):
            for moment in each.findall(f"{ATOM}{name}"):
                assert MOMENT.fullmatch(moment.text or "")
        for once in ("published", "content", "summary", "subtitle", "icon", "logo", "rights"):
            assert len(each.findall(f"{ATOM}{once}")) <= 1
        assert all(category.get("term") for category in each.findall(f"{ATOM}category"))
        for person in each.findall(f"{ATOM}author"):
            assert only(person, "name").text
    ids = [only(each, "id").text for each in entries]
    assert len(set(ids)) == len(ids)
    assert all(re.match(r"[a-z][a-z0-9+.-]*:", each or "") for each in ids)


def test_others_read_it_whole(
    client: FlaskClient, database: Database, newsletter: Newsletter
) -> None:
    publish(database, newsletter, 1)
    publish(
        database, newsletter, 2, subject="Ports & <storms>", preheader="And a bat.",
        note="Good *morning*.", last_thing="Look up.",
    )  # fmt: skip
    answer = client.get(FEED)

    assert (answer.status_code, answer.mimetype) == (200, "application/atom+xml")
    feed = ET.fromstring(answer.data)
    assert_is_atom(feed)
    assert [only(each, "title").text for each in feed.findall(f"{ATOM}entry")] == [
        "Ports & <storms>", "The story of the port-1",
    ]  # fmt: skip
    parsed = feedparser.parse(answer.data)
    assert (parsed.bozo, parsed.version, parsed.feed.title) == (False, "atom10", "Editor’s Digest")
    newest = parsed.entries[0]
    assert newest.link == f"{OURS}/issues/editors-digest/2"
    assert newest.summary == "And a bat."
    [content] = newest.content
    assert content.type == "text/html"
    assert "<p>Good <em>morning</em>.</p>" in content.value
    assert '<a href="https://halyard.example/a/port-2">The story of the port-2</a>' in content.value
    assert "A fact, then a turn." in content.value
    assert "<strong>One last thing.</strong> Look up." in content.value
    # Our own reading of feeds has nothing to say against it either.
    read = read_feed(answer.data, f"{OURS}{FEED}", NOW + timedelta(days=60))
    assert [each.url for each in read.articles] == [
        f"{OURS}/issues/editors-digest/{number}" for number in (2, 1)
    ]
    assert read.oddities == ()


def test_every_address_is_whole_and_leads_to_nobodys_page(
    client: FlaskClient, database: Database, newsletter: Newsletter
) -> None:
    with database.transaction() as session:
        session.get_one(Newsletter, newsletter.id).count_clicks = True
    issue_id = publish(database, newsletter, 1)
    with database.transaction() as session:
        for story in session.get_one(Issue, issue_id).stories:
            story.image = "0" * 64
    text = client.get(FEED, headers={"Host": "elsewhere.example"}).text

    found = re.findall(r'(?:href|src)=(?:"|&quot;)(.*?)(?:"|&quot;)|<icon>(.*?)<', text)
    addresses = {one or other for one, other in found}
    assert f"{OURS}/media/" + "0" * 64 in addresses
    ours = {each for each in addresses if "halyard.example" not in each}
    assert all(each.startswith(f"{OURS}/") for each in ours), ours
    tokens = ("/u/", "/p/", "/c/", "/r/", "/s/", "unsubscribe", "confirm", "preferences")
    assert not any(token in each for each in ours for token in tokens)


def test_what_changes_an_issue_says_when(
    client: FlaskClient, database: Database, newsletter: Newsletter
) -> None:
    issue_id = publish(database, newsletter, 1)
    published = NOW + timedelta(days=7)

    def told() -> tuple[datetime, datetime, str]:
        entry = only(ET.fromstring(client.get(FEED).data), "entry")
        moments = (only(entry, name).text or "" for name in ("published", "updated"))
        first, last = (datetime.fromisoformat(each) for each in moments)
        return first, last, only(entry, "content").text or ""

    assert told()[:2] == (published, published)
    corrected = published + timedelta(hours=3)
    with database.transaction() as session:
        session.add(
            Correction(issue_id=issue_id, edition=2, at=corrected, by="Imara", words="A name.")
        )
    first, last, content = told()
    assert (first, last) == (published, corrected)
    assert "Corrected on 21 November 2026: A name." in content
    withdrawn = published + timedelta(hours=5)
    with database.transaction() as session:
        session.scalars(select(Article).limit(1)).one().withdrawn_at = withdrawn
    first, last, content = told()
    assert (first, last) == (published, withdrawn)
    assert "<h2>The story of the port-1</h2>" in content
    assert "/a/port-1" not in content


def test_older_ones_are_on_the_next_page(
    client: FlaskClient, database: Database, newsletter: Newsletter
) -> None:
    for number in range(1, 23):
        publish(database, newsletter, number)
    first = ET.fromstring(client.get(FEED).data)
    assert len(first.findall(f"{ATOM}entry")) == 20
    links = {link.get("rel"): link.get("href") or "" for link in first.findall(f"{ATOM}link")}
    assert links["next"] == f"{OURS}{FEED}?before=3"
    last = ET.fromstring(client.get(links["next"]).data)
    assert_is_atom(last)
    assert len(last.findall(f"{ATOM}entry")) == 2
    assert "next" not in {link.get("rel") for link in last.findall(f"{ATOM}link")}
    for nonsense in ("0", "-1", "x" * 9, str(2**40)):
        status = client.get(f"{FEED}?before={nonsense}").status_code
        assert status == (200 if nonsense.startswith("x") else 404), nonsense


def test_what_has_not_changed_is_not_sent_again(
    client: FlaskClient, database: Database, newsletter: Newsletter
) -> None:
    publish(database, newsletter, 1)
    etag = client.get(FEED).headers["ETag"]
    again = client.get(FEED, headers={"If-None-Match": etag})
    assert (again.status_code, again.data) == (304, b"")
    publish(database, newsletter, 2)
    assert client.get(FEED, headers={"If-None-Match": etag}).status_code == 200


def test_a_newsletter_without_issues_has_a_feed_and_an_unknown_one_none(
    client: FlaskClient, database: Database, newsletter: Newsletter
) -> None:
    with database.transaction() as session:
        make_issue(session, newsletter, [make_article(session, "draft")], IssueState.DRAFT)
    feed = ET.fromstring(client.get(FEED).data)
    assert_is_atom(feed)
    assert feed.findall(f"{ATOM}entry") == []
    assert client.get("/issues/nobodys.atom").status_code == 404


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_xml_cannot_hold_is_left_out(
    client: FlaskClient, database: Database, newsletter: Newsletter
) -> None:
    issue_id = publish(database, newsletter, 1, subject="A\x0bport\ufffe")
    with database.transaction() as session:
        session.scalars(select(Story).where(Story.issue_id == issue_id)).first().standfirst = "\x01"  # type: ignore[union-attr]
        session.get_one(Publication, 1).mark = "1" * 64
    feed = ET.fromstring(client.get(FEED).data)
    assert_is_atom(feed)
    assert only(only(feed, "entry"), "title").text == "Aport"
    assert only(feed, "icon").text == f"{OURS}/media/" + "1" * 64


def test_pages_say_where_the_feed_is_and_which_address_is_theirs(
    client: FlaskClient, database: Database, newsletter: Newsletter
) -> None:
    publish(database, newsletter, 1)
    for path, canonical in (
        ("/issues/", "/issues/editors-digest/"),
        ("/issues/editors-digest/", "/issues/editors-digest/"),
        ("/issues/editors-digest/?before=2&x=y", "/issues/editors-digest/?before=2"),
        ("/issues/editors-digest/1?utm_source=a", "/issues/editors-digest/1"),
    ):
        text = client.get(path).text
        assert f'<link rel="canonical" href="{OURS}{canonical}">' in text, path
        [feed] = re.findall(
            r'<link rel="alternate" type="application/atom\+xml".*?href="(.*?)"', text
        )
        assert client.get(feed).status_code == 200


def test_a_link_that_is_passed_on_has_the_leads_picture(
    client: FlaskClient, database: Database, newsletter: Newsletter
) -> None:
    issue_id = publish(database, newsletter, 1)
    with database.transaction() as session:
        lead = session.get_one(Issue, issue_id).stories[0]
        lead.image, lead.image_alt = "0" * 64, 'A "port" at night'
    shown = f'<meta property="og:image" content="{OURS}/media/{"0" * 64}">'
    alt = '<meta property="og:image:alt" content="A “port” at night">'
    for path in ("/issues/editors-digest/1", "/issues/editors-digest/"):
        text = client.get(path).text
        assert shown in text, path
        assert alt in text, path
    with database.transaction() as session:
        session.get_one(Issue, issue_id).stories[0].article.withdrawn_at = NOW
    assert "og:image" not in client.get("/issues/editors-digest/1").text

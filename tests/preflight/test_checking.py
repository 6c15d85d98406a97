"""What an editor reads before an issue goes out, and what keeps it from going."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import update

from digest.database.transactions import Database
from digest.models import Issue, IssueState, LeftOut, Media, Rendering, Story
from digest.newsroom.issues.history import Editor
from digest.newsroom.issues.ordering import pick_article
from digest.preflight.mail import Mail, incomplete
from tests.factories import NOW, PALETTE, make_article, make_issue
from tests.preflight.house import House
from tests.servers.web import WebServer

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def house(database: Database, http_server: WebServer) -> House:
    house = House(database, http_server)
    house.ask()
    return house


def test_an_issue_that_is_in_order_passes_everything(house: House) -> None:
    found = house.look()
    assert house.said() == []
    assert re.fullmatch(
        r"Thirteen checks passed\. The HTML is \d+ KB of the 102 KB that Gmail shows\.",
        found.summary,
    )
    assert (found.links, found.checked_at) == (3, NOW)


def test_what_keeps_an_issue(house: House) -> None:
    house.put(subject="TODO", note="Hello {{first_name}}, lorem ipsum.")
    house.put_story("reef", title="[headline]", blurb="More TK.")
    assert house.blocked() == [
        "The subject still has “TODO”. Replace it, or take it out.",
        "The note still has “{{first_name}}”. Replace it, or take it out.",
        "The headline of “[headline]” still has “[headline]”. Change it under Edit, or drop the "
        "story.",
        "The standfirst of “[headline]” still has “TK”. Change it under Edit, or drop the story.",
    ]
    assert [each.place for each in house.look().blockers][-1] == f"story-{house.articles['reef']}"
    house.put(subject=None, note=None)
    house.put_story("reef", title=None, blurb=None)
    assert house.said() == []

    # What the paper itself publishes may be about TODOs, or say of a picture that it is one, and
    # leave names out; nobody publishes lorem ipsum.
    for own in ("The reef [photo]", "“Dear [name],” it began", "Forty years of lorem ipsum"):
        house.put_article("salt", title=own, standfirst="A tide [insert pun here].")
        assert house.blocked() == [], own
        assert ["Is it meant?" in each for each in house.said()] == [True, True]
    house.put_article("salt", title="An app that is no TODO list", standfirst="Lorem ipsum dolor.")
    found = house.look()
    assert [each.blocks for each in found.findings] == [True, False]
    assert "Is it meant?" in found.warnings[0].sentence
    house.put_article("salt", title=" ", standfirst="A fact.")
    assert house.blocked() == ["There is no subject. Write one."]
    house.put(subject="Salt")
    assert house.blocked() == []

    house.put_newsletter(postal_address=" ", story_min=5)
    assert house.blocked() == [
        "It has three stories, and needs at least five. Add two more.",
        "The newsletter has no postal address, which every mail has to show. Give it one: "
        "digest newsletter edit editors-digest --postal-address",
    ]
    house.put_newsletter(postal_address="4 Ropewalk Yard", story_min=3)
    house.put(note="Ümläute, " * 8000)
    [large] = house.blocked()
    assert "Gmail cuts a mail at 102,400. Shorten the note" in large
    house.put(note=None)

    house.put_article("tide", withdrawn_at=NOW)
    assert house.blocked() == [], "the rule picked it, and replaces it"
    assert "It is replaced within a minute" in house.said()[0]
    house.put_story("tide", picked_by="Imara")
    assert house.blocked() == ["“The tide table” was withdrawn at its source. Drop it."]


def test_what_only_warns(house: House) -> None:
    with house.database.transaction() as session:
        issue = session.get_one(Issue, house.id)
        made = issue.newsletter
        earlier = make_issue(session, made, [], IssueState.SENT, occurrence_on=None)
        earlier.number, earlier.frozen_at = 41, NOW - timedelta(days=7)
        session.add(
            Rendering(issue_id=earlier.id, variant="default", language="en", stencil=b"",
                      subject="WHERE the salt goes", created_at=NOW)
        )  # fmt: skip
        session.add(
            Story(issue=earlier, article_id=house.articles["reef"], position=1, role="lead")
        )
        twin = make_article(
            session, "twin", title="Where the salt goes now?", url=f"{house.server.url}/a/twin"
        )
        pick_article(session, issue, twin.id, Editor("Imara"), NOW)
        session.add(
            Media(hash="d" * 64, content_type="image/png", width=1, height=1, content=b"d",
                  created_at=NOW)
        )  # fmt: skip
        issue.left_out = [LeftOut(article_id=twin.id, title="The moon", by_hand=True, at=NOW)]
        issue.left_out[0].article_id = make_article(session, "moon", withdrawn_at=NOW).id
        session.execute(update(type(made)).values(palette=PALETTE | {"text": "#FFD400"}))
    house.put_article("salt", lead_image="d" * 64)
    house.put_article("tide", published_at=NOW - timedelta(days=20))
    house.put_article("reef", updated_at=NOW)
    house.server.route("/a/twin", b"<p>Here.")
    house.ask()

    assert house.blocked() == []
    assert house.said() == [
        "“The moon” was withdrawn at its source, and nothing took its place. Add a story, or "
        "leave it at that.",
        "The accent’s contrast is only 1.3, and reading it needs 4.5. Save the accent again, which "
        "computes its colours anew: digest newsletter edit editors-digest --accent",
        "The picture of “Where the salt goes” has no description, so that its headline is read "
        "out in its place. Describe it for this issue (Picture, beside the story), or "
        "where it was published.",
        "“A reef comes back” was changed at its source on Saturday 14 November at 06:00, after it "
        "was picked. Read it again.",
        "“Where the salt goes” and “Where the salt goes now?” look like the same story. Drop one "
        "of them.",
        "“A reef comes back” was in No. 41 already. Drop it.",
        "“The tide table” is of 25 October 2026, more than fourteen days before the issue. Is it "
        "still news?",
        "The subject is that of No. 41. Write another one.",
    ]


def test_what_was_accepted_falls_with_what_it_was_of(house: House) -> None:
    house.put_newsletter(story_min=1)
    with house.database.transaction() as session:
        for digit in "de":
            session.add(
                Media(hash=digit * 64, content_type="image/png", width=1, height=1,
                      content=digit.encode(), created_at=NOW)
            )  # fmt: skip
    house.put_article("salt", lead_image="d" * 64, standfirst="What {{ it }} is.")
    before = {each.code for each in house.look().warnings}
    assert len(before) == 2
    house.put_article("salt", lead_image="e" * 64, standfirst="What {{ it }} costs.")
    assert not before & {each.code for each in house.look().warnings}


def test_an_order_changes_no_finding(house: House) -> None:
    elsewhere = house.server.url.replace("127.0.0.1", "localhost")
    for slug in ("reef", "tide"):
        house.answer(slug, 301, Location=f"{elsewhere}/b/{slug}")
        house.server.route(f"/b/{slug}", b"<p>Here.")
    house.now += timedelta(hours=1)
    unasked = {each.code for each in house.look().findings}
    house.ask()
    moved = {each.code for each in house.look().findings}
    house.put_story("reef", position=9)
    assert {each.code for each in house.look().findings} == moved
    house.now += timedelta(hours=1)
    assert {each.code for each in house.look().findings} == unasked


def test_a_mail_without_the_link_to_leave_cannot_go_out(house: House) -> None:
    mail = Mail(
        subject="Salt",
        octets=20_000,
        links=(),
        html_lacks=("postal address",),
        text_lacks=("unsubscribe link", "stories"),
    )
    with house.database.reading() as session:
        found = list(incomplete(session.get_one(Issue, house.id), mail))
    assert [(each.sentence, each.blocks) for each in found] == [
        ("The HTML has no postal address. Mend its template.", True),
        ("The plain text has no unsubscribe link. Mend its template.", True),
        ("The plain text does not have all the stories. Mend its template.", False),
    ]

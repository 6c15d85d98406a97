"""Links are asked of real servers, within bounds, and what they say is kept for the hour."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from digest.database.transactions import Database
from digest.models import Issue, LinkCheck
from digest.newsroom.issues.history import Editor
from digest.newsroom.issues.ordering import pick_article
from tests.factories import NOW, make_article
from tests.preflight.house import SLUGS, House
from tests.servers.web import Reply, Request, WebServer

HOUR = timedelta(hours=1)


@pytest.fixture
def house(database: Database, http_server: WebServer) -> House:
    return House(database, http_server)


def test_what_a_link_answers_is_told_in_words_and_kept_for_the_hour(house: House) -> None:
    assert house.said() == ["Three links were not checked within the hour. Check now."]
    assert house.server.requests == [], "looking fetches nothing"
    house.answer("salt", 404)
    house.answer("reef", 403)
    elsewhere = house.server.url.replace("127.0.0.1", "localhost")
    house.answer("tide", 301, Location=f"{elsewhere}/a/other")
    house.server.route("/a/other", b"<p>Here.")
    house.ask()
    assert house.said() == [
        "The link of “Where the salt goes” does not work. There is no page at that address (404). "
        "Mend it, or drop it.",
        "One link could not be checked, as 127.0.0.1 does not let programs in. Open it yourself.",
        "One link to 127.0.0.1 leads to localhost instead. See that it is meant to.",
    ]
    assert house.asked("salt") == ["HEAD", "GET"]
    assert house.asked("tide") == ["HEAD"]

    # Within the hour only what did not answer is asked again: it may be mended.
    house.now += timedelta(minutes=59)
    house.answer("salt", 200)
    house.ask()
    assert house.asked("salt") == ["HEAD", "GET", "HEAD"]
    assert (house.asked("reef"), house.asked("tide")) == (["HEAD", "GET"], ["HEAD"])
    assert len(house.said()) == 2
    house.now += timedelta(minutes=1)
    assert "Two links were not checked within the hour. Check now." in house.said()
    # Nothing is kept for longer than a day.
    with house.database.transaction() as session:
        session.add(LinkCheck(url_hash=b"o" * 32, url="https://example.org/", answer="answers",
                              checked_at=NOW - timedelta(days=2)))  # fmt: skip
    house.ask()
    with house.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(LinkCheck)) == 3


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_site_that_dislikes_programs_is_never_called_broken(house: House) -> None:
    for status in (401, 403, 429, 451, 503, 999):
        house.answer("salt", status)
        house.ask()
        assert "could not be checked" in house.said()[0], status
        house.now += HOUR
    house.answer("salt", 302, Location=f"{house.server.url}/a/salt?cookies=off")
    house.ask()
    assert "could not be checked" in house.said()[0], "it sends on for ever who keeps no cookies"
    house.now += HOUR
    house.answer("salt", 200, **{"cf-mitigated": "challenge"})
    house.answer("reef", 202, **{"x-amzn-waf-action": "challenge"})
    house.ask()
    [said] = house.said()
    assert said.startswith("Two links could not be checked, as 127.0.0.1 does not")
    house.now += HOUR
    for slug, status in (("salt", 410), ("reef", 500)):
        house.answer(slug, status)
    house.ask()
    assert ["does not work" in each for each in house.said()] == [True, True]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_links_are_asked_at_once_and_not_for_ever(house: House) -> None:
    together = dict.fromkeys(SLUGS, False)

    def meet(request: Request) -> Reply:
        # Answers only once all of them have been asked.
        together[request.path.rpartition("/")[2]] = True
        while not all(together.values()) and not house.server.closing.wait(0.005):
            pass
        return Reply(b"<p>Here.")

    for slug in SLUGS:
        house.server.route_to(f"/a/{slug}", meet)
    house.ask()
    assert house.said() == []

    house.now += HOUR
    together["never"] = False
    house.ask(seconds=0.05)
    assert house.said() == ["Three links were not checked within the hour. Check now."]
    together["never"] = True


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_two_stories_that_lead_to_one_page_are_told(house: House) -> None:
    with house.database.transaction() as session:
        url = f"{house.server.url}/a/short"
        short = make_article(session, "short", title="Something else entirely", url=url)
        issue = session.get_one(Issue, house.id)
        pick_article(session, issue, short.id, Editor("Imara"), NOW)
        house.articles["short"] = short.id
    house.answer("short", 302, Location=f"{house.server.url}/a/reef")
    house.ask()
    assert house.said() == [
        "“A reef comes back” and “Something else entirely” lead to the same page. Drop one of them."
    ]
    # An address on no public network is fetched by nobody, and no reader could open it.
    house.put_article("short", url="http://169.254.169.254/latest")
    house.ask()
    [said] = house.said()
    assert "is not on the public internet" in said

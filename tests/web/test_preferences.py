"""`/preferences/<token>`: what a forwarded link may do, each change with its evidence."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from digest.clock import FixedClock
from digest.database.transactions import Database
from digest.models import (
    Consent,
    ConsentKind,
    Newsletter,
    Notice,
    NoticeKind,
    SignUp,
    Subscriber,
    Subscription,
    Wording,
)
from digest.readers.consent import words_shown
from digest.readers.consent.sealing import seal_consents
from digest.runtime import SEND_NOTICES
from digest.tokens import Purpose
from tests.factories import NOW, RING, make_newsletter
from tests.web.conftest import RecordingBell, Site, heading, hidden, words

TOPICS = {"chinese-economy": "Chinese economy", "harbours": "Harbours"}


@pytest.fixture
def climate(database: Database) -> Newsletter:
    with database.transaction() as session:
        return make_newsletter(
            session, "climate", name="Climate Letter", promise="The weather, kindly."
        )


def active(site: Site) -> list[Subscription]:
    return [period for period in site.desk.rows(Subscription) if period.ended_at is None]


def shown(site: Site) -> list[tuple[ConsentKind, str | None]]:
    """What the consents after the sign-up say happened, and in which words."""
    labels = {row.id: row.label for row in site.desk.rows(Wording) if row.number < 0}
    rows = site.desk.rows(Consent)
    return [(row.kind, labels.get(row.wording_id or 0)) for row in rows if row.wording_id in labels]


def save(site: Site, path: str, slug: str = "editors-digest", **fields: object) -> TestResponse:
    return site.preferences(path, "save", newsletter=slug, **fields)


# Pausing and leaving


@pytest.mark.parametrize(
    ("pause", "until", "words_"),
    [
        ("four_weeks", NOW + timedelta(weeks=4), words_shown.FOUR_WEEKS),
        ("three_months", datetime(2027, 2, 14, 6, 0, tzinfo=UTC), words_shown.THREE_MONTHS),
        # Midnight in London, where the newsletter is at home, in summer.
        ("date", datetime(2027, 6, 30, 23, 0, tzinfo=UTC), words_shown.UNTIL_A_DATE),
    ],
)
def test_a_break_of_each_length_has_its_words(
    site: Site, pause: str, until: datetime, words_: str
) -> None:
    path = site.path(Purpose.PREFERENCES, site.subscribe())
    page = save(site, path, pause=pause, until="2027-07-01")

    assert "The Editor’s Digest is paused until" in words(page)
    assert "Paused until" in words(page)
    assert active(site)[0].paused_until == until
    assert shown(site) == [(ConsentKind.CHANGED, words_)]
    assert words_ in page.text, "the evidence is what the page shows"

    assert "Nothing has changed." in words(save(site, path, pause=pause, until="2027-07-01"))
    page = save(site, path, pause="resume")
    assert active(site)[0].paused_until is None
    assert shown(site)[1:] == [(ConsentKind.CHANGED, words_shown.RESUME)]


@pytest.mark.parametrize(
    "until", ["", "tomorrow", "2026-11-14", "2026-01-01", "2029-01-01", "9" * 99]
)
def test_a_day_that_cannot_be_is_told_beside_the_field(site: Site, until: str) -> None:
    path = site.path(Purpose.PREFERENCES, site.subscribe())
    before = site.desk.dump()
    page = save(site, path, pause="date", until=until)

    assert page.status_code == 422
    assert "<title>Error: What we send you" in page.text
    assert 'href="#until"' in page.text
    assert 'id="until"' in page.text
    assert site.desk.dump() == before


def test_leaving_is_one_button_and_asks_why_afterwards(site: Site, climate: Newsletter) -> None:
    site.subscribe(newsletter=["editors-digest", "climate"])
    first, second = site.desk.rows(Subscription)
    path = site.path(Purpose.PREFERENCES, first)
    page = site.preferences(path, "leave", newsletter="climate")

    assert [period.id for period in active(site)] == [first.id]
    assert shown(site) == [(ConsentKind.WITHDRAWN, words_shown.LEAVE)]
    page = site.preferences(path, "leave", newsletter="editors-digest")
    assert "You have left it. No Editor’s Digest will come any more." in words(page)
    assert "entirely optional" in words(page)
    assert active(site) == []
    assert second.id
    undo = {"action": "undo", "undo": hidden(page.text, "undo")}
    assert heading(site.client.post(unsubscribe_path(page), data=undo)) == "You are back"
    assert len(active(site)) == 1


def unsubscribe_path(page: TestResponse) -> str:
    [path] = set(re.findall(r'action="(/unsubscribe/[^"]+)"', page.text))
    return str(path)


def test_another_reader_s_newsletters_are_out_of_reach(site: Site, climate: Newsletter) -> None:
    mine = site.subscribe("robin@example.org")
    site.subscribe("mina@example.com", newsletter="climate")
    path = site.path(Purpose.PREFERENCES, mine)
    before = site.desk.dump()

    for action in ("leave", "save"):
        page = site.preferences(path, action, newsletter="climate", pause="four_weeks")
        assert page.status_code == 200
        assert "saved" not in page.text
    assert site.desk.dump() == before


# Topics and languages


def test_topics_are_those_of_the_newsletter_and_the_reader_s_own(
    site: Site, database: Database, newsletter: Newsletter
) -> None:
    with database.transaction() as session:
        session.get_one(Newsletter, newsletter.id).topics = TOPICS
    path = site.path(Purpose.PREFERENCES, site.subscribe(topic="old-ships"))
    page = site.client.get(path)
    for name in ("Chinese economy", "Harbours", "Old ships"):
        assert name in page.text

    save(site, path, topic=["harbours", "old-ships"])
    assert active(site)[0].topics == ["old-ships", "harbours"]
    save(site, path, topic=[])
    assert active(site)[0].topics == []
    assert shown(site) == [(ConsentKind.CHANGED, words_shown.TOPICS)] * 2
    assert "Old ships" not in site.client.get(path).text

    before = site.desk.dump()
    page = save(site, path, topic="no-such")
    assert page.status_code == 422
    assert "We do not have that topic." in words(page)
    assert site.desk.dump() == before


def test_a_language_is_a_choice_only_where_there_are_several(
    site: Site, database: Database, newsletter: Newsletter
) -> None:
    path = site.path(Purpose.PREFERENCES, site.subscribe())
    assert 'name="language"' not in site.client.get(path).text
    assert save(site, path, language="de").status_code == 422
    with database.transaction() as session:
        session.get_one(Newsletter, newsletter.id).languages = ["de"]

    assert "Deutsch</option>" in site.client.get(path).text
    assert "Your language is now Deutsch." in words(save(site, path, language="de"))
    assert site.desk.rows(Subscriber)[0].language == "de"
    assert shown(site) == [(ConsentKind.CHANGED, words_shown.LANGUAGE)]


# Joining


def test_joining_by_a_link_that_may_be_forwarded_needs_a_confirmation(
    site: Site, climate: Newsletter, bell: RecordingBell
) -> None:
    path = site.path(Purpose.PREFERENCES, site.subscribe())
    page = site.client.get(path)
    assert "The weather, kindly." in page.text
    assert " checked" not in page.text.partition('id="consent"')[2].partition(">")[0]

    refused = site.preferences(path, "join", newsletter="climate", wording="1")
    assert refused.status_code == 422
    assert "Tick the box to agree to the terms" in words(refused)
    page = site.preferences(path, "join", newsletter="climate", wording="1", consent="yes")
    assert "Now check your email. Press the button in it to start the Climate Letter." in words(
        page
    )
    assert "robin" not in page.text
    assert len(active(site)) == 1
    assert bell.rung[-1] == SEND_NOTICES
    assert site.desk.rows(SignUp)[-1].email == "robin@example.org"

    site.client.post(site.confirm_path())
    assert len(active(site)) == 2
    assert site.desk.count(Subscriber) == 1


# The proof


def test_a_form_without_the_page_s_proof_changes_nothing(site: Site, clock: FixedClock) -> None:
    mine = site.subscribe()
    path = site.path(Purpose.PREFERENCES, mine)
    other = site.path(Purpose.PREFERENCES, site.subscribe("mina@example.com"))
    good = hidden(site.client.get(path).text, "proof")
    another_s = hidden(site.client.get(other).text, "proof")
    token = RING.sign(Purpose.PREFERENCES, mine.token_id)
    before = site.desk.dump()

    for proof in (None, "", "x", another_s, good[:-2], token, good + "A"):
        data = {"action": "leave", "newsletter": "editors-digest", "proof": proof}
        sent = {name: value for name, value in data.items() if value is not None}
        page = site.client.post(path, data=sent)
        assert page.status_code == 400
        assert "Press the button once more" in words(page)
    clock.advance(timedelta(hours=13))
    stale = {"action": "leave", "newsletter": "editors-digest", "proof": good}
    assert site.client.post(path, data=stale).status_code == 400
    assert site.desk.dump() == before


def test_the_proof_of_a_page_without_a_session_is_worth_nothing_in_one(
    site: Site, client: FlaskClient
) -> None:
    path = site.path(Purpose.PREFERENCES, site.subscribe())
    proof = hidden(site.client.get(path).text, "proof")
    browser = client.application.test_client()
    browser.set_cookie("digest_reader", "a session's secret", path="/preferences")
    data = {"action": "leave", "newsletter": "editors-digest", "proof": proof}

    assert browser.post(path, data=data).status_code == 400
    assert len(active(site)) == 1


# What a forwarded link does not do


def test_a_forwarded_link_shows_and_changes_no_address(site: Site) -> None:
    path = site.path(Purpose.PREFERENCES, site.subscribe())
    page = site.client.get(path)
    assert heading(page) == "What we send you"
    assert "robin" not in page.text
    assert "Mail me a fresh link" in page.text
    before = site.desk.dump()

    answer = site.preferences(path, "address", email="thief@example.net")
    assert (answer.status_code, "thief" in answer.text) == (403, False)
    for sub in ("data", "data.json", "erase"):
        answer = site.client.get(f"{path}/{sub}")
        assert (answer.status_code, heading(answer)) == (403, "That needs a fresh link")
    proof = hidden(page.text, "proof")
    assert site.client.post(f"{path}/erase", data={"proof": proof}).status_code == 403
    assert site.desk.dump() == before


def test_a_fresh_link_is_mailed_at_most_three_times_a_day(
    site: Site, clock: FixedClock, bell: RecordingBell
) -> None:
    path = site.path(Purpose.PREFERENCES, site.subscribe())

    def mailed() -> int:
        page = site.preferences(path, "fresh")
        no_more = "You have had three links today, and we send no more."
        assert ("Now check your email." in words(page)) is not (no_more in words(page))
        assert "robin" not in page.text
        kinds = [row.kind for row in site.desk.rows(Notice)]
        return kinds.count(NoticeKind.FRESH_LINK)

    assert [mailed() for _ in range(5)] == [1, 2, 3, 3, 3]
    assert bell.rung[-1] == SEND_NOTICES
    clock.advance(timedelta(hours=25))
    assert mailed() == 4


def test_every_change_is_sealed_into_the_chain(site: Site, database: Database) -> None:
    path = site.path(Purpose.PREFERENCES, site.subscribe())
    save(site, path, pause="four_weeks")
    site.preferences(path, "leave", newsletter="editors-digest")

    assert seal_consents(database, NOW) == 4
    numbers = [row.number for row in site.desk.rows(Wording)]
    assert numbers[0] == 1
    assert [-(2**47) <= number < 0 for number in numbers[1:]] == [True, True]
    assert "I have read and agree" in site.client.get("/").text, "forms keep their own words"

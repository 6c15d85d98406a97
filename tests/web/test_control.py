"""What a fresh link gives: half an hour of everything, to the one who was mailed it."""

import json
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from digest.clock import FixedClock
from digest.database.transactions import Database
from digest.desk.audit import OPERATOR, record
from digest.models import (
    AddressChange,
    Consent,
    ConsentDetail,
    ConsentKind,
    Notice,
    NoticeKind,
    ReaderSession,
    Subscriber,
    Subscription,
    Suppression,
    SuppressionReason,
)
from digest.readers.consent.sealing import seal_consents
from digest.readers.data.erasing import erase
from digest.readers.preferences.fresh_links import open_session
from digest.readers.preferences.leaving import leave
from digest.tokens import Purpose
from digest.web import create_app
from tests.factories import NOW, RING, SUPPRESSION_KEY, make_newsletter
from tests.web.conftest import Site, heading, hidden, words

NEW = "robin@example.net"


class Browser:
    """A browser that keeps its cookies, and a reader in it."""

    def __init__(self, site: Site, period: Subscription) -> None:
        self.site = site
        self.client: FlaskClient = site.client.application.test_client()
        self.path = site.path(Purpose.PREFERENCES, period)

    def ask(self) -> str:
        """Have a fresh link mailed; return its path."""
        self.site.preferences(self.path, "fresh")
        return fresh_path(self.site)

    def open(self) -> TestResponse:
        return self.client.post(self.ask(), follow_redirects=True)

    def press(self, action: str, **fields: Any) -> TestResponse:
        proof = hidden(self.client.get(self.path).text, "proof")
        return self.client.post(self.path, data={"action": action, "proof": proof, **fields})

    def is_open(self) -> bool:
        return "robin@" in self.client.get(self.path).text


def newest(site: Site, kind: NoticeKind) -> Notice:
    return [row for row in site.desk.rows(Notice) if row.kind is kind][-1]


def fresh_path(site: Site) -> str:
    token_id = newest(site, NoticeKind.FRESH_LINK).token_id
    return f"/preferences/fresh/{RING.sign(Purpose.FRESH_LINK, token_id)}"


def new_address_path(site: Site) -> str:
    token_id = site.desk.rows(AddressChange)[-1].token_id
    return f"/preferences/address/{RING.sign(Purpose.NEW_ADDRESS, token_id)}"


@pytest.fixture
def browser(site: Site) -> Browser:
    return Browser(site, site.subscribe())


def suppress(database: Database, email: str, reason: SuppressionReason) -> None:
    with database.transaction() as session:
        mac = SUPPRESSION_KEY.mac(email)
        session.add(Suppression(mac=mac, reason=reason, created_at=NOW))


# The link and its session


def test_the_first_post_spends_the_link_and_opens_half_an_hour(
    browser: Browser, site: Site, clock: FixedClock
) -> None:
    link = browser.ask()
    assert heading(browser.client.get(link)) == "Open your page?"
    answer = browser.client.post(link)
    assert answer.status_code == 303
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("digest_reader=")
    for part in ("HttpOnly", "SameSite=Strict", "Path=/preferences", "Max-Age=1800"):
        assert f"; {part}" in cookie
    assert "Secure" not in cookie, "the demo is on plain http"
    page = browser.client.get(browser.path)
    assert "robin@example.org" in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert "until 06:30" in words(page)

    thief = site.client.application.test_client()
    for ask in (thief.post, thief.get):
        answer = ask(link)
        assert heading(answer) == "That link has been used"
        assert "Set-Cookie" not in answer.headers
    clock.advance(timedelta(minutes=31))
    assert not browser.is_open()


def test_over_https_the_cookie_never_travels_in_the_clear(make_runtime: Any, site: Site) -> None:
    browser = Browser(site, site.subscribe())
    app: Flask = create_app(make_runtime(public_url="https://digest.example.org"))
    assert "; Secure" in app.test_client().post(browser.ask()).headers["Set-Cookie"]


def test_a_link_runs_out_after_half_an_hour_and_another_is_one_button_away(
    browser: Browser, clock: FixedClock, site: Site
) -> None:
    link = browser.ask()
    clock.advance(timedelta(minutes=30))
    for answer in (browser.client.get(link), browser.client.post(link)):
        assert heading(answer) == "That link has run out"
    assert site.desk.count(ReaderSession) == 0

    assert heading(browser.client.post(link, data={"action": "again"})) == "Now check your email"
    assert fresh_path(site) != link
    browser.client.post(fresh_path(site))
    assert browser.is_open()


def test_get_and_head_spend_nothing(browser: Browser, site: Site) -> None:
    link = browser.ask()
    before = site.desk.dump()
    for _ in range(3):
        assert browser.client.get(link).status_code == 200
        assert browser.client.head(link + "?action=again").status_code == 200
    assert site.desk.dump() == before
    browser.client.post(link)
    assert browser.is_open()


@pytest.mark.parametrize("which", ["fresh link", "new address"])
def test_a_mail_s_short_path_leads_to_the_page_and_takes_no_press_itself(
    browser: Browser, site: Site, which: str
) -> None:
    path, short, button = browser.ask(), "/r/", "Yes, open it"
    if which == "new address":
        browser.client.post(path)
        browser.press("address", email=NEW)
        path, short, button = new_address_path(site), "/a/", "Yes, use this address"
    mailed = short + path.rpartition("/")[2]
    before = site.desk.dump()
    for action in ({}, {"action": "again"}):
        assert browser.client.post(mailed, data=action).status_code == 405
    page = browser.client.get(mailed, follow_redirects=True)
    assert page.request.path == path
    assert button in page.text
    assert f'action="{path}"' in page.text
    assert site.desk.dump() == before


def test_two_presses_at_once_open_one_session(browser: Browser, site: Site) -> None:
    browser.ask()
    token_id = newest(site, NoticeKind.FRESH_LINK).token_id
    secrets = []
    for _ in range(2):
        with site.desk.database.transaction() as session:
            secrets.append(open_session(session, token_id, now=NOW)[1])
    assert secrets[0]
    assert secrets[1] is None
    assert site.desk.count(ReaderSession) == 1


def test_a_session_opens_its_own_reader_s_page_alone(browser: Browser, site: Site) -> None:
    browser.open()
    hers = site.path(Purpose.PREFERENCES, site.subscribe("mina@example.com"))
    page = browser.client.get(hers)
    assert "mina" not in page.text
    assert "robin@" not in page.text
    for sub in ("data", "data.json", "erase"):
        assert browser.client.get(f"{hers}/{sub}").status_code == 403


def test_the_session_can_be_closed(browser: Browser) -> None:
    browser.open()
    assert browser.is_open()
    kept = browser.client.get_cookie("digest_reader", path="/preferences")
    assert kept is not None
    assert browser.press("close").status_code == 303
    assert not browser.is_open()
    browser.client.set_cookie("digest_reader", kept.value, path="/preferences")
    assert not browser.is_open(), "whoever kept the cookie has nothing"


def test_in_a_session_a_newsletter_starts_at_once(
    browser: Browser, site: Site, database: Database
) -> None:
    with database.transaction() as session:
        make_newsletter(session, "climate", name="Climate Letter")
    browser.open()
    fields = {"newsletter": "climate", "wording": "1"}
    assert browser.press("join", **fields).status_code == 422
    page = browser.press("join", consent="yes", **fields)

    assert "You are in: from now on you get the Climate Letter." in words(page)
    assert site.desk.rows(Subscription)[-1].started_at == NOW
    last = site.desk.rows(Consent)[-1]
    assert (last.kind, last.wording_id is not None) == (ConsentKind.CONFIRMED, True)


# Lost your link?


def test_lost_your_link_answers_everybody_alike(
    site: Site, database: Database, client: FlaskClient
) -> None:
    site.subscribe("robin@example.org")
    site.subscribe("mina@example.com")
    suppress(database, "mina@example.com", SuppressionReason.COMPLAINED)
    answers = {}
    for email in ("robin@example.org", "mina@example.com", "nobody@example.org"):
        answer = client.post("/preferences", data={"email": email})
        assert answer.headers["Cache-Control"] == "no-store"
        answers[answer.text.replace(email, "…"), answer.status_code] = email
    assert len(answers) == 1
    mailed = [row for row in site.desk.rows(Notice) if row.kind is NoticeKind.FRESH_LINK]
    assert [row.to_address for row in mailed] == ["robin@example.org"]


def test_lost_your_link_wants_an_address(client: FlaskClient) -> None:
    assert heading(client.get("/preferences")) == "Lost your link?"
    answer = client.post("/preferences", data={"email": "robin"})
    assert answer.status_code == 422
    assert "Enter an email address with an @" in words(answer)


def test_who_left_can_still_reach_their_data(browser: Browser, site: Site) -> None:
    site.preferences(browser.path, "leave", newsletter="editors-digest")
    site.client.post("/preferences", data={"email": "ROBIN@example.org"})
    browser.client.post(fresh_path(site))
    assert browser.is_open()


# A new address


def test_an_address_is_confirmed_at_the_new_one_and_told_to_the_old_one(
    browser: Browser, site: Site
) -> None:
    browser.open()
    old_link = browser.ask()
    page = browser.press("address", email=NEW)
    assert f"We have sent a link to {NEW} ." in words(page)
    confirmation = newest(site, NoticeKind.CONFIRMATION)
    assert confirmation.to_address == NEW
    assert site.desk.rows(Subscriber)[0].email == "robin@example.org"
    path = new_address_path(site)
    asked = site.client.get(path)
    assert heading(asked) == "Use this address?"
    assert "robin@example.org" not in asked.text
    assert site.desk.rows(Subscriber)[0].email == "robin@example.org"

    done = site.client.post(path)
    assert heading(done) == "Your address is changed"
    reader = site.desk.rows(Subscriber)[0]
    assert (reader.email, reader.suppression_mac) == (NEW, SUPPRESSION_KEY.mac(NEW))
    told = newest(site, NoticeKind.ADDRESS_CHANGED)
    assert told.to_address == "robin@example.org"
    last = site.desk.rows(Consent)[-1]
    assert last.kind is ConsentKind.CHANGED
    assert site.desk.rows(ConsentDetail)[-1].email == NEW
    assert site.desk.count(AddressChange) == 0

    assert not browser.is_open(), "it needs a fresh link to the new address"
    assert heading(site.client.post(old_link)) == "That link has run out"
    before = site.desk.dump()
    again = site.client.post(old_link, data={"action": "again"})
    assert again.status_code == 200
    assert site.client.post(path).status_code == 404
    assert site.desk.dump() == before, "whoever has the old mailbox gets nothing"


def test_an_address_that_another_reader_has_is_told_to_its_owner_alone(
    browser: Browser, site: Site
) -> None:
    site.subscribe("mina@example.com")
    browser.open()
    answers = {
        browser.press("address", email=email).text.replace(email, "…")
        for email in ("mina@example.com", "free@example.com")
    }
    assert len(answers) == 1
    [taken, free] = site.desk.rows(AddressChange)
    token = RING.sign(Purpose.NEW_ADDRESS, taken.token_id)
    before = site.desk.dump()
    for ask in (site.client.get, site.client.post):
        answer = ask(f"/preferences/address/{token}")
        assert (answer.status_code, heading(answer)) == (409, "That address has a reader already")
    assert site.desk.dump() == before
    assert free.email == "free@example.com"


@pytest.mark.parametrize("reason", list(SuppressionReason))
def test_a_suppressed_address_is_answered_alike_and_not_mailed(
    browser: Browser, site: Site, database: Database, reason: SuppressionReason
) -> None:
    suppress(database, NEW, reason)
    browser.open()
    page = browser.press("address", email=NEW)
    assert f"We have sent a link to {NEW} ." in words(page)
    may = reason is SuppressionReason.ERASED
    assert site.desk.count(AddressChange) == may


def test_an_address_suppressed_since_or_left_too_long_is_not_taken(
    browser: Browser, site: Site, database: Database, clock: FixedClock
) -> None:
    browser.open()
    browser.press("address", email=NEW)
    path = new_address_path(site)
    suppress(database, NEW, SuppressionReason.COMPLAINED)
    assert site.client.post(path).status_code == 403
    clock.advance(timedelta(hours=49))
    assert site.client.post(path).status_code == 404
    assert site.desk.rows(Subscriber)[0].email == "robin@example.org"


@pytest.mark.parametrize(
    ("email", "sentence"),
    [("", "Enter your email address"), ("x", "with an @"), ("Robin@EXAMPLE.org", "that we have")],
)
def test_an_address_that_cannot_be_is_told_beside_the_field(
    browser: Browser, email: str, sentence: str
) -> None:
    browser.open()
    page = browser.press("address", email=email)
    assert page.status_code == 422
    assert sentence in words(page)


def test_a_mistyped_new_address_is_asked_about_with_one_press_to_take_what_was_meant(
    browser: Browser, site: Site
) -> None:
    browser.open()
    page = browser.press("address", email="robin@gmial.com")

    assert page.status_code == 422
    assert page.text.count("Did you mean robin@gmail.com?") == 2
    assert "Is your address right?" in page.text
    assert "<title>Error" not in page.text
    assert site.desk.count(AddressChange) == 0
    press = page.text.index('name="instead" value="robin@gmail.com"')
    # The Enter key presses the first button of its form: not this one.
    assert page.text.index("first-press") < press
    taken = browser.press("address", email="robin@gmial.com", instead="robin@gmail.com")
    assert "We have sent a link to robin@gmail.com ." in words(taken)
    assert [row.email for row in site.desk.rows(AddressChange)] == ["robin@gmail.com"]
    assert 'value="robin@gmail.com"' not in taken.text


def test_a_new_address_that_was_asked_about_is_kept_by_the_same_button_once_more(
    browser: Browser, site: Site
) -> None:
    browser.open()
    page = browser.press("address", email="robin@gmial.com")
    sure = hidden(page.text, "sure")
    kept = browser.press("address", email="robin@gmial.com", sure=sure)
    assert "We have sent a link to robin@gmial.com ." in words(kept)
    other = browser.press("address", email="mina@gmial.com", sure=sure)
    assert "Did you mean mina@gmail.com?" in words(other), "that one was not asked about"


def test_a_new_address_with_words_around_it_is_offered_alone(browser: Browser) -> None:
    browser.open()
    page = browser.press("address", email="Mina <mina@example.com>")
    assert "Enter the address alone. Did you mean mina@example.com?" in words(page)
    assert 'name="instead" value="mina@example.com"' in page.text
    assert "<title>Error" in page.text


def test_a_stale_page_asks_nothing_about_the_address(browser: Browser) -> None:
    browser.open()
    fields = {"action": "address", "proof": "x", "email": "robin@gmial.com"}
    page = browser.client.post(browser.path, data=fields)
    assert page.status_code == 400
    assert "There is a problem" in page.text
    assert "Is your address right?" not in page.text
    assert 'value="robin@gmial.com"' in page.text


def test_lost_your_link_asks_about_a_mistyped_address_too(site: Site) -> None:
    site.subscribe("robin@gmail.com")
    page = site.client.post("/preferences", data={"email": "robin@gmial.com"})
    assert page.status_code == 422
    assert "Is your address right?" in page.text
    assert 'name="instead" value="robin@gmail.com"' in page.text
    fields = {"email": "robin@gmial.com", "instead": "robin@gmail.com"}
    assert heading(site.client.post("/preferences", data=fields)) == "Now check your email"
    assert newest(site, NoticeKind.FRESH_LINK).to_address == "robin@gmail.com"
    kept = {"email": "robin@gmial.com", "sure": hidden(page.text, "sure")}
    assert heading(site.client.post("/preferences", data=kept)) == "Now check your email"


def test_new_addresses_are_bounded_for_the_reader_and_for_the_address(
    browser: Browser, site: Site
) -> None:
    browser.open()
    assert [browser.press("address", email=NEW).status_code for _ in range(3)] == [200] * 3
    assert site.desk.count(AddressChange) == 2, "an address gets two confirmations a day"
    assert browser.press("address", email="a@example.net").status_code == 200
    assert browser.press("address", email="b@example.net").status_code == 422
    assert site.desk.count(AddressChange) == 3


# The data


def test_the_data_is_all_there_as_words_and_as_json(browser: Browser) -> None:
    browser.open()
    page = browser.client.get(f"{browser.path}/data")
    assert heading(page) == "What we hold about you"
    answer = browser.client.get(f"{browser.path}/data.json")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Cache-Control"] == "no-store"
    held = json.loads(answer.text)
    assert held["email"] == "robin@example.org"
    assert [each["kind"] for each in held["consents"]] == ["requested", "confirmed"]
    for consent in held["consents"]:
        assert consent["words"] == "I have read and agree to the [terms & conditions]"
        for value in (consent["ip"], consent["user_agent"], "agree to the terms & conditions"):
            assert value in words(page)
    # Programs get our tables' words, people their own.
    for word in ("editors-digest", "requested", "fresh_link", "fresh link", "accepted"):
        assert word not in words(page)
    for word in ("Newsletter Editor’s Digest", "Language English", "You asked for it"):
        assert word in words(page)
    assert "A link to your own page" in words(page)
    assert [each["kind"] for each in held["notices"]] == ["fresh_link"]
    assert len(held["sessions"]) == 1


# The erasure


def test_erasing_takes_a_second_page_and_ends_the_session(
    browser: Browser, site: Site, database: Database
) -> None:
    browser.open()
    browser.press("address", email=NEW)
    page = browser.client.get(f"{browser.path}/erase")
    assert heading(page) == "Erase everything about you?"
    assert browser.is_open(), "to look is not to erase"
    proof = hidden(page.text, "proof")
    with database.transaction() as session:
        said = {"before": "robin@example.org"}
        record(session, OPERATOR, "reader note", "subscriber", 1, now=NOW, values=said)

    assert browser.client.post(f"{browser.path}/erase", data={"proof": "x"}).status_code == 403
    done = browser.client.post(f"{browser.path}/erase", data={"proof": proof})
    assert heading(done) == "Everything about you is erased"
    assert "digest_reader=;" in done.headers["Set-Cookie"]
    left = json.dumps(site.desk.dump(), default=repr)
    assert "robin" not in left
    assert site.desk.rows(Subscriber)[0].erased_at == NOW
    assert [row.reason for row in site.desk.rows(Suppression)] == [SuppressionReason.ERASED]
    assert [row.kind for row in site.desk.rows(Consent)][-1] is ConsentKind.ERASED
    assert {row.once for row in site.desk.rows(Notice)} <= {None, site.desk.rows(Notice)[0].once}
    assert seal_consents(database, NOW) == 3
    page = browser.client.get(browser.path)
    assert "we know no reader by this link any more." in words(page)
    assert heading(browser.client.post(fresh_path(site))) == "That link has run out"


def test_an_erased_reader_s_links_answer_without_a_word_about_them(
    browser: Browser, site: Site, database: Database
) -> None:
    link = browser.ask()
    with database.transaction() as session:
        period = session.scalars(select(Subscription)).one()
        leave(session, period.token_id, now=NOW)
        erase(session, period.subscriber, now=NOW, suppression=SUPPRESSION_KEY)
    before = site.desk.dump()
    for answer in (site.client.post(link), site.client.post(link, data={"action": "again"})):
        assert answer.status_code == 404
        assert heading(answer) == "That link has run out"
    assert site.desk.dump() == before

"""`/confirm`, `/unsubscribe` and `/preferences`: what a link may do, and what it may not."""

import re
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event

from digest.clock import FixedClock
from digest.database.transactions import Database
from digest.models import (
    Consent,
    ConsentDetail,
    ConsentKind,
    EndedReason,
    Farewell,
    IssueState,
    LeavingReason,
    Newsletter,
    Notice,
    Subscriber,
    Subscription,
    Wording,
)
from digest.readers.data.erasing import erase
from digest.runtime import SEND_NOTICES
from digest.settings.loading import Key
from digest.tokens import KeyRing, Purpose
from digest.web import create_app
from tests.asked import asked
from tests.factories import NOW, RING, SUPPRESSION_KEY, make_article, make_issue
from tests.web.conftest import RecordingBell, Site, heading, hidden, words

STRANGER = KeyRing([Key("k1", b"x" * 32)])
FOLDERS = {
    "confirm": Purpose.CONFIRM,
    "unsubscribe": Purpose.UNSUBSCRIBE,
    "preferences": Purpose.PREFERENCES,
}


def active(site: Site) -> list[Subscription]:
    return [period for period in site.desk.rows(Subscription) if period.ended_at is None]


# Confirming


def test_confirm_shows_a_button_and_post_confirms(site: Site) -> None:
    site.sign_up()
    path = site.confirm_path()
    page = site.client.get(path)
    assert heading(page) == "Start the Editor’s Digest?"
    assert "It will go to robin@example.org on Saturdays at seven." in words(page)
    assert "Yes, start it" in page.text
    assert active(site) == []

    done = site.client.post(path)
    assert heading(done) == "You are in"
    assert "The next Editor’s Digest arrives on Saturday 14 November at seven." in words(done)
    assert "digest@halyard.example" in done.text
    assert len(active(site)) == 1
    detail = site.desk.rows(ConsentDetail)[-1]
    assert detail.page_url is None
    assert detail.ip == "127.0.0.1"


def test_confirming_again_says_the_same(site: Site) -> None:
    site.subscribe()
    before = site.desk.dump()

    for answer in (site.client.post(site.confirm_path()), site.client.get(site.confirm_path())):
        assert heading(answer) == "You are in"
    assert site.desk.dump() == before


def test_the_latest_issue_can_be_read_at_once(
    site: Site, database: Database, newsletter: Newsletter
) -> None:
    with database.transaction() as session:
        make_issue(session, newsletter, [make_article(session, "port")], IssueState.SENT, number=42)
    site.sign_up()

    assert "Read No. 42 now" in site.client.post(site.confirm_path()).text


def test_a_link_that_ran_out_says_so_kindly_and_mails_a_new_one(
    site: Site, clock: FixedClock, bell: RecordingBell
) -> None:
    site.sign_up()
    path = site.confirm_path()
    clock.advance(timedelta(hours=49))
    for page in (site.client.get(path), site.client.post(path)):
        assert heading(page) == "That link has run out"
        assert "Send me a new one" in page.text
    assert active(site) == []

    page = site.client.post(path, data={"action": "again"})
    assert heading(page) == "Now check your email"
    assert site.desk.count(Notice) == 2
    assert bell.rung == [SEND_NOTICES] * 2
    assert site.confirm_path() != path
    assert heading(site.client.post(site.confirm_path())) == "You are in"


def test_the_old_confirmation_link_does_not_bring_back_who_left(site: Site) -> None:
    period = site.subscribe()
    site.client.post(site.path(Purpose.UNSUBSCRIBE, period))

    for answer in (site.client.get(site.confirm_path()), site.client.post(site.confirm_path())):
        assert heading(answer) == "You have already left"
    assert active(site) == []


# Leaving


def test_unsubscribe_shows_a_button_and_post_leaves(site: Site) -> None:
    path = site.path(Purpose.UNSUBSCRIBE, site.subscribe())
    page = site.client.get(path)
    assert heading(page) == "Stop the Editor’s Digest?"
    assert "It comes every Saturday." in words(page)
    assert "robin" not in page.text, "a forwarded mail must not show the address"

    done = site.client.post(path, data={"action": "leave"})
    assert heading(done) == "You have left the Editor’s Digest"
    assert active(site) == []
    again = site.client.post(path, data={"action": "leave"})
    assert (again.status_code, heading(again)) == (200, "You have already left")
    assert heading(site.client.get(path)) == "You have already left"


def test_the_question_whether_to_leave_asks_in_one_transaction_for_no_more_than_it_shows(
    make_runtime: Any, site: Site, newsletter: Newsletter
) -> None:
    path = site.path(Purpose.UNSUBSCRIBE, site.subscribe())
    runtime = make_runtime()
    with runtime.database.transaction() as session:
        make_issue(session, newsletter, [make_article(session, "port")], IssueState.SENT, number=42)
    client = create_app(runtime).test_client()
    client.get(path)
    opened: list[object] = []
    event.listen(runtime.database.engine, "begin", opened.append)
    with asked(runtime.database) as seen:
        assert heading(client.get(path)) == "Stop the Editor’s Digest?"

    assert len(opened) == 1
    assert not [each for each in seen if "ORDER BY issue.number" in each]


@pytest.mark.parametrize(
    "content_type", ["application/x-www-form-urlencoded", "multipart/form-data"]
)
def test_one_click_leaves_in_both_encodings_twice(site: Site, content_type: str) -> None:
    path = site.path(Purpose.UNSUBSCRIBE, site.subscribe())
    for _ in range(2):
        answer = site.client.post(
            path,
            data={"List-Unsubscribe": "One-Click"},
            content_type=content_type,
            headers={"Origin": "https://mail.example.net", "Sec-Fetch-Site": "cross-site"},
        )
        assert answer.status_code == 200
        assert "Set-Cookie" not in answer.headers

    [period] = site.desk.rows(Subscription)
    assert period.ended_reason is EndedReason.LEFT
    kinds = [consent.kind for consent in site.desk.rows(Consent)]
    assert kinds.count(ConsentKind.WITHDRAWN) == 1


def test_an_erased_reader_and_an_unknown_one_are_answered_from_the_token_alone(
    site: Site, database: Database
) -> None:
    period = site.subscribe()
    with database.transaction() as session:
        reader = session.get_one(Subscriber, period.subscriber_id)
        erase(session, reader, now=NOW, suppression=SUPPRESSION_KEY)
    unknown = f"/unsubscribe/{RING.sign(Purpose.UNSUBSCRIBE, b'?' * 16)}"
    before = site.desk.dump()

    for path in (site.path(Purpose.UNSUBSCRIBE, period), unknown):
        answer = site.client.post(path, data={"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200
        assert "That was a mistake" not in answer.text
        assert site.client.get(path).status_code == 200
    assert site.desk.dump() == before


def test_a_retired_key_still_unsubscribes(site: Site) -> None:
    period = site.subscribe()
    runtime = site.client.application.extensions["digest"]
    runtime.ring = KeyRing([Key("k2", b"n" * 32), Key("k1", b"k" * 32)])

    assert site.client.post(site.path(Purpose.UNSUBSCRIBE, period)).status_code == 200
    assert active(site) == []


def test_a_mistake_is_undone_from_the_page_within_the_hour(site: Site, clock: FixedClock) -> None:
    path = site.path(Purpose.UNSUBSCRIBE, site.subscribe())
    page = site.client.post(path)
    undo = hidden(page.text, "undo")
    clock.advance(timedelta(minutes=50))

    back = site.client.post(path, data={"action": "undo", "undo": undo})
    assert heading(back) == "You are back"
    assert len(active(site)) == 1
    site.client.post(path)
    stale = site.client.post(path, data={"action": "undo", "undo": undo})
    assert heading(stale) == "You have already left"
    clock.advance(timedelta(hours=2))
    assert "That was a mistake" not in site.client.get(path).text


def test_the_words_of_each_button_are_kept_and_one_click_has_none(site: Site) -> None:
    path = site.path(Purpose.UNSUBSCRIBE, site.subscribe())
    page = site.client.get(path)
    for action in ("pause", "resume", "leave", "undo"):
        undo = re.findall(r'name="undo" value="([^"]+)"', page.text)
        page = site.client.post(path, data={"action": action, "undo": undo})
    site.client.post(path, data={"List-Unsubscribe": "One-Click"})

    labels = {row.id: row.label for row in site.desk.rows(Wording)}
    changes = site.desk.rows(Consent)[2:]
    assert [(row.kind, labels.get(row.wording_id or 0)) for row in changes] == [
        (ConsentKind.CHANGED, "Pause for four weeks instead"),
        (ConsentKind.CHANGED, "Start it again now"),
        (ConsentKind.WITHDRAWN, "Unsubscribe"),
        (ConsentKind.RESTORED, "That was a mistake, put me back"),
        (ConsentKind.WITHDRAWN, None),
    ]


def test_why_is_asked_once_and_never_in_the_way(site: Site) -> None:
    path = site.path(Purpose.UNSUBSCRIBE, site.subscribe())
    assert "tell us why" not in site.client.get(path).text
    page = site.client.post(path)
    assert heading(page) == "You have left the Editor’s Digest"
    assert "It is one tick, and entirely optional." in words(page)

    for nothing in ({}, {"reason": ""}, {"reason": "spam"}):
        answer = site.client.post(path, data={"action": "why", **nothing})
        assert (answer.status_code, heading(answer)) == (200, "You have already left")
    assert site.desk.count(Farewell) == 0
    for _ in range(2):
        page = site.client.post(path, data={"action": "why", "reason": "no_time"})
        assert "tell us why" not in page.text
    assert [(row.reason, row.readers) for row in site.desk.rows(Farewell)] == [
        (LeavingReason.NO_TIME, 1)
    ]
    assert "That was a mistake" in page.text, "it can still be taken back"


def test_undo_needs_its_own_token(site: Site) -> None:
    period = site.subscribe()
    path = site.path(Purpose.UNSUBSCRIBE, period)
    site.client.post(path)

    for undo in ("", "x", RING.sign(Purpose.UNSUBSCRIBE, period.token_id)):
        answer = site.client.post(path, data={"action": "undo", "undo": undo})
        assert answer.status_code == 404
    assert active(site) == []


def test_pausing_instead_of_leaving(site: Site) -> None:
    path = site.path(Purpose.UNSUBSCRIBE, site.subscribe())
    page = site.client.post(path, data={"action": "pause"})

    assert heading(page) == "Editor’s Digest is paused"
    assert "Nothing of it will come until Saturday 12 December." in words(page)
    assert active(site)[0].paused_until == NOW + timedelta(weeks=4)
    assert heading(site.client.post(path, data={"action": "resume"})) == "You are back"
    assert active(site)[0].paused_until is None


def test_an_action_that_we_do_not_know_is_refused(site: Site) -> None:
    period = site.subscribe()
    for purpose in (Purpose.UNSUBSCRIBE, Purpose.PREFERENCES):
        data = {"action": "destroy", "newsletter": "editors-digest"}
        assert site.client.post(site.path(purpose, period), data=data).status_code == 400
    assert len(active(site)) == 1


# Every link


def test_get_and_head_change_no_row_on_any_page_behind_a_token(
    site: Site, clock: FixedClock
) -> None:
    site.sign_up()
    pending = site.confirm_path()
    clock.advance(timedelta(minutes=1))
    period = site.subscribe("mina@example.com")
    left = site.subscribe("joss@example.com")
    site.client.post(site.path(Purpose.UNSUBSCRIBE, left))
    paths = [
        pending,
        site.confirm_path(),
        *(
            site.path(purpose, each)
            for each in (period, left)
            for purpose in (Purpose.UNSUBSCRIBE, Purpose.PREFERENCES)
        ),
    ]
    before = site.desk.dump()

    for path in paths:
        for ask in (site.client.get, site.client.head):
            for query in ("", "?action=leave", "?List-Unsubscribe=One-Click", "?action=again"):
                assert ask(path + query).status_code == 200
    clock.advance(timedelta(days=40))
    for path in paths:
        assert site.client.get(path).status_code == 200
    assert site.desk.dump() == before


def test_a_token_that_is_not_ours_opens_nothing(site: Site) -> None:
    period = site.subscribe()
    before = site.desk.dump()
    for folder, purpose in FOLDERS.items():
        good = RING.sign(purpose, period.token_id)
        others = [RING.sign(other, period.token_id) for other in Purpose if other is not purpose]
        forged = STRANGER.sign(purpose, period.token_id)
        changed = good[:-1] + ("A" if good[-1] != "A" else "B")
        for token in (forged, changed, good[:-4], good[:10], "x", "%00", good + "A", *others):
            for ask in (site.client.get, site.client.post):
                answer = ask(f"/{folder}/{token}", data={"action": "leave"})
                assert answer.status_code == 404, token
                assert heading(answer) == "We cannot read that link"
                assert "Copy the whole address" in words(answer)
    assert site.desk.dump() == before


def test_pages_behind_tokens_are_kept_by_nobody_and_tell_nobody(
    site: Site, client: FlaskClient
) -> None:
    period = site.subscribe()
    paths = [
        site.confirm_path(),
        site.path(Purpose.UNSUBSCRIBE, period),
        site.path(Purpose.PREFERENCES, period),
        "/unsubscribe/broken",
    ]

    for path in paths:
        for answer in (client.get(path), client.post(path)):
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert "Set-Cookie" not in answer.headers
            assert re.findall(r'(?:src|<link[^>]+href)="(?:https?:)?//', answer.text) == []


def test_neither_addresses_nor_tokens_are_logged(site: Site, logged: Any) -> None:
    period = site.subscribe("robin@example.org")
    path = site.path(Purpose.UNSUBSCRIBE, period)
    site.client.post(path, data={"action": "nonsense"})
    site.client.post(path)

    assert "robin" not in logged.getvalue()
    assert path.rpartition("/")[2] not in logged.getvalue()

"""Who presses “send it again” is told that it was, or when it can be."""

from datetime import timedelta

import pytest
from werkzeug.test import TestResponse

from digest.clock import FixedClock
from digest.models import Notice
from digest.tokens import Purpose
from tests.web.conftest import Site, heading, hidden, words

ONLY_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def again(site: Site, page: TestResponse, email: str = "robin@example.org") -> TestResponse:
    return site.sign_up(email, sent=hidden(page.text, "sent"))


def test_the_second_answer_says_so_the_same_for_everybody(site: Site, clock: FixedClock) -> None:
    site.subscribe("reader@example.org")
    said = []
    for email in ("stranger@example.org", "reader@example.org"):
        first = site.sign_up(email)
        assert "We have sent a link to" in words(first)
        clock.advance(timedelta(minutes=6))
        second = again(site, first, email)
        clock.advance(-timedelta(minutes=6))
        said.append(words(second).replace(email, "…"))
        assert "send it again" not in second.text, "two a day are all that an address gets"

    assert said[0] == said[1]
    assert "We have sent the link again, to …" in said[0]
    assert "you can have another from 06:00 on Sunday 15 November." in said[0]


@ONLY_SQLITE
@pytest.mark.parametrize("sent", ["", "x", "-1", "9" * 12, "9" * 99, "1", "٣"])
def test_what_no_page_of_ours_says_makes_a_first_time_of_it(site: Site, sent: str) -> None:
    page = site.sign_up(sent=sent)

    assert page.status_code == 200
    assert "We have sent a link to" in words(page)


@ONLY_SQLITE
def test_the_day_after_it_is_the_first_time_again(site: Site, clock: FixedClock) -> None:
    page = site.sign_up()
    clock.advance(timedelta(hours=25))

    assert "We have sent a link to" in words(again(site, page))


def test_a_link_that_ran_out_says_when_there_can_be_another(site: Site, clock: FixedClock) -> None:
    site.sign_up()
    path = site.confirm_path()
    clock.advance(timedelta(hours=49))
    for _ in range(2):
        assert heading(site.client.post(path, data={"action": "again"})) == "Now check your email"
        clock.advance(timedelta(minutes=10))
    before = site.desk.count(Notice)
    page = site.client.post(path, data={"action": "again"})

    assert heading(page) == "You have had two links today"
    assert "come back to this page at 07:00 on Tuesday 17 November" in words(page)
    assert "We have sent" not in page.text
    assert site.desk.count(Notice) == before
    clock.advance(timedelta(hours=24))
    assert heading(site.client.post(path, data={"action": "again"})) == "Now check your email"


def test_a_fresh_link_is_sent_three_times_and_then_the_hour_is_told(site: Site) -> None:
    path = site.path(Purpose.PREFERENCES, site.subscribe())
    for _ in range(3):
        assert "Now check your email." in words(site.preferences(path, "fresh"))
    page = site.preferences(path, "fresh")

    assert "Now check your email." not in words(page)
    assert "You can have another from 06:00 on Sunday 15 November." in words(page)

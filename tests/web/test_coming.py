"""What a click starts or ends is named, each newsletter with its own day."""

from datetime import timedelta

import pytest
from werkzeug.test import TestResponse

from digest.clock import FixedClock
from digest.database.transactions import Database
from digest.models import Issue, IssueState, Newsletter, Subscription
from digest.tokens import Purpose
from tests.factories import NOW, make_article, make_issue, make_newsletter
from tests.web.conftest import Site, heading, hidden, words

BOTH = ["editors-digest", "climate"]
DIGEST = "The next Editor’s Digest arrives on Saturday 14 November at seven."
CLIMATE = "The next Climate Letter arrives on Wednesday 18 November at six in the evening."
PAUSED = "The next one arrives on Saturday 12 December at seven."


@pytest.fixture
def climate(database: Database, newsletter: Newsletter) -> Newsletter:
    with database.transaction() as session:
        return make_newsletter(
            session,
            slug="climate",
            name="The Climate Letter",
            weekday=2,
            local_time=NOW.time().replace(hour=18, minute=0),
        )


def both(site: Site) -> tuple[Subscription, Subscription]:
    site.subscribe(newsletter=BOTH)
    first, second = sorted(site.desk.rows(Subscription), key=lambda each: each.newsletter_id)
    return first, second


def press(site: Site, path: str, action: str, page: TestResponse | None = None) -> TestResponse:
    fields = {"undo": hidden(page.text, "undo")} if page else {}
    return site.client.post(path, data={"action": action, **fields})


def test_one_link_for_two_names_both_with_their_days(site: Site, climate: Newsletter) -> None:
    asked = site.sign_up(newsletter=BOTH)
    assert "to start getting the Editor’s Digest and The Climate Letter." in words(asked)
    page = site.client.get(site.confirm_path())

    assert heading(page) == "Start the Editor’s Digest and The Climate Letter?"
    assert "They will go to robin@example.org :" in words(page)
    assert "The Editor’s Digest on Saturdays at seven." in words(page)
    assert "The Climate Letter on Wednesdays at six in the evening." in words(page)
    assert "Yes, start them" in page.text

    done = site.client.post(site.confirm_path())
    assert DIGEST in words(done)
    assert CLIMATE in words(done)


def test_an_old_link_of_two_tells_how_each_stands_today(site: Site, climate: Newsletter) -> None:
    digest, letter = both(site)
    press(site, site.path(Purpose.UNSUBSCRIBE, letter), "pause")
    press(site, site.path(Purpose.UNSUBSCRIBE, digest), "leave")
    page = site.client.get(site.confirm_path())

    assert heading(page) == "You are in"
    assert DIGEST not in words(page)
    assert CLIMATE not in words(page)
    assert "The Climate Letter is paused until Saturday 12 December." in words(page)
    assert "You have left the Editor’s Digest since." in words(page)
    press(site, site.path(Purpose.UNSUBSCRIBE, letter), "leave")
    page = site.client.get(site.confirm_path())
    assert heading(page) == "You have already left"
    assert "No Editor’s Digest and no Climate Letter will come any more." in words(page)


def test_leaving_one_names_what_still_comes(site: Site, climate: Newsletter) -> None:
    digest, letter = both(site)
    path, other = (site.path(Purpose.UNSUBSCRIBE, each) for each in (digest, letter))
    still = "The Climate Letter still comes on Wednesdays at six in the evening."
    assert still not in words(site.client.get(path))
    page = press(site, path, "leave")

    assert heading(page) == "You have left the Editor’s Digest"
    assert still in words(page)
    before = site.client.get(path)
    assert heading(before) == "You have already left"
    assert "No Editor’s Digest will come any more." in words(before)
    assert still in words(before)
    told = site.client.post(path, data={"action": "why", "reason": "no_time"})
    assert "never whose it was" in words(told)
    assert still in words(told)
    press(site, other, "pause")
    page = site.client.get(path)
    assert "The Climate Letter is paused until Saturday 12 December." in words(page)
    assert still not in words(page)
    press(site, other, "leave")
    assert "Climate" not in words(site.client.get(path))
    for answer in (page, before, told):
        assert "Nothing more will come" not in answer.text


def test_who_is_put_back_into_a_pause_is_told_so(site: Site) -> None:
    path = site.path(Purpose.UNSUBSCRIBE, site.subscribe())
    page = press(site, path, "pause")
    # The pause ends at six on a Saturday: the issue of seven comes.
    assert heading(page) == "Editor’s Digest is paused"
    assert PAUSED[13:] in words(page)
    assert DIGEST not in words(page)
    asked = site.client.get(path)
    assert "It comes every Saturday." not in words(asked)
    assert PAUSED in words(asked)

    page = press(site, path, "undo", press(site, path, "leave"))
    assert heading(page) == "You are back"
    assert "Your pause still stands" in words(page)
    assert PAUSED in words(page)
    assert DIGEST not in words(page)
    assert "Start it again now" in page.text
    page = press(site, path, "resume")
    assert heading(page) == "You are back"
    assert DIGEST in words(page)


def test_who_is_back_can_read_the_latest_issue(
    site: Site, database: Database, newsletter: Newsletter
) -> None:
    with database.transaction() as session:
        make_issue(session, newsletter, [make_article(session, "port")], IssueState.SENT, number=42)
    path = site.path(Purpose.UNSUBSCRIBE, site.subscribe())
    page = press(site, path, "undo", press(site, path, "leave"))

    assert "Read No. 42 now" in page.text


def test_a_day_that_was_used_up_early_is_not_promised(
    site: Site, database: Database, newsletter: Newsletter
) -> None:
    with database.transaction() as session:
        session.add(
            Issue(
                newsletter_id=newsletter.id,
                occurrence_on=NOW.date(),
                dateline=NOW.date(),
                state=IssueState.SENT,
                compose_at=NOW,
                closes_at=NOW,
                send_at=NOW,
                created_at=NOW,
            )
        )
    site.sign_up()
    page = site.client.post(site.confirm_path())

    assert "arrives on Saturday 21 November at seven." in words(page)


def test_preferences_say_what_a_button_changed(
    site: Site, climate: Newsletter, database: Database, clock: FixedClock
) -> None:
    with database.transaction() as session:
        session.get_one(Newsletter, climate.id).topics = {"harbours": "Harbours", "law": "Law"}
    digest, _ = both(site)
    path = site.path(Purpose.PREFERENCES, digest)

    def saved(action: str = "save", **fields: object) -> str:
        fields = {"newsletter": "climate"} | fields
        page = site.preferences(path, action, **fields)
        return words(page).partition("What we send you ")[2].partition(" Editor’s Digest It")[0]

    topics = "Your topics in The Climate Letter are now"
    assert saved(topic=["law", "harbours"]) == f"{topics} Harbours and Law."
    assert saved(topic=["law"], pause="four_weeks") == (
        f"{topics} Law. The Climate Letter is paused until Saturday 12 December. "
        "The next one arrives on Wednesday 16 December at six in the evening."
    )
    assert "Stay paused until Saturday 12 December" in site.client.get(path).text
    assert "As it is" not in site.client.get(path).text
    assert saved() == "You have no topics in The Climate Letter now."
    assert saved(pause="resume") == f"The Climate Letter starts again. {CLIMATE}"
    assert saved() == "That is how it was. Nothing has changed."
    clock.advance(timedelta(minutes=1))
    assert saved("leave") == "You have left The Climate Letter."
    assert DIGEST[26:] in words(site.client.get(path))
    for said in ("You have left the Editor’s Digest.", "You had left the Editor’s Digest already."):
        assert said in words(site.preferences(path, "leave", newsletter="editors-digest"))


def test_the_day_is_asked_for_as_the_picker_has_it(site: Site) -> None:
    path = site.path(Purpose.PREFERENCES, site.subscribe())
    page = site.preferences(path, "save", newsletter="editors-digest", pause="date", until="")

    assert "Choose the day that it starts again on" in words(page)
    assert "2027-01-31" not in page.text
    assert 'min="2026-11-15" max="2027-11-15"' in page.text


def test_who_is_back_in_a_pause_is_told_of_that_newsletter_alone(
    site: Site, climate: Newsletter
) -> None:
    path = site.path(Purpose.UNSUBSCRIBE, both(site)[0])
    press(site, path, "pause")
    page = press(site, path, "undo", press(site, path, "leave"))

    assert heading(page) == "You are back"
    assert "Your pause still stands: no Editor’s Digest will come until" in words(page)
    assert "nothing will come" not in words(page)

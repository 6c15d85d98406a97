"""The desk in a real browser: nothing too wide, nothing for axe to find; by keyboard, by hand."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pyotp
import pytest
from playwright.sync_api import Page, Route, expect
from sqlalchemy import delete, select, update

from digest.delivery.controls import pausing
from digest.delivery.ledger.totals import count_issues
from digest.desk.audit import OPERATOR
from digest.desk.links import make_link
from digest.desk.sessions import Browser, open_session
from digest.desk.users import Granted, create_user, find_by_address
from digest.models import (
    Article,
    Delivery,
    DeliveryState,
    Issue,
    IssueState,
    Newsletter,
    Role,
    Source,
    SourceFetch,
    Story,
    StoryRole,
    User,
)
from digest.newsroom.intake.sources import add_source
from digest.newsroom.issues.composing import create_issue
from digest.newsroom.issues.editing import edit_issue
from digest.newsroom.issues.history import Editor
from digest.newsroom.issues.ordering import drop_story
from digest.readers.data.day_counts import count_days
from digest.tokens import Purpose
from tests.browser import OpenPage
from tests.factories import make_article
from tests.web.desk.conftest import HASH, PASSWORD
from tests.web.gallery import MONDAY, Gallery
from tests.web.looking import assert_axe_finds_nothing, assert_nothing_is_too_wide, box

IMARA = "imara@example.org"
LONG = "Imara Vance-Oduya of the Evening and the Morning Edition, and of the Weekend’s Supplement"


@pytest.fixture(scope="module")
def staffed(gallery: Gallery) -> Iterator[Gallery]:
    """The paper with an owner and an editor, and a draft that waits."""
    with gallery.runtime.database.transaction() as session:
        owner, editor = [Granted(Role.OWNER)], [Granted(Role.EDITOR)]
        imara = create_user(session, OPERATOR, IMARA, LONG, owner, now=MONDAY)
        imara.password_hash = HASH
        create_user(session, OPERATOR, "joss@example.org", "Joss", editor, now=MONDAY)
    yield gallery
    with gallery.runtime.database.transaction() as session:
        for user in session.scalars(select(User)):
            user.disabled_at = MONDAY


def sit_down(gallery: Gallery, page: Page) -> None:
    with gallery.runtime.database.transaction() as session:
        user = find_by_address(session, IMARA)
        assert user is not None
        _, secret = open_session(session, user, Browser(), now=gallery.clock.now(), proved=True)
    page.context.add_cookies([{"name": "digest_desk", "value": secret, "url": gallery.url}])


def newest_issue(gallery: Gallery) -> int:
    with gallery.runtime.database.reading() as session:
        return session.scalars(select(Issue.id).order_by(Issue.id.desc()).limit(1)).one()


def assert_right(page: Page) -> None:
    # What was pressed may be on its way still.
    page.wait_for_load_state()
    expect(page.locator("h1")).to_have_count(1)
    assert_nothing_is_too_wide(page)
    assert_axe_finds_nothing(page)


@pytest.mark.parametrize("path", ["sign-in", "forgotten"])
def test_nothing_is_wrong_with_pages_for_anybody(
    path: str, staffed: Gallery, open_page: OpenPage
) -> None:
    tab = open_page()
    tab.page.goto(f"{staffed.url}/desk/{path}")
    assert_right(tab.page)
    tab.page.get_by_role("button").click()
    expect(tab.page.get_by_role("alert")).to_be_visible()
    assert_right(tab.page)
    assert [error for error in tab.console_errors if "Failed to load" not in error] == []


@pytest.mark.parametrize(
    "path",
    [
        "",
        "account",
        "users",
        "issues/{issue}",
        "issues/{issue}/test",
        "again",
        "calendar/1",
        "pins/1?article=1",
        "issues/{issue}/as-reader/1",
    ],
)
def test_nothing_is_wrong_with_pages_of_the_desk(
    path: str, staffed: Gallery, open_page: OpenPage
) -> None:
    tab = open_page()
    sit_down(staffed, tab.page)
    tab.page.goto(f"{staffed.url}/desk/{path.format(issue=newest_issue(staffed))}")
    assert_right(tab.page)
    assert tab.console_errors == []


def test_nothing_is_wrong_with_reports(staffed: Gallery, open_page: OpenPage) -> None:
    count_days(staffed.runtime.database, MONDAY)
    count_issues(staffed.runtime.database, MONDAY)
    tab = open_page()
    page = tab.page
    sit_down(staffed, page)
    page.goto(f"{staffed.url}/desk/reports")
    page.get_by_role("link", name="No. 42").click()
    expect(page.locator("h1")).to_contain_text("No. 42 was accepted for ")
    for table in page.locator("summary").all():
        table.click()
    # At true pixel size, one drawing of each figure at any width.
    chart = page.locator("#accepted ~ div svg:visible")
    assert (chart.count(), box(chart)["width"]) == (1, 368)
    assert_right(page)
    assert (chart.count(), box(chart)["width"]) == (1, 288)
    assert tab.console_errors == []


SETTING_UP = (
    "settings", "readers", "readers/1", "newsletters", "newsletters/1", "paper", "sources",
    "sources/{source}", "terms", "forms", "audit", "tokens", "health",
    "health/domain",
)  # fmt: skip
# What is emptied there, and the button that is pressed then.
EMPTIED = {
    "newsletters/1": ("Name", "Save"),
    "sources": ("Name", "Add it"),
    "terms": ("Terms", "Show what changes"),
    "health/domain": ("Domain", "Look at it"),
}


def test_nothing_is_wrong_with_setting_up(staffed: Gallery, open_page: OpenPage) -> None:
    with staffed.runtime.database.transaction() as session:
        long = f"https://halyard.example/{'unpronounceableharbour' * 9}"
        added = add_source(session, long, MONDAY, name="Unpronounceableharbour" * 5)
        added.last_error, source_id = "The site answers 503.", added.id
        fetched = {"source_id": source_id, "began_at": MONDAY, "last_at": MONDAY}
        session.add(SourceFetch(took_ms=1, times=96, moved_to=long, **fetched))
    tab = open_page()
    sit_down(staffed, tab.page)
    for path in SETTING_UP:
        tab.page.goto(f"{staffed.url}/desk/{path.format(source=source_id)}")
        if path in EMPTIED:
            label, button = EMPTIED[path]
            tab.page.get_by_label(label, exact=True).fill("")
            with tab.page.expect_navigation():
                tab.page.get_by_role("button", name=button, exact=True).last.click()
        assert tab.page.locator("h1").count() == 1, path
        assert_axe_finds_nothing(tab.page, once=True)
        for width in (768, 320):
            tab.page.set_viewport_size({"width": width, "height": 900})
            assert tab.page.evaluate("document.documentElement.scrollWidth") <= width, path
    assert [error for error in tab.console_errors if "Failed to load" not in error] == []
    with staffed.runtime.database.transaction() as session:
        session.delete(session.get_one(Source, source_id))


def test_a_password_is_chosen_and_an_authenticator_set_up_in_the_browser(
    staffed: Gallery, open_page: OpenPage
) -> None:
    runtime, page = staffed.runtime, open_page(width=390).page
    with runtime.database.transaction() as session:
        joss = find_by_address(session, "joss@example.org")
        assert joss is not None
        link = make_link(session, OPERATOR, joss, now=staffed.clock.now()).token_id
    page.goto(f"{staffed.url}/desk/password/{runtime.ring.sign(Purpose.USER_LINK, link)}")
    assert_right(page)
    page.set_viewport_size({"width": 390, "height": 844})
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_role("button", name="Choose this one").click()
    page.get_by_label("Email address").fill("joss@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Joss").click()
    page.get_by_role("button", name="Set up an authenticator").click()
    assert_right(page)
    secret = page.locator("code").inner_text().replace(" ", "")
    now = staffed.clock.now()
    page.get_by_label("Code").fill(pyotp.TOTP(secret).at(now))
    page.get_by_role("button", name="Use it from now on").click()
    expect(page.locator(".codes code")).to_have_count(10)
    assert_right(page)
    page.get_by_role("link", name="I have them").click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.get_by_label("Email address").fill("joss@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/desk/sign-in/code")
    assert_right(page)
    page.get_by_label("Code").fill(pyotp.TOTP(secret).at(now + timedelta(seconds=30)))
    page.keyboard.press("Enter")
    page.wait_for_url("**/desk/")
    assert page.locator("h1").inner_text() == "This week"


@pytest.fixture
def draft(staffed: Gallery) -> Iterator[int]:
    """A draft of four stories; there are articles with and without pictures beside them."""
    with staffed.runtime.database.transaction() as session:
        newsletter = session.scalars(select(Newsletter)).first()
        assert newsletter is not None
        issue = create_issue(session, newsletter, MONDAY.date() + timedelta(days=33), MONDAY)
        issue.composed_at = MONDAY
        illustrated = session.scalars(
            select(Article).where(Article.thumbnail.is_not(None)).order_by(Article.id).limit(4)
        ).all()
        for position, article in enumerate(illustrated, start=1):
            role = StoryRole.LEAD if position == 1 else StoryRole.STORY
            session.add(Story(issue=issue, article=article, position=position, role=role))
        if session.scalar(select(Article.id).where(Article.url.endswith("/gossip"))) is None:
            seen = {"published_at": MONDAY, "first_seen_at": MONDAY}
            ferry = "The ferry that runs on gossip, and on an unpronounceableharbourmastersname"
            make_article(session, "gossip", title=ferry, section="Culture", **seen)
            make_article(session, "gone", section="Culture", withdrawn_at=MONDAY, **seen)
        session.flush()
        issue_id = issue.id
    yield issue_id
    with staffed.runtime.database.transaction() as session:
        session.delete(session.get_one(Issue, issue_id))


def test_nothing_is_wrong_with_composing(staffed: Gallery, draft: int, open_page: OpenPage) -> None:
    tab = open_page()
    page, path = tab.page, f"{staffed.url}/desk/issues/{draft}"
    sit_down(staffed, page)
    page.goto(path)
    page.get_by_role("button", name="Add The ferry that runs").click()
    expect(page.get_by_role("status")).to_contain_text("is in, fifth of five.")
    page.get_by_label("Your note").fill("Good morning.")
    page.get_by_role("button", name="Save the words").click()
    expect(page.locator("#note-hint")).to_have_text("13 of 5,000 characters")
    page.locator(".history > summary").click()
    page.locator(".composed-edit > summary").first.click()
    assert_right(page)
    page.get_by_label("Headline").first.fill("h" * 301)
    page.get_by_role("button", name=re.compile("^Save (?!the words)")).first.click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert_right(page)
    page.set_viewport_size({"width": 390, "height": 844})
    page.get_by_role("link", name="Add stories").first.click()
    page.get_by_label("Add an article by its address").fill("the ice")
    page.get_by_role("button", name="Add by its address").click()
    for place in (page.locator("#url-error"), page.get_by_role("status")):
        expect(place).to_have_text("Give the whole address, beginning with https:// or http://.")
        expect(place).to_be_visible()
    assert [error for error in tab.console_errors if "Failed to load" not in error] == []


def test_two_articles_added_at_once_are_both_in(
    staffed: Gallery, draft: int, open_page: OpenPage
) -> None:
    tab = open_page()
    page = tab.page
    sit_down(staffed, page)
    page.goto(f"{staffed.url}/desk/issues/{draft}")
    for name in ("The bell", "The moon"):
        with staffed.runtime.database.transaction() as session:
            seen = {"published_at": MONDAY, "first_seen_at": MONDAY}
            make_article(session, f"{name[4:]}-at-once", title=f"{name} at once", **seen)
    page.reload()
    # Both before the first is answered; the second of the two for one article is none.
    page.evaluate(
        "() => [...document.querySelectorAll('.pool-row button')]"
        ".filter((each) => /at once/.test(each.textContent))"
        ".forEach((each) => { each.click(); each.click(); })"
    )
    expect(page.locator(".composed-row", has_text="at once")).to_have_count(2)
    expect(page.get_by_role("status")).to_contain_text("sixth of six")
    expect(page.locator(".pool-row", has_text="at once").get_by_text("In issue")).to_have_count(2)


def test_what_is_typed_is_saved_while_the_links_are_being_asked(
    staffed: Gallery, draft: int, open_page: OpenPage
) -> None:
    page = open_page().page
    sit_down(staffed, page)
    page.goto(f"{staffed.url}/desk/issues/{draft}")
    held: list[Route] = []
    page.route("**/preflight", lambda route: held.append(route))
    page.get_by_role("button", name="Check now", exact=True).press("Enter")
    expect(page.locator("[data-told]")).to_have_text("The links are being asked.")
    page.get_by_label("Your note").fill("Good morning.")
    expect(page.locator("#note-hint")).to_have_text("13 of 5,000 characters")
    assert note_of(staffed, draft) == "Good morning."
    page.get_by_role("button", name="Check now", exact=True).press("Enter")
    assert len(held) == 1, "once is enough"
    held[0].abort()
    expect(page.locator("[data-told]")).to_contain_text("The links were not asked")


def test_nothing_is_wrong_with_two_texts_side_by_side(
    staffed: Gallery, draft: int, open_page: OpenPage
) -> None:
    page = open_page().page
    sit_down(staffed, page)
    page.goto(f"{staffed.url}/desk/issues/{draft}")
    with staffed.runtime.database.transaction() as session:
        issue = session.get_one(Issue, draft)
        note = {"note": "Joss’s note, " + "and unpronounceableharbourmasters " * 20}
        edit_issue(session, issue, note, Editor("Joss"), staffed.clock.now(), version=issue.version)
    page.get_by_label("Your note").fill("Imara’s note.")
    page.get_by_role("button", name="Save the words").click()
    expect(page.get_by_role("heading", name="Which one goes out?")).to_be_visible()
    assert_right(page)
    page.get_by_role("button", name="Take yours").click()
    expect(page.get_by_role("heading", name="Which one goes out?")).to_have_count(0)
    assert page.get_by_label("Your note").input_value() == "Imara’s note."


def test_what_is_typed_outlives_another_tab_and_a_slow_answer(
    staffed: Gallery, draft: int, open_page: OpenPage
) -> None:
    page, path = open_page().page, f"{staffed.url}/desk/issues/{draft}"
    sit_down(staffed, page)
    page.goto(path)
    beside = page.context.new_page()
    beside.goto(path)
    # Too long to be saved, so that this browser alone has it.
    long = "A ferry. " * 700
    page.get_by_label("Your note").fill(long)
    page.get_by_role("button", name="Approve").click()
    expect(page.locator("[data-saved]")).to_contain_text("Not saved. The note has 6,299")
    beside.get_by_label("Subject").fill("Ferries")
    expect(beside.locator("#subject-hint")).to_contain_text("7 characters")
    assert page.url == path, "nothing is approved without what was typed"
    page.close()
    beside.reload()
    assert beside.get_by_label("Your note").input_value() == long
    beside.get_by_label("Your note").fill("Short.")
    # Emptied, and typed on before the desk answers: nobody else was first.
    held: list[Route] = []
    beside.locator(".composed-edit > summary").first.click()
    headline = beside.get_by_label("Headline").first
    headline.fill("Ours")
    expect(beside.locator(".composed-title").first).to_have_text("Ours")
    beside.route("**/stories/*", lambda route: route.continue_() if held else held.append(route))
    headline.fill("")
    while not held:
        beside.wait_for_timeout(50)
    headline.fill("Ours after all")
    held[0].continue_()
    expect(beside.locator(".composed-title").first).to_have_text("Ours after all")
    expect(beside.locator(".conflict")).to_have_count(0)
    # What was refused shows no newer words, so it approves none.
    with staffed.runtime.database.transaction() as session:
        issue, by = session.get_one(Issue, draft), Editor("Joss")
        edit_issue(session, issue, {"subject": "Bats"}, by, staffed.clock.now())
        drop_story(session, issue, issue.stories[2].article_id, by, staffed.clock.now())
    beside.get_by_role("button", name="Down: ").nth(2).click()
    expect(beside.get_by_role("alert")).to_contain_text("Joss dropped it.")
    assert beside.get_by_label("Subject").input_value() == "Ferries"
    beside.get_by_role("button", name="Approve").click()
    expect(beside.get_by_role("alert")).to_contain_text("It was changed since you looked.")


@pytest.mark.parametrize("width", [1440, 390])
def test_a_story_is_moved_by_keyboard_and_stays_in_sight(
    width: int, staffed: Gallery, draft: int, open_page: OpenPage
) -> None:
    page = open_page(width=width, javascript=False).page
    sit_down(staffed, page)
    page.goto(f"{staffed.url}/desk/issues/{draft}")
    row = page.locator(".composed-row").nth(2)
    title = row.locator("h3").inner_text()
    row.get_by_role("button", name="Down: ").focus()
    with page.expect_navigation():
        page.keyboard.press("Enter")
    moved = page.locator(".composed-row").nth(3)
    assert moved.locator("h3").inner_text() == title
    assert page.get_by_role("status").is_visible()
    assert "is now fourth of four." in page.get_by_role("status").inner_text()
    top, height = box(moved)["y"], page.viewport_size["height"]  # type: ignore[index]
    assert 0 <= top < height, "the browser is back where the button was pressed"


def test_without_scripts_articles_are_a_drawer_and_on_a_phone_there_are_tabs(
    staffed: Gallery, draft: int, open_page: OpenPage
) -> None:
    page = open_page(width=1000, javascript=False).page
    sit_down(staffed, page)
    page.goto(f"{staffed.url}/desk/issues/{draft}")
    pool, words = page.locator(".compose-pool"), page.locator("#words")
    stories, preview = page.locator(".composed"), page.locator(".seen")
    expect(pool).to_be_hidden()
    page.locator(".pool-opener").click()
    expect(pool).to_be_visible()
    page.get_by_role("button", name="Add The ferry that runs").click()
    expect(page.get_by_role("status")).to_contain_text("fifth of five.")
    expect(pool).to_be_visible()
    page.get_by_role("link", name="Close").click()
    expect(pool).to_be_hidden()

    page.set_viewport_size({"width": 390, "height": 844})
    tabs = page.get_by_role("navigation", name="On this page")
    for tab, shown in (
        ("Note", words),
        ("Preview", preview),
        ("Add stories", pool),
        ("Stories", stories),
    ):
        tabs.get_by_role("link", name=tab, exact=True).click()
        for part in (words, preview, pool, stories):
            expect(part).to_be_visible(visible=part is shown)
    assert box(page.locator(".desk-acts"))["height"] < 72, "what acts is one row"
    approve = box(page.get_by_role("button", name="Approve"))
    assert approve["y"] + approve["height"] <= 844, "what acts is in sight"


def test_nothing_is_wrong_with_what_was_found_before_it_goes_out(
    staffed: Gallery, draft: int, open_page: OpenPage
) -> None:
    tab = open_page()
    sit_down(staffed, tab.page)
    tab.page.goto(f"{staffed.url}/desk/issues/{draft}")
    email = tab.page.frame_locator("iframe")
    assert email.locator("h1").inner_text() == "Editor’s Digest"
    assert tab.console_errors == []
    # By keyboard: what is clicked beside a frame that has just been scrolled may hit the frame.
    tab.page.locator(".passes > summary").press("Enter")
    assert_right(tab.page)
    tab.page.set_viewport_size({"width": 1440, "height": 900})
    tab.page.get_by_role("button", name=re.compile("^Accept ")).first.press("Enter")
    expect(tab.page.locator(".preflight")).to_contain_text("Accepted by Imara")
    assert_right(tab.page)


def test_the_columns_scroll_and_the_page_does_not(
    staffed: Gallery, draft: int, open_page: OpenPage
) -> None:
    page = open_page(width=1440, height=900).page
    sit_down(staffed, page)
    page.goto(f"{staffed.url}/desk/issues/{draft}")
    issue = page.locator(".compose > div").nth(1)
    assert issue.evaluate("column => column.scrollHeight > column.clientHeight")
    assert page.evaluate("document.documentElement.scrollHeight") == 900


@pytest.fixture
def on_its_way(staffed: Gallery) -> Iterator[int]:
    """The last issue, as if one of its readers were still to get it, and another in doubt."""
    with staffed.runtime.database.transaction() as session:
        issue = session.scalars(select(Issue).where(Issue.number == 42)).one()
        rows = session.scalars(select(Delivery).where(Delivery.issue_id == issue.id)).all()
        before = [(row.subscriber_id, row.state) for row in rows]
        while len(rows) < 3:
            added = Delivery(
                issue_id=issue.id,
                subscriber_id=9_000_000 + len(rows),
                rendering_id=1,
                released_at=MONDAY,
                next_attempt_at=MONDAY,
            )
            session.add(added)
            rows = [*rows, added]
        issue.state, sent_at, audience = IssueState.SENDING, issue.sent_at, issue.audience
        issue.audience = len(rows)
        for row, state in zip(
            rows, (DeliveryState.QUEUED, DeliveryState.IN_DOUBT, DeliveryState.FAILED), strict=False
        ):
            row.state = state
        issue_id = issue.id
    yield issue_id
    with staffed.runtime.database.transaction() as session:
        issue = session.get_one(Issue, issue_id)
        issue.state, issue.sent_at, issue.audience = IssueState.SENT, sent_at, audience
        issue.reason = None
        session.execute(delete(Delivery).where(Delivery.subscriber_id >= 9_000_000))
        for subscriber_id, state in before:
            session.get_one(Delivery, (issue_id, subscriber_id)).state = state


def test_an_issue_on_its_way_is_followed_live(
    staffed: Gallery, draft: int, on_its_way: int, open_page: OpenPage
) -> None:
    tab = open_page(width=390)
    page, database = tab.page, staffed.runtime.database
    sit_down(staffed, page)
    page.goto(f"{staffed.url}/desk/issues/{draft}/sending")
    assert_right(page)
    page.goto(f"{staffed.url}/desk/issues/{on_its_way}/sending")
    assert_right(page)
    page.evaluate("window.isTheSamePage = true")
    accepted = page.locator(".sent-words")
    before = accepted.inner_text()
    with database.transaction() as session:
        queued = (Delivery.issue_id == on_its_way) & (Delivery.state == DeliveryState.QUEUED)
        session.execute(update(Delivery).where(queued).values(state=DeliveryState.ACCEPTED))
    expect(accepted).not_to_have_text(before)
    assert page.evaluate("window.isTheSamePage"), "its words changed, and it was not loaded again"
    # What answers a button that is refused has the button's address, and presses it no second time.
    page.get_by_role("button", name="Send it to who may be mailed now").click()
    page.get_by_text("None of them may be mailed now.").first.wait_for()
    assert_right(page)
    assert page.url.endswith("/resend")
    with database.transaction() as session:
        pausing.pause(session, on_its_way, "Joss", "a typo")
    page.get_by_role("button", name="Send on").wait_for()
    assert page.url.endswith("/sending")
    page.get_by_role("link", name="Correct a mistake").click()
    expect(page.get_by_label("What was wrong")).to_be_visible()
    assert_right(page)
    [refused] = tab.console_errors
    assert "422" in refused


def test_a_story_is_dragged_and_words_are_saved_by_themselves_whatever_happens(
    staffed: Gallery, draft: int, open_page: OpenPage
) -> None:
    tab = open_page(width=1440)
    page, path = tab.page, f"{staffed.url}/desk/issues/{draft}"
    sit_down(staffed, page)
    page.goto(path)
    said, rows = page.get_by_role("status"), page.locator(".composed-row")
    email = page.frame_locator(".seen iframe:not(.coming)")
    third = rows.nth(2).locator("h3").inner_text()
    rows.nth(2).locator(".handle").scroll_into_view_if_needed()
    handle, second = box(rows.nth(2).locator(".handle")), box(rows.nth(1))
    page.mouse.move(handle["x"] + 9, handle["y"] + 9)
    page.mouse.down()
    page.mouse.move(handle["x"] + 9, second["y"] + 9, steps=4)
    page.mouse.up()
    expect(said).to_contain_text("is now second of four.")
    expect(rows.nth(1).locator("h3")).to_have_text(third)
    expect(rows.nth(1)).to_be_focused()
    expect(email.locator("h2").nth(1)).to_have_text(third)
    rows.nth(1).get_by_role("button", name="Down: ").focus()
    page.keyboard.press("Enter")
    expect(said).to_contain_text("is now third of four.")
    expect(rows.nth(2).get_by_role("button", name="Down: ")).to_be_focused()

    been = page.evaluate("history.length")
    note = page.get_by_label("Your note")
    note.press_sequentially("Good morning")
    expect(email.locator("body")).to_contain_text("Good morning")
    expect(page.locator("#note-hint")).to_have_text("12 of 5,000 characters")
    assert note_of(staffed, draft) == "Good morning"
    assert page.evaluate("history.length") == been, "Back leads out of the page"

    row = rows.nth(1)
    row.locator("summary").click()
    headline, title = row.get_by_role("textbox", name="Headline"), row.locator("h3")
    for words in ("The roofs", "The roofs, again"):
        headline.fill(words)
        expect(title).to_have_text(words)
        expect(headline).to_be_focused()
    expect(page.locator(".conflict")).to_have_count(0)

    page.context.set_offline(True)
    note.press_sequentially(", all of you")
    sentence = "Not saved: you are offline. Your words are kept on this computer."
    expect(page.locator("[data-saved]")).to_have_text(sentence)
    # What a page sends as it goes is sent by another process, which is not always offline.
    page.evaluate("() => { window.fetch = () => Promise.reject(new TypeError()) }")
    page.goto("about:blank")
    page.context.set_offline(False)
    assert note_of(staffed, draft) == "Good morning"
    page.goto(path)
    expect(page.get_by_role("status")).to_contain_text("Your words were kept on this computer")
    expect(page.locator("#note-hint")).to_have_text("24 of 5,000 characters")
    assert note_of(staffed, draft) == "Good morning, all of you"

    page.context.clear_cookies()
    page.get_by_label("Subject").fill("The port")
    page.get_by_role("link", name="Sign in again").click()
    page.get_by_label("Email address").fill(IMARA)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(path)
    expect(page.get_by_label("Subject")).to_have_value("The port")
    expect(page.locator("#subject-hint")).to_have_text("8 characters, fits a phone")


def note_of(gallery: Gallery, issue_id: int) -> str | None:
    with gallery.runtime.database.reading() as session:
        return session.get_one(Issue, issue_id).note


def test_nothing_is_wrong_with_the_page_of_a_storys_picture(
    staffed: Gallery, draft: int, open_page: OpenPage
) -> None:
    tab = open_page()
    page = tab.page
    sit_down(staffed, page)
    with page.expect_response(lambda answer: answer.url.endswith("/here")) as said:
        page.goto(f"{staffed.url}/desk/issues/{draft}")
    assert said.value.status == 200, "the page says that it is open"
    page.locator(".composed-edit > summary").first.click()
    page.get_by_role("link", name="Picture of").first.click()
    page.get_by_role("radio", name="None").check()
    assert_right(page)
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".told")).to_contain_text("goes without a picture")
    assert tab.console_errors == []

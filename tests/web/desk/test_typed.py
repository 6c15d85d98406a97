"""What was typed into the desk's forms, where the session ended meanwhile, or it asked again."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask, render_template
from playwright.sync_api import Page, expect
from sqlalchemy import delete, select, update

from digest.desk.audit import OPERATOR
from digest.desk.sessions import Browser, open_session
from digest.desk.users import Granted, create_user, find_by_address
from digest.models import DeskSession, Role, Source, User
from digest.newsroom.intake.sources import add_source
from digest.web.masthead import NAMELESS
from tests.browser import OpenPage
from tests.web.desk.conftest import HASH, PASSWORD
from tests.web.gallery import MONDAY, Gallery

# Nobody whom another test of the same process may have made something else than an owner.
IMARA, JOSS = "imara.typed@example.org", "joss.typed@example.org"
KEPT = "It is kept in this tab"
BACK = "What you typed was not saved, and stands here again"


@pytest.fixture
def staffed(gallery: Gallery) -> Iterator[Gallery]:
    """The paper with two owners and a source, none of whom is signed in."""
    with gallery.runtime.database.transaction() as session:
        for email in (IMARA, JOSS):
            user = find_by_address(session, email)
            if user is None:
                name, grants = email.partition("@")[0].title(), [Granted(Role.OWNER)]
                user = create_user(session, OPERATOR, email, name, grants, now=MONDAY)
            user.password_hash, user.disabled_at = HASH, None
        add_source(session, "https://wire.example.org/feed", MONDAY, name="The Wire")
    yield gallery
    with gallery.runtime.database.transaction() as session:
        session.execute(delete(Source).where(Source.name == "The Wire"))
        session.execute(update(User).values(disabled_at=MONDAY))


def sit_down(gallery: Gallery, page: Page, *, ago: timedelta = timedelta(0)) -> None:
    """Be signed in, since a while."""
    with gallery.runtime.database.transaction() as session:
        user = find_by_address(session, IMARA)
        assert user is not None
        now = gallery.clock.now()
        made, secret = open_session(session, user, Browser(), now=now, proved=True)
        made.proved_at = now - ago
    page.context.add_cookies([{"name": "digest_desk", "value": secret, "url": gallery.url}])


def end_all(gallery: Gallery) -> None:
    with gallery.runtime.database.transaction() as session:
        session.execute(delete(DeskSession))


def sign_in(page: Page, email: str = IMARA, password: str = PASSWORD) -> None:
    page.get_by_label("Email address").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def wire(gallery: Gallery) -> Source:
    with gallery.runtime.database.reading() as session:
        return session.scalars(select(Source).where(Source.name == "The Wire")).one()


def memory(page: Page) -> str:
    return str(page.evaluate("JSON.stringify(sessionStorage)"))


def test_what_was_typed_outlasts_the_end_of_the_session(
    staffed: Gallery, open_page: OpenPage
) -> None:
    page = open_page().page
    sit_down(staffed, page)
    home = f"{staffed.url}/desk/sources/{wire(staffed).id}"
    section = page.get_by_label("Section", exact=True)
    save = page.get_by_role("button", name="Save", exact=True)
    page.goto(home)
    section.fill("Harbour")
    end_all(staffed)
    save.click()
    expect(page.locator("main")).to_contain_text(KEPT)
    sign_in(page, password="no password of hers")
    expect(page.locator("main")).to_contain_text("What you sent was not saved")
    # Somebody else was there meanwhile: that is not saved over.
    with staffed.runtime.database.transaction() as session:
        session.get_one(Source, wire(staffed).id).priority = 3
    sign_in(page)
    page.wait_for_url(home)
    expect(page.get_by_role("status")).to_contain_text(BACK)
    expect(section).to_have_value("Harbour")
    save.click()
    expect(page.locator("main")).to_contain_text("Somebody else changed this source")
    expect(page.get_by_text(BACK)).to_have_count(0)
    save.click()
    expect(page.get_by_role("status")).to_contain_text("It is saved.")
    assert wire(staffed).section == "Harbour"
    assert memory(page) == "{}"

    section.fill("Roofs")
    end_all(staffed)
    save.click()
    # What was typed for one line of a page, which is gone, is not put into the only one left.
    kept = memory(page)
    change = "text => Object.assign(sessionStorage, JSON.parse(text))"
    page.evaluate(change, kept.replace('first\\":\\"', 'first\\":\\"gone-'))
    sit_down(staffed, page)
    page.goto(home)
    expect(section).to_have_value("Harbour")
    assert "Roofs" in memory(page)
    page.evaluate(change, kept)
    end_all(staffed)

    # To the one who typed it, and to nobody who signs in after them.
    page.goto(home)
    sign_in(page, JOSS)
    page.wait_for_url(home)
    expect(section).to_have_value("Harbour")
    assert memory(page) == "{}"


def test_what_was_typed_outlasts_being_asked_once_more(
    staffed: Gallery, open_page: OpenPage
) -> None:
    tab = open_page()
    page = tab.page
    sit_down(staffed, page, ago=timedelta(hours=1))
    page.goto(f"{staffed.url}/desk/users")
    page.get_by_label("Name", exact=True).fill("Wren")
    page.get_by_label("Email address").fill("wren@example.org")
    page.get_by_label("May do", exact=True).select_option("viewer")
    page.get_by_role("button", name="Make the user").click()
    expect(page.locator("main")).to_contain_text(KEPT)
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()
    page.wait_for_url("**/desk/users")
    assert PASSWORD not in memory(page)
    expect(page.get_by_label("Name", exact=True)).to_have_value("Wren")
    expect(page.get_by_label("May do", exact=True)).to_have_value("viewer")
    page.get_by_role("button", name="Make the user").click()
    expect(page.get_by_role("status")).to_contain_text("Give this link to Wren")

    # A page that was open for too long; and who does not want it any more.
    page.get_by_label("Name", exact=True).fill("Dunnock")
    page.evaluate("document.querySelectorAll('[name=proof]').forEach(each => each.value = 'old')")
    page.get_by_role("button", name="Make the user").click()
    expect(page.locator("main")).to_contain_text(KEPT)
    page.goto(f"{staffed.url}/desk/users")
    expect(page.get_by_label("Name", exact=True)).to_have_value("Dunnock")
    page.get_by_role("button", name="Leave it out").click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("")
    assert memory(page) == "{}"

    # A reader's address is not kept, nor anything after signing out.
    page.goto(f"{staffed.url}/desk/users")
    page.get_by_label("Name", exact=True).fill("Dunnock")
    page.evaluate("document.querySelectorAll('[name=proof]').forEach(each => each.value = 'old')")
    page.get_by_role("button", name="Make the user").click()
    for path, label, button in (
        ("readers", "Address, or its beginning", "Find"),
        ("issues/1/as-reader", "Whole address, or the reader’s number", "Show it"),
    ):
        page.goto(f"{staffed.url}/desk/{path}")
        page.get_by_label(label).fill("robin@example.org")
        page.evaluate(
            "document.querySelectorAll('[name=proof]').forEach(each => each.value = 'old')"
        )
        page.get_by_role("button", name=button).click()
        expect(page.locator("main")).to_contain_text("What you sent was not saved")
        assert "Dunnock" in memory(page)
        assert "robin@" not in memory(page), path
    page.goto(f"{staffed.url}/desk/")
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.wait_for_url("**/desk/sign-in")
    assert memory(page) == "{}"
    assert [error for error in tab.console_errors if "Failed to load" not in error] == []


def test_without_scripts_the_way_back_leads_to_it(staffed: Gallery, open_page: OpenPage) -> None:
    page = open_page(javascript=False).page
    sit_down(staffed, page)
    home = f"{staffed.url}/desk/sources/{wire(staffed).id}"
    page.goto(home)
    page.get_by_label("Section", exact=True).fill("Harbour")
    end_all(staffed)
    page.get_by_role("button", name="Save", exact=True).click()
    said = "What you sent was not saved. Afterwards go back in your browser to the form"
    expect(page.locator("main")).to_contain_text(said, use_inner_text=True)
    sign_in(page)
    page.wait_for_url(home)
    page.go_back()
    page.go_back()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("It is saved.")
    assert wire(staffed).section == "Harbour"


def test_a_page_about_a_failure_claims_no_more_than_it_knows(app: Flask) -> None:
    about = {"title": "Something broke", "detail": "Try again.", "seen": NAMELESS}
    with app.test_request_context("/desk/terms", method="POST"):
        page = render_template("errors/failed.html", **about)
    assert "What you sent may not have been saved." in page
    with app.test_request_context("/desk/terms"):
        assert "What you sent" not in render_template("errors/failed.html", **about)
    with app.test_request_context("/unsubscribe/x", method="POST"):
        assert "What you sent" not in render_template("errors/failed.html", **about)


def test_what_nothing_answered_is_kept_and_stands_in_its_form_again(
    staffed: Gallery, open_page: OpenPage
) -> None:
    page = open_page().page
    sit_down(staffed, page)
    home = f"{staffed.url}/desk/sources/{wire(staffed).id}"
    section = page.get_by_label("Section", exact=True)
    save = page.get_by_role("button", name="Save", exact=True)
    page.goto(home)
    section.fill("Harbour")
    page.context.set_offline(offline=True)
    save.click()
    page.wait_for_url("chrome-error://**")
    page.context.set_offline(offline=False)
    # By another way than the one back, and past another page.
    page.goto(f"{staffed.url}/desk/sources")
    page.goto(home)
    expect(page.get_by_role("status")).to_contain_text(BACK)
    expect(section).to_have_value("Harbour")
    page.context.set_offline(offline=True)
    save.click()
    page.wait_for_url("chrome-error://**")
    page.context.set_offline(offline=False)
    page.go_back()
    page.goto(home)
    expect(page.get_by_text(BACK)).to_have_count(1)
    expect(section).to_have_value("Harbour")
    save.click()
    expect(page.get_by_role("status")).to_contain_text("It is saved.")
    assert wire(staffed).section == "Harbour"
    assert memory(page) == "{}"
    # What the page has been told is wrong stands in it, and is not kept as well.
    address = page.get_by_label("Address of the feed")
    address.fill("no address")
    save.click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert memory(page) == "{}"

"""Passkeys in a real browser, with Chromium's own virtual authenticator."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import CDPSession, Page, expect

from digest.desk.audit import OPERATOR
from digest.desk.links import set_password
from digest.desk.passkeys import remove_passkeys
from digest.desk.users import Granted, create_user, find_by_address
from digest.models import Role
from tests.browser import OpenPage, Tab
from tests.web.desk.conftest import HASH, PASSWORD
from tests.web.gallery import MONDAY, Gallery, open_gallery
from tests.web.looking import assert_axe_finds_nothing, assert_nothing_is_too_wide

IMARA = "imara@example.org"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gallery]:
    """The paper at a name for which browsers make passkeys, with an owner."""
    folder = tmp_path_factory.mktemp("passkeys")
    with open_gallery(folder, issues=False, name="localhost") as gallery:
        with gallery.runtime.database.transaction() as session:
            create_user(session, OPERATOR, IMARA, "Imara", [Granted(Role.OWNER)], now=MONDAY)
        yield gallery


class Hand:
    """What the user holds: an authenticator in the browser, which knows who it is, or not."""

    def __init__(self, page: Page) -> None:
        self.cdp: CDPSession = page.context.new_cdp_session(page)
        self.cdp.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        added = self.cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        self.id = added["authenticatorId"]

    def verifies(self, yes: bool) -> None:
        known = {"authenticatorId": self.id, "isUserVerified": yes}
        self.cdp.send("WebAuthn.setUserVerified", known)

    def keys(self) -> list[dict[str, Any]]:
        held = self.cdp.send("WebAuthn.getCredentials", {"authenticatorId": self.id})
        return list(held["credentials"])


@pytest.fixture
def imara(desk: Gallery) -> Gallery:
    """Somebody with a password, and with no passkey yet."""
    with desk.runtime.database.transaction() as session:
        user = find_by_address(session, IMARA)
        assert user is not None
        remove_passkeys(session, OPERATOR, user, now=MONDAY)
        set_password(session, OPERATOR, user, HASH, now=MONDAY)
    return desk


@pytest.fixture
def tab(imara: Gallery, open_page: OpenPage) -> Tab:
    """Her browser, signed in by the password."""
    tab = open_page()
    tab.page.goto(f"{imara.url}/desk/sign-in?next=/desk/account")
    tab.page.get_by_label("Email address").fill(IMARA)
    tab.page.get_by_label("Password").fill(PASSWORD)
    tab.page.keyboard.press("Enter")
    tab.page.wait_for_url(f"{imara.url}/desk/account")
    return tab


def add(page: Page, name: str = "My phone") -> None:
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Add it").click()


def sign_out(page: Page) -> None:
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.wait_for_url("**/desk/sign-in")


def assert_right(page: Page) -> None:
    assert_nothing_is_too_wide(page)
    assert_axe_finds_nothing(page)


def test_a_passkey_is_made_and_is_the_only_way_in(tab: Tab, imara: Gallery) -> None:
    page, hand = tab.page, Hand(tab.page)
    add(page)
    expect(page.get_by_role("status")).to_contain_text("The passkey is added")
    [key] = hand.keys()
    assert (key["isResidentCredential"], key["rpId"]) == (True, "localhost")
    page.get_by_role("button", name="Sign in by passkey alone").click()
    expect(page.get_by_role("status")).to_contain_text("You have no password any more")
    assert_right(page)
    page.get_by_role("button", name="Remove My phone").click()
    expect(page.locator("main")).to_contain_text("It is your only way in")
    page.go_back()
    sign_out(page)
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url("**/desk/")
    page.get_by_role("link", name="Imara").click()
    expect(page.get_by_text("last used")).to_have_count(2)
    [key] = hand.keys()
    assert key["signCount"] > 0
    assert [error for error in tab.console_errors if "422" not in error] == []


def test_one_that_is_removed_opens_nothing(tab: Tab) -> None:
    page, _ = tab.page, Hand(tab.page)
    add(page, "My <i>phone</i>")
    page.get_by_role("button", name="Remove My <i>phone</i>").click()
    expect(page.get_by_role("status")).to_contain_text("opens nothing any more")
    expect(page.get_by_text("not used yet")).to_have_count(0)
    sign_out(page)
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_have_count(0)


def test_a_ceremony_that_is_cancelled_says_so(tab: Tab) -> None:
    page, hand = tab.page, Hand(tab.page)
    hand.verifies(False)
    add(page)
    said = page.get_by_role("status")
    expect(said).to_contain_text("It was cancelled, or it took too long")
    assert_right(page)
    hand.verifies(True)
    page.get_by_role("button", name="Add it").click()
    page.wait_for_url("**/desk/account?done=passkey")
    sign_out(page)
    hand.verifies(False)
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(said).to_contain_text("It was cancelled, or it took too long")
    assert_right(page)
    hand.verifies(True)
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url("**/desk/")


def test_the_same_device_is_not_added_twice(tab: Tab) -> None:
    page, _ = tab.page, Hand(tab.page)
    add(page)
    page.wait_for_url("**/desk/account?done=passkey")
    add(page, "My phone again")
    expect(page.get_by_role("status")).to_contain_text("has a passkey of yours")


def test_without_a_name_the_desk_says_what_is_missing(tab: Tab) -> None:
    page, hand = tab.page, Hand(tab.page)
    add(page, "")
    expect(page.get_by_role("alert")).to_contain_text("Give it a name")
    assert hand.keys() == []
    assert_right(page)


def test_what_the_browser_sent_signs_in_once(tab: Tab, imara: Gallery) -> None:
    page, _ = tab.page, Hand(tab.page)
    add(page)
    page.wait_for_url("**/desk/account?done=passkey")
    sign_out(page)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.post_data or ""))
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url("**/desk/")
    [form] = [each for each in sent if "answer=%7B" in each]
    page.context.clear_cookies(name="digest_desk")
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    path = f"{imara.url}/desk/sign-in/passkey"
    again = page.request.post(path, data=form, headers=headers, max_redirects=0)
    assert again.status == 422
    assert "That passkey was not taken" in again.text()
    page.goto(f"{imara.url}/desk/")
    page.wait_for_url("**/desk/sign-in**")


def test_one_shows_by_it_once_more_who_one_is(tab: Tab, imara: Gallery) -> None:
    page, _ = tab.page, Hand(tab.page)
    add(page)
    page.wait_for_url("**/desk/account?done=passkey")
    page.goto(f"{imara.url}/desk/again?next=/desk/account")
    assert_right(page)
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(f"{imara.url}/desk/account")


def test_without_javascript_there_is_the_password(
    tab: Tab, imara: Gallery, open_page: OpenPage
) -> None:
    Hand(tab.page)
    add(tab.page)
    tab.page.wait_for_url("**/desk/account?done=passkey")
    page = open_page(javascript=False).page
    page.goto(f"{imara.url}/desk/sign-in")
    expect(page.get_by_text("A passkey needs JavaScript")).to_be_visible()
    expect(page.get_by_role("button")).to_have_count(1)


def test_at_another_of_our_addresses_the_page_names_the_right_one(
    tab: Tab, imara: Gallery, open_page: OpenPage
) -> None:
    Hand(tab.page)
    add(tab.page)
    tab.page.wait_for_url("**/desk/account?done=passkey")
    page = open_page().page
    page.goto(f"{imara.backend}/desk/sign-in")
    expect(page.get_by_text(f"Passkeys work only at {imara.url}")).to_be_visible()
    expect(page.get_by_role("button")).to_have_count(1)
    assert_right(page)

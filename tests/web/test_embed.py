"""The element in a real browser, on another origin under a strict policy."""

import pytest
from playwright.sync_api import Route, expect
from sqlalchemy import select

from digest.models import SignUp
from tests.browser import OpenPage
from tests.servers.web import WebServer
from tests.web.gallery import Gallery
from tests.web.host import SCREENS, VARIANTS, Host, asked, assert_it_fits, fill, show
from tests.web.looking import Scheme, assert_axe_finds_nothing, box, style

HERE = "(document.activeElement.shadowRoot ?? document).activeElement"


FORMS = {"card": "article card", "inline": "article foot", "footer": "site footer"}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_a_reader_signs_up_by_keyboard_on_another_site(
    host: Host, paper: Gallery, open_page: OpenPage, variant: str, width: int, scheme: Scheme
) -> None:
    tab = open_page(width=width, colour_scheme=scheme)
    page, email = tab.page, f"{variant}.{width}@example.org"
    element = show(page, host.hold(variant, host.element(variant)))
    if width == 375:
        assert_axe_finds_nothing(page)

    seen = []
    for key in ("Tab", email, "Tab", "Space", "Tab", "Tab"):
        if "@" in key:
            page.keyboard.type(key)
            continue
        page.keyboard.press(key)
        if key == "Tab":
            seen.append(page.evaluate(f"{HERE}.innerText || {HERE}.id").strip())
            shown = page.evaluate(f"getComputedStyle({HERE}).outlineWidth")
            assert shown == "3px", seen
    assert seen == ["email", "consent", "terms & conditions", button(variant)]
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="Now check your email")).to_be_focused()
    expect(element).to_have_attribute("state", "asked")
    expect(page.get_by_text(email)).to_be_visible()
    if width == 1280:
        assert_axe_finds_nothing(page)
    found, topics, detail = asked(paper, email)
    assert (found.form, found.site) == (FORMS[variant], "localhost")
    assert topics == (["chinese-economy"] if variant == "inline" else [])
    assert detail.page_url == f"{host.url}/{variant}"
    assert page.context.cookies() == []
    # Not one thing was done that the host's policy forbids, and nothing failed to load.
    assert (tab.console_errors, tab.failed_requests) == ([], [])


def button(variant: str) -> str:
    return "Sign up for free" if variant == "footer" else "Sign up"


@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_mistakes_are_told_at_their_fields_and_have_the_focus(
    host: Host, open_page: OpenPage, width: int, scheme: Scheme
) -> None:
    page = open_page(width=width, colour_scheme=scheme).page
    element = show(page, host.hold("card", host.element("card")))
    email = page.get_by_label("Email address")
    email.fill("robin.example.org")
    page.get_by_role("button", name="Sign up").click()

    expect(element).to_have_attribute("state", "error")
    expect(email).to_be_focused()
    expect(email).to_have_value("robin.example.org")
    expect(email).to_have_attribute("aria-invalid", "true")
    said = "Enter an email address with an @, like name@example.org"
    expect(email).to_have_accessible_description(said)
    tick = page.get_by_label("I have read and agree")
    expect(tick).to_have_accessible_description("Tick the box to agree to the terms")
    assert style(email, "borderTopWidth") == "2px"
    assert_axe_finds_nothing(page)
    assert_it_fits(page)

    email.fill("robin@example.org")
    page.get_by_role("button", name="Sign up").click()
    expect(tick).to_be_focused()
    expect(email).not_to_have_attribute("aria-invalid", "true")
    expect(page.get_by_text(said)).to_have_count(0)


def test_a_box_that_cannot_reach_us_keeps_what_was_typed(
    host: Host, paper: Gallery, open_page: OpenPage
) -> None:
    page = open_page().page
    element = show(page, host.hold("inline", host.element("inline")))
    page.route("**/api/v1/subscriptions", lambda route: route.abort())
    fill(page, "away@example.org")
    page.get_by_role("button", name="Sign up").click()

    said = "We could not reach The Halyard. Your address is still here: try again."
    expect(page.get_by_role("alert")).to_have_text(said)
    expect(element).to_have_attribute("state", "error")
    expect(page.get_by_label("Email address")).to_have_value("away@example.org")
    expect(page.get_by_role("button", name="Sign up")).to_be_focused()
    assert_axe_finds_nothing(page)
    page.unroute("**/api/v1/subscriptions")
    page.get_by_role("button", name="Sign up").click()
    expect(element).to_have_attribute("state", "asked")
    page.get_by_role("button", name="send it again").click()
    expect(page.get_by_text("Sent again.")).to_be_visible()
    with paper.runtime.database.reading() as session:
        sent = select(SignUp.id).where(SignUp.email == "away@example.org")
        assert len(session.scalars(sent).all()) == 2


def test_while_it_is_sent_the_button_says_so_and_sends_once(
    host: Host, open_page: OpenPage
) -> None:
    page = open_page().page
    element = show(page, host.hold("card", host.element("card")))
    held: list[Route] = []
    page.route("**/api/v1/subscriptions", lambda route: held.append(route))
    fill(page, "once@example.org")
    press = page.locator(".button")
    before = box(press)["width"]
    press.click()
    expect(press).to_have_text("Sending…")
    expect(press).to_have_attribute("aria-disabled", "true")
    expect(page.locator("#status")).to_have_text("Sending…")
    expect(element).to_have_attribute("state", "sending")
    assert abs(box(press)["width"] - before) < 1
    press.evaluate("button => button.click()")
    page.get_by_label("Email address").press("Enter")
    assert len(held) == 1
    held[0].continue_()
    expect(element).to_have_attribute("state", "asked")


def test_words_that_changed_since_are_shown_and_agreed_to_anew(
    host: Host, paper: Gallery, open_page: OpenPage
) -> None:
    page = open_page().page
    element = show(page, host.hold("card", host.element("card")))
    # As after a restore of the database: the number that the box has is not known.
    page.route(
        "**/api/v1/subscriptions",
        lambda route: route.continue_(
            post_data=(route.request.post_data or "").replace('"wording":1', '"wording":99')
        ),
    )
    fill(page, "late@example.org")
    page.get_by_role("button", name="Sign up").click()
    expect(element).to_have_attribute("state", "error")
    tick = page.get_by_label("I have read and agree")
    expect(tick).to_be_focused()
    expect(tick).not_to_be_checked()
    expect(tick).to_have_accessible_description(
        "This page was open for a long time. Press the button once more"
    )
    expect(page.get_by_label("Email address")).to_have_value("late@example.org")
    page.unroute("**/api/v1/subscriptions")
    tick.check()
    page.get_by_role("button", name="Sign up").click()
    expect(element).to_have_attribute("state", "asked")


def test_who_says_not_now_is_left_in_peace_but_for_the_footer(
    host: Host, open_page: OpenPage
) -> None:
    page = open_page().page
    element = show(page, host.hold("card", host.element("card")))
    page.get_by_role("button", name="Not now").click()
    expect(element).to_have_attribute("state", "dismissed")
    assert box(element)["height"] == 0
    for variant in ("card", "inline"):
        page.goto(host.hold(variant, host.element(variant)))
        page.locator("digest-signup").scroll_into_view_if_needed()
        expect(page.locator("digest-signup")).to_have_attribute("state", "dismissed")
        expect(page.get_by_label("Email address")).to_have_count(0)
    show(page, host.hold("footer", host.element("footer")))
    expect(page.get_by_role("button", name="Not now")).to_have_count(0)
    # Ninety days later.
    page.evaluate("localStorage['digest-signup:editors-digest'] -= 91 * 864e5")
    show(page, host.hold("card", host.element("card")))


def test_a_name_that_no_form_can_have_is_made_one(
    host: Host, paper: Gallery, open_page: OpenPage
) -> None:
    page = open_page().page
    element = show(page, host.hold("card", host.element("card", form="Über uns: 7")))
    fill(page, "named@example.org")
    page.get_by_role("button", name="Sign up").click()
    expect(element).to_have_attribute("state", "asked")
    assert asked(paper, "named@example.org")[0].form == "xber uns- 7"


def test_a_browser_that_forbids_storage_shows_the_box(host: Host, open_page: OpenPage) -> None:
    page = open_page().page
    page.add_init_script(
        "Object.defineProperty(self, 'localStorage', {get() { throw new Error('forbidden') }})"
    )
    element = show(page, host.hold("card", host.element("card")))
    fill(page, "private@example.org")
    page.get_by_role("button", name="Sign up").click()
    expect(element).to_have_attribute("state", "asked")
    element = show(page, host.hold("card", host.element("card")))
    page.get_by_role("button", name="Not now").click()
    expect(element).to_have_attribute("state", "dismissed")


@pytest.mark.parametrize(
    ("element", "said"),
    [
        ('newsletter="nothing"', "There is no such newsletter. Look at its slug."),
        (
            'newsletter="editors-digest" variant="banner"',
            "There is no such variant. There are: card, inline, footer.",
        ),
    ],
)
def test_a_box_that_cannot_be_leaves_what_stands_inside_and_says_why(
    host: Host, open_page: OpenPage, element: str, said: str
) -> None:
    tab = open_page()
    tag = f"<digest-signup {element}><a href='{host.home}/'>Our newsletters</a></digest-signup>"
    tab.page.goto(host.hold("card", tag))
    expect(tab.page.locator("digest-signup")).to_have_attribute("state", "unavailable")

    assert tab.page.get_by_role("link", name="Our newsletters").is_visible()
    assert f"digest-signup: {said}" in tab.console_errors


def test_a_site_that_was_not_declared_is_told_so(
    host_server: WebServer, host: Host, open_page: OpenPage
) -> None:
    # The same pages by another name are another origin.
    tab = open_page()
    host.hold("card", host.element("card"))
    tab.page.goto(f"{host_server.url}/card")
    expect(tab.page.locator("digest-signup")).to_have_attribute("state", "unavailable")

    said = f"This page's site is not declared. Add {host_server.url} to DIGEST_EMBED_ORIGINS."
    assert f"digest-signup: {said}" in tab.console_errors
    # Nor may it post, whatever it writes itself.
    posted = (
        "fetch(url, {method: 'POST', body: '{}', headers: {'Content-Type': 'application/json'}})"
    )
    outcome = tab.page.evaluate(
        f"url => {posted}.then(() => 'read', () => 'kept')", f"{host.home}/api/v1/subscriptions"
    )
    assert outcome == "kept"


@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_a_mistyped_address_is_asked_about_and_a_wrong_one_changed(
    host: Host, paper: Gallery, open_page: OpenPage, width: int, scheme: Scheme
) -> None:
    page = open_page(width=width, colour_scheme=scheme).page
    element = show(page, host.hold("card", host.element("card")))
    email, typed = page.get_by_label("Email address"), f"robin.{width}@gmial.com"
    email.fill(typed)
    page.get_by_label("I have read and agree").check()
    page.get_by_role("button", name="Sign up").click()
    use = page.get_by_role("button", name=f"Use robin.{width}@gmail.com")
    expect(use).to_be_visible()
    assert_axe_finds_nothing(page)
    assert_it_fits(page)

    use.click()
    expect(page.get_by_role("heading", name="Now check your email")).to_be_focused()
    expect(page.get_by_text(f"robin.{width}@gmail.com")).to_be_visible()
    page.get_by_role("button", name="Change it").click()
    expect(email).to_be_focused()
    expect(email).to_have_value(f"robin.{width}@gmail.com")

    email.fill(typed)
    page.get_by_role("button", name="Sign up").click()
    expect(use).to_be_visible()
    page.get_by_role("button", name="Sign up").click()
    expect(element).to_have_attribute("state", "asked")
    found, _, _ = asked(paper, typed)
    assert found.email == typed
    with paper.runtime.database.reading() as session:
        taken_back = select(SignUp).where(SignUp.email == f"robin.{width}@gmail.com")
        assert session.scalar(taken_back) is None

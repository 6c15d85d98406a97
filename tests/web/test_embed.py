"""The sign-up boxes in a real browser, on another origin under a strict policy, beside LOOK.md 9.

DIGEST_WRITE_PICTURES=1 in the environment (`make pictures`) takes the pictures of docs/img anew.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Locator, Page, Route, expect
from sqlalchemy import select

from digest.models import ConsentDetail, SignUp, SignUpChoice
from tests.browser import OpenPage
from tests.servers.web import WebServer
from tests.web.gallery import Gallery, open_gallery
from tests.web.host import Host
from tests.web.looking import (
    Scheme,
    assert_axe_finds_nothing,
    assert_nothing_is_too_wide,
    box,
    style,
    take_picture,
)

VARIANTS = ("card", "inline", "footer")
SCREENS: tuple[tuple[int, Scheme], ...] = ((375, "light"), (1280, "dark"))
HERE = "(document.activeElement.shadowRoot ?? document).activeElement"


@pytest.fixture(scope="module")
def web_server() -> Iterator[WebServer]:
    server = WebServer()
    yield server
    server.close()


@pytest.fixture(scope="module")
def paper(web_server: WebServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gallery]:
    """The Halyard's Digest, which knows that website."""
    origin = web_server.url.replace("127.0.0.1", "localhost")
    with open_gallery(tmp_path_factory.mktemp("paper"), embed_origins=(origin,)) as gallery:
        yield gallery


@pytest.fixture
def host(web_server: WebServer, paper: Gallery) -> Host:
    return Host(web_server, paper.url)


def show(page: Page, address: str) -> Locator:
    """Open a page, and wait for the box that stands in it."""
    page.goto(address)
    page.locator("digest-signup").scroll_into_view_if_needed()
    expect(page.locator("digest-signup")).to_have_attribute("state", "ready")
    return page.locator("digest-signup")


def fill(page: Page, email: str) -> None:
    page.get_by_label("Email address").fill(email)
    page.get_by_label("I have read and agree").check()


def asked(paper: Gallery, email: str) -> tuple[SignUp, list[str], ConsentDetail]:
    """Return what is on record of a sign-up."""
    with paper.runtime.database.reading() as session:
        found = session.scalars(select(SignUp).where(SignUp.email == email)).one()
        choice = session.scalars(
            select(SignUpChoice).where(SignUpChoice.sign_up_id == found.id)
        ).one()
        detail = session.scalars(select(ConsentDetail).where(ConsentDetail.email == email)).one()
        return found, choice.topics, detail


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
    web_server: WebServer, host: Host, open_page: OpenPage
) -> None:
    # The same pages by another name are another origin.
    tab = open_page()
    host.hold("card", host.element("card"))
    tab.page.goto(f"{web_server.url}/card")
    expect(tab.page.locator("digest-signup")).to_have_attribute("state", "unavailable")

    said = f"This page's site is not declared. Add {web_server.url} to DIGEST_EMBED_ORIGINS."
    assert f"digest-signup: {said}" in tab.console_errors
    # Nor may it post, whatever it writes itself.
    posted = (
        "fetch(url, {method: 'POST', body: '{}', headers: {'Content-Type': 'application/json'}})"
    )
    outcome = tab.page.evaluate(
        f"url => {posted}.then(() => 'read', () => 'kept')", f"{host.home}/api/v1/subscriptions"
    )
    assert outcome == "kept"


# What it looks like


def test_the_card_has_the_measures_of_the_plan(host: Host, open_page: OpenPage) -> None:
    page = open_page(width=1280).page
    show(page, host.hold("card", host.element("card")))

    card = page.locator(".box")
    assert (box(card)["x"], box(card)["width"]) == (300, 680)
    assert style(card, "borderTopWidth") == "4px"
    assert style(card, "padding") == "26px 28px"
    assert style(card, "backgroundColor") == "rgb(237, 245, 244)"
    title, sentence = page.locator(".title"), page.locator(".sentence")
    assert (style(title, "fontSize"), style(title, "lineHeight")) == ("24px", "30px")
    assert (style(sentence, "fontSize"), style(title, "color")) == ("17px", "rgb(20, 33, 43)")
    assert box(page.locator(".portrait"))["width"] == 64
    field, tick, press = (page.locator(f".{name}") for name in ("field", "tick", "button"))
    assert (box(field)["width"], box(field)["height"]) == (680 - 56, 52)
    assert (box(tick)["width"], box(tick)["height"]) == (24, 24)
    assert box(press)["height"] == 52
    consent = box(page.locator(".consent"))
    assert consent["height"] >= 44
    assert consent["x"] + consent["width"] <= box(press)["x"]
    assert not tick.is_checked()
    assert page.get_by_placeholder("").count() == 0

    # As the plan has it, from edge to edge: by the host's own margin.
    page.set_viewport_size({"width": 375, "height": 900})
    assert (box(card)["x"], box(card)["width"]) == (0, 375)
    assert style(card, "padding") == "22px 20px"
    assert box(page.locator(".portrait"))["width"] == 56
    assert box(press)["width"] == box(field)["width"] == 375 - 40
    assert box(press)["y"] > box(page.locator(".consent"))["y"] + consent["height"]


def test_a_box_takes_its_size_from_its_own_place(host: Host, open_page: OpenPage) -> None:
    page = open_page(width=1280).page
    narrow = f'<div class="narrow">{host.element("card")}</div>'
    show(page, host.hold("card", narrow))

    assert box(page.locator(".box"))["width"] == 300
    assert box(page.locator(".button"))["width"] == 260
    assert_it_fits(page)


def assert_it_fits(page: Page) -> None:
    """At each width, and in text of twice the size, a reader scrolls in one direction only."""
    for size, widths in (("medium", (1280, 375, 320)), ("32px", (768, 375))):
        page.locator("digest-signup").evaluate("(box, size) => { box.style.fontSize = size }", size)
        for width in widths:
            page.set_viewport_size({"width": width, "height": 900})
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, f"{wide} px on a screen of {width}, text at {size}"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_box_is_as_light_or_dark_as_the_page_around_it(
    host: Host, open_page: OpenPage, scheme: Scheme
) -> None:
    page = open_page(colour_scheme=scheme).page
    fill_ = {"light": "rgb(0, 107, 94)", "dark": "rgb(103, 187, 171)"}
    show(page, host.hold("card", host.element("card")))
    assert style(page.locator(".button"), "backgroundColor") == fill_[scheme]
    # A site that has no dark pages has no dark boxes.
    show(page, host.hold("card", host.element("card"), scheme="light"))
    assert style(page.locator(".button"), "backgroundColor") == fill_["light"]
    page.goto(host.hold("card", host.pasted("iframe").replace("variant", "scheme=light&variant")))
    held = page.frame_locator("iframe")
    assert style(held.locator(".button"), "backgroundColor") == fill_["light"]


def test_a_host_sets_colours_and_type_by_variables(host: Host, open_page: OpenPage) -> None:
    page = open_page().page
    show(page, host.hold("card", host.element("card")))
    page.evaluate(
        "document.documentElement.style.setProperty('--digest-accent-fill', '#123456');"
        "document.documentElement.style.setProperty('--digest-sans', 'Arial')"
    )
    press = page.locator(".button")
    assert style(press, "backgroundColor") == "rgb(18, 52, 86)"
    assert style(press, "fontFamily") == "Arial"


def test_where_the_system_chooses_the_colours_edges_stay(host: Host, open_page: OpenPage) -> None:
    page = open_page().page
    page.emulate_media(forced_colors="active")
    show(page, host.hold("card", host.element("card")))

    for thing in (".button", ".field"):
        assert style(page.locator(thing), "borderTopWidth") == "2px"
    assert style(page.locator(".tick"), "appearance") == "auto"


# The frame


def frame(host: Host, variant: str) -> str:
    return host.pasted("iframe").replace("variant=card", f"variant={variant}")


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(
    ("width", "scheme", "javascript"), [(375, "dark", False), (1280, "light", True)]
)
def test_a_frame_takes_a_sign_up_and_answers_inside(
    host: Host,
    paper: Gallery,
    open_page: OpenPage,
    variant: str,
    width: int,
    scheme: Literal["light", "dark"],
    javascript: bool,
) -> None:
    tab = open_page(width=width, colour_scheme=scheme, javascript=javascript)
    page, email = tab.page, f"framed.{variant}.{width}@example.org"
    page.goto(host.hold(variant, frame(host, variant), head=host.listener()))
    held = page.frame_locator("iframe")
    if javascript:
        assert_whole(page)
    if javascript:
        held.get_by_role("button", name="Sign up").click()
        expect(held.locator(".problem")).to_be_focused()
        assert_whole(page)
        if variant == "card":
            assert_axe_finds_nothing(page)
        held.get_by_label("Email address").fill(email)
        held.get_by_label("I have read and agree").check()
        held.get_by_role("button", name="Sign up").click()
    else:
        # By keyboard alone: nothing else on the page takes the focus.
        page.keyboard.press("Tab")
        page.keyboard.type(email)
        for key in ("Tab", "Space", "Tab", "Tab", "Enter"):
            page.keyboard.press(key)
    answer = held.get_by_role("heading", name="Now check your email")
    expect(answer).to_be_visible()
    if javascript:
        expect(answer).to_be_focused()

    assert page.url == f"{host.url}/{variant}"
    found, topics, detail = asked(paper, email)
    assert (found.form, found.site, topics) == ("article card", "localhost", [])
    assert detail.page_url == f"{host.url}/"
    assert page.context.cookies() == []
    # A frame of another site gets the focus by its script only.
    benign = ("422", "Blocked autofocusing")
    assert [each for each in tab.console_errors if not any(b in each for b in benign)] == []


def assert_whole(page: Page) -> None:
    """The frame is as high as what it holds: it does not scroll, and has nothing left over."""
    page.wait_for_function(
        "Math.abs(document.querySelector('iframe').offsetHeight"
        " - document.querySelector('iframe').height) < 1"
    )
    inside = page.frames[1]
    page.wait_for_timeout(100)
    heights = inside.evaluate("[document.body.getBoundingClientRect().height, innerHeight]")
    assert 0 <= heights[1] - heights[0] < 1


def test_a_frame_looks_as_the_element_does(host: Host, open_page: OpenPage) -> None:
    page = open_page().page
    show(page, host.hold("card", host.element("card")))
    element = [box(page.locator(f".{name}")) for name in ("box", "title", "field", "tick")]
    page.goto(host.hold("card", frame(host, "card"), head=host.listener()))
    held = page.frame_locator("iframe")
    framed = [box(held.locator(f".{name}")) for name in ("box", "title", "field", "tick")]
    at = framed[0]["y"] - element[0]["y"]
    for one, other in zip(element[1:], framed[1:], strict=True):
        assert (one["x"], one["width"], one["height"]) == (
            other["x"],
            other["width"],
            other["height"],
        )
        assert abs(other["y"] - one["y"] - at) < 1


def test_a_site_that_was_not_declared_gets_no_frame(
    web_server: WebServer, host: Host, open_page: OpenPage
) -> None:
    tab = open_page()
    host.hold("card", frame(host, "card"))
    tab.page.goto(f"{web_server.url}/card")

    tab.page.wait_for_timeout(300)
    assert tab.page.frame_locator("iframe").get_by_label("Email address").count() == 0
    assert any("frame-ancestors" in error for error in tab.console_errors)


# The plain form, and the page that shows all of it


def test_mistakes_are_told_in_a_frame_without_a_script(host: Host, open_page: OpenPage) -> None:
    page = open_page(width=375, javascript=False).page
    page.goto(host.hold("card", frame(host, "card"), head=""))
    held = page.frame_locator("iframe")
    held.get_by_label("Email address").fill("robin.example.org")
    held.get_by_role("button", name="Sign up").click()

    expect(held.get_by_role("heading", name="There is a problem")).to_be_visible()
    expect(held.get_by_label("Email address")).to_have_value("robin.example.org")
    assert page.url == f"{host.url}/card"


def test_the_plain_form_works_under_the_same_policy_without_a_script(
    host: Host, paper: Gallery, open_page: OpenPage
) -> None:
    looked_at = open_page(width=1280).page
    looked_at.goto(f"{paper.url}/embed/")
    form = looked_at.locator("pre").last.inner_text()
    page = open_page(width=375, javascript=False).page
    page.goto(host.hold("card", form, scheme="plain", head=""))
    fill(page, "plain@example.org")
    page.get_by_role("button", name="Sign up").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Now check your email")
    assert asked(paper, "plain@example.org")[0].site == "localhost"


def test_every_box_can_be_looked_at_live(paper: Gallery, open_page: OpenPage) -> None:
    tab = open_page(width=1280)
    tab.page.goto(f"{paper.url}/embed/")
    for element in tab.page.locator("digest-signup").all():
        element.scroll_into_view_if_needed()
        expect(element).to_have_attribute("state", "ready")
    for number in range(3):
        held = tab.page.frame_locator("iframe").nth(number)
        expect(held.get_by_label("Email address")).to_be_visible()
    assert_axe_finds_nothing(tab.page)
    assert_nothing_is_too_wide(tab.page)
    assert (tab.console_errors, tab.failed_requests) == ([], [])


# The file; the variant; width; scheme.
PICTURES: tuple[tuple[str, str, int, Scheme], ...] = (
    ("embed-card-375-light", "card", 375, "light"),
    ("embed-card-1280-light", "card", 1280, "light"),
    ("embed-card-1280-dark", "card", 1280, "dark"),
    ("embed-inline-1280-light", "inline", 1280, "light"),
    ("embed-inline-375-dark", "inline", 375, "dark"),
    ("embed-footer-1280-light", "footer", 1280, "light"),
    ("embed-footer-375-light", "footer", 375, "light"),
)


@pytest.mark.parametrize(("file", "variant", "width", "scheme"), PICTURES)
def test_pictures_for_the_docs(
    host: Host,
    open_page: OpenPage,
    tmp_path: Path,
    file: str,
    variant: str,
    width: int,
    scheme: Scheme,
) -> None:
    page = open_page(width=width, height=720, colour_scheme=scheme).page
    show(page, host.hold(variant, host.element(variant)))
    take_picture(page, file, tmp_path, whole=True)

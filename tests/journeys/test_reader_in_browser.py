"""A reader's whole way in a real browser, on the demo as it is started from a terminal.

What is asserted is what is seen, and the rows that a second connection finds.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, TypeVar

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from sqlalchemy import Select, select

from digest.database.transactions import Database
from digest.models import (
    Consent,
    ConsentDetail,
    ConsentKind,
    Delivery,
    DeliveryState,
    SignUp,
    Subscriber,
    Subscription,
)
from tests.browser import OpenPage, Tab
from tests.journeys.formation import wait_until
from tests.journeys.test_demo import running_demo
from tests.servers.web import WebServer

Row = TypeVar("Row")

# What a publisher pastes into a page of their own: no script, no style.
PASTED = """<!doctype html>
<html lang="en"><head><title>The Halyard</title></head><body><h1>The Halyard</h1>
<form method="post" action="{url}/subscribe">
  <input type="hidden" name="newsletter" value="editors-digest">
  <input type="hidden" name="wording" value="1">
  <input type="hidden" name="form" value="front page">
  <label>Email address <input name="email"></label>
  <label><input type="checkbox" name="consent" value="yes"> I agree to the
    <a href="{url}/terms/1">terms</a></label>
  <button>Sign up</button>
</form></body></html>"""


class Demo:
    """The demo that runs, and its database as somebody else sees it."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        [file] = folder.glob("*/demo.sqlite3")
        self._database = Database(f"sqlite:///{file}")

    def rows(self, statement: Select[Row]) -> Sequence[Row]:
        with self._database.reading() as session:
            return session.scalars(statement).all()

    def periods(self, email: str) -> list[str]:
        """Return how each of the reader's periods stands: why it ended, or that it is active."""
        found = self.rows(
            select(Subscription)
            .join(Subscriber)
            .where(Subscriber.email == email)
            .order_by(Subscription.id)
        )
        return [str(period.ended_reason or "active") for period in found]

    def consents(self, email: str) -> list[ConsentKind]:
        """Return what is on record of the reader, oldest first."""
        subject = select(Consent.subject).join(ConsentDetail).where(ConsentDetail.email == email)
        on_record = select(Consent.kind).where(Consent.subject.in_(subject)).order_by(Consent.id)
        return list(self.rows(on_record))

    def deliveries(self, email: str) -> list[DeliveryState]:
        """Return how the deliveries to the reader stand."""
        ids = select(Subscriber.id).where(Subscriber.email == email)
        return list(self.rows(select(Delivery.state).where(Delivery.subscriber_id.in_(ids))))

    def close(self) -> None:
        self._database.dispose()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    folder = tmp_path_factory.mktemp("demo")
    with running_demo(folder) as (url, _):
        demo = Demo(url, folder)
        yield demo
        demo.close()


@pytest.mark.parametrize(
    ("width", "scheme", "javascript"),
    [(375, "light", True), (375, "dark", False), (1280, "light", True), (1280, "dark", True)],
)
def test_a_reader_signs_up_confirms_reads_leaves_and_comes_back(
    demo: Demo,
    open_page: OpenPage,
    width: int,
    scheme: Literal["light", "dark"],
    javascript: bool,
) -> None:
    tab = open_page(width=width, height=900, colour_scheme=scheme, javascript=javascript)
    page, context = tab.page, tab.page.context
    email = f"kim.{width}.{scheme}@example.org"

    page.goto(demo.url)
    expect(page.get_by_role("heading", level=1)).to_have_text("Editor’s Digest")
    look_at(page, width)
    page.get_by_label("Email address").fill(email)
    page.get_by_label("I have read and agree to the terms & conditions").check()
    page.get_by_role("button", name="Send me the Digest").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Now check your email")
    expect(page.get_by_text(email)).to_be_visible()
    look_at(page, width)
    assert demo.consents(email) == [ConsentKind.REQUESTED]
    assert demo.periods(email) == []

    open_mail(page, demo, email, "Confirm your subscription to the Editor’s Digest")
    look_at(page, width)
    beside = follow(page, context, "Open the page")
    expect(beside.get_by_role("heading", level=1)).to_have_text("Start the Editor’s Digest?")
    look_at(beside, width)
    assert demo.periods(email) == [], "opening the link changes nothing"
    beside.get_by_role("button", name="Yes, start it").click()
    expect(beside.get_by_role("heading", level=1)).to_have_text("You are in")
    look_at(beside, width)
    assert demo.periods(email) == ["active"]
    assert demo.consents(email) == [ConsentKind.REQUESTED, ConsentKind.CONFIRMED]

    open_mail(page, demo, email, but_not="Confirm your subscription")
    mail = page.frame_locator("iframe")
    expect(mail.get_by_role("heading", level=1)).to_have_text("Editor’s Digest")
    expect(mail.locator("body")).to_contain_text(email)
    look_at(page, width)
    wait_until(lambda: demo.deliveries(email) == [DeliveryState.ACCEPTED], "it is accepted")
    online = follow(page, context, "Read online")
    expect(online.get_by_role("heading", level=1)).to_have_text("Editor’s Digest")
    look_at(online, width)

    beside = follow(page, context, "Unsubscribe")
    expect(beside.get_by_role("heading", level=1)).to_have_text("Stop the Editor’s Digest?")
    assert demo.periods(email) == ["active"], "opening the link changes nothing"
    beside.get_by_role("button", name="Unsubscribe").click()
    expect(beside.get_by_role("heading", level=1)).to_have_text("You have left the Editor’s Digest")
    look_at(beside, width)
    assert demo.periods(email) == ["left"]
    beside.get_by_role("button", name="That was a mistake, put me back").click()
    expect(beside.get_by_role("heading", level=1)).to_have_text("You are back")
    assert demo.periods(email) == ["left", "active"]
    assert demo.consents(email) == [
        ConsentKind.REQUESTED,
        ConsentKind.CONFIRMED,
        ConsentKind.WITHDRAWN,
        ConsentKind.RESTORED,
    ]
    assert not_about_loading(tab) == []
    # The list of mails renews itself, and is broken off by whoever leaves it.
    assert [url for url in tab.failed_requests if url != f"{demo.url}/inbox"] == []


def open_mail(
    page: Page, demo: Demo, email: str, subject: str = "", but_not: str = "no such"
) -> None:
    """Open the reader's newest mail of that subject, as soon as it is there."""
    row = page.locator(".inbox-row").filter(has_text=email).filter(has_text=subject)
    row = row.filter(has_not_text=but_not)

    def came() -> bool:
        page.goto(f"{demo.url}/inbox")
        return row.count() > 0

    wait_until(came, f"a mail to {email}")
    row.first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(subject)


def follow(page: Page, context: BrowserContext, name: str) -> Page:
    """Press a link in the mail that is shown; return the page that opens beside it."""
    link = page.frame_locator("iframe").get_by_role("link", name=name).first
    with context.expect_page() as opened:
        link.click()
    opened.value.wait_for_load_state()
    return opened.value


def look_at(page: Page, width: int) -> None:
    """What holds on every page: it fits, and it has loaded whole."""
    assert page.evaluate("document.documentElement.scrollWidth") <= width, page.url
    broken = "[...document.images].filter(image => image.complete && !image.naturalWidth).length"
    assert page.evaluate(broken) == 0, page.url


def not_about_loading(tab: Tab) -> list[str]:
    """Return the errors of the console. A sandboxed mail in which no script may run is none."""
    return [error for error in tab.console_errors if "sandbox" not in error]


@pytest.mark.parametrize("javascript", [True, False])
def test_the_form_works_pasted_into_a_page_of_somebody_else(
    demo: Demo, open_page: OpenPage, http_server: WebServer, javascript: bool
) -> None:
    headers = {"Content-Type": "text/html; charset=utf-8"}
    http_server.route("/", PASTED.format(url=demo.url).encode(), headers=headers)
    elsewhere = http_server.url.replace("127.0.0.1", "localhost") + "/"
    page = open_page(width=375, javascript=javascript).page
    email = f"pasted-{javascript}@example.org".lower()

    page.goto(elsewhere)
    page.get_by_label("Email address").fill(email)
    page.get_by_role("button", name="Sign up").click()
    expect(page.get_by_role("heading", name="There is a problem")).to_be_visible()
    assert page.url.startswith(demo.url)
    assert page.get_by_label("Email address").input_value() == email
    assert demo.consents(email) == []

    page.goto(elsewhere)
    page.get_by_label("Email address").fill(email)
    page.get_by_label("I agree to the terms").check()
    page.get_by_role("button", name="Sign up").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Now check your email")
    [asked] = demo.rows(select(SignUp).where(SignUp.email == email))
    [detail] = demo.rows(select(ConsentDetail).where(ConsentDetail.email == email))
    assert (asked.form, asked.site) == ("front page", "localhost")
    assert detail.page_url == elsewhere

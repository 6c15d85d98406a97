"""Every page that a reader can meet, and how one comes upon it in a browser."""

import secrets
from collections.abc import Callable
from datetime import timedelta

from playwright.sync_api import Page

from digest.tokens import Purpose
from tests.web.gallery import MONDAY, Gallery

Visit = Callable[[Gallery, Page], None]

MISTYPED = "a.rather.long.name.that.somebody.has@gmial.com"
IN_WORDS = "Robin Oduya <robin.oduya@halyard.org>"


def _press(page: Page, name: str) -> None:
    """Press a button, and wait for the page that it leads to."""
    with page.expect_navigation():
        page.get_by_role("button", name=name).click()


def _go(path: str) -> Visit:
    def visit(gallery: Gallery, page: Page) -> None:
        page.goto(gallery.url + path)

    return visit


def _sign_up_errors(gallery: Gallery, page: Page) -> None:
    page.goto(f"{gallery.url}/")
    page.get_by_label("Email address").fill("robin.example.org")
    _press(page, "Send me")


def _sign_up_with(email: str) -> Visit:
    def visit(gallery: Gallery, page: Page) -> None:
        page.goto(f"{gallery.url}/")
        page.get_by_label("Email address").fill(email)
        page.get_by_label("I have read and agree").check()
        _press(page, "Send me")

    return visit


def _frame_doubt(gallery: Gallery, page: Page) -> None:
    page.goto(f"{gallery.url}/embed/editors-digest")
    page.get_by_label("Email address").fill(MISTYPED)
    page.get_by_label("I have read and agree").check()
    _press(page, "Sign up")


def _wrong_address(gallery: Gallery, page: Page) -> None:
    _asked(gallery, page)
    _press(page, "Change it")


def _asked(gallery: Gallery, page: Page) -> None:
    page.goto(f"{gallery.url}/")
    page.get_by_label("Email address").fill(f"robin.{secrets.token_hex(3)}@example.org")
    page.get_by_label("I have read and agree").check()
    _press(page, "Send me")


def _once_more(gallery: Gallery, page: Page) -> None:
    page.goto(f"{gallery.url}/")
    page.get_by_label("Email address").fill(f"robin.{secrets.token_hex(3)}@example.org")
    page.get_by_label("I have read and agree").check()
    yesterday = int((MONDAY - timedelta(days=1)).timestamp())
    old = gallery.runtime.ring.sign(Purpose.FORM, bytes(16), yesterday)
    page.locator("input[name=token]").evaluate("(field, old) => { field.value = old }", old)
    _press(page, "Send me")


def _confirm(gallery: Gallery, page: Page) -> None:
    page.goto(gallery.url + gallery.waiting(f"{secrets.token_hex(3)}@example.org"))


def _confirmed(gallery: Gallery, page: Page) -> None:
    _confirm(gallery, page)
    with page.expect_navigation():
        page.get_by_role("button").click()


def _expired(gallery: Gallery, page: Page) -> None:
    email = f"{secrets.token_hex(3)}@example.org"
    page.goto(gallery.url + gallery.waiting(email, asked=MONDAY - timedelta(days=3)))


def _sent_again(gallery: Gallery, page: Page) -> None:
    _expired(gallery, page)
    with page.expect_navigation():
        page.get_by_role("button").click()


def _left(gallery: Gallery, page: Page) -> None:
    page.goto(gallery.url + gallery.path(Purpose.UNSUBSCRIBE))
    _press(page, "Unsubscribe")


def _left_before(gallery: Gallery, page: Page) -> None:
    _left(gallery, page)
    page.goto(page.url)


def _undone(gallery: Gallery, page: Page) -> None:
    _left(gallery, page)
    _press(page, "put me back")


def _paused(gallery: Gallery, page: Page) -> None:
    page.goto(gallery.url + gallery.path(Purpose.UNSUBSCRIBE))
    _press(page, "Pause")


def _preferences_saved(gallery: Gallery, page: Page) -> None:
    page.goto(gallery.url + gallery.path(Purpose.PREFERENCES))
    page.get_by_label("four weeks").check()
    _press(page, "Save")


def _preferences_errors(gallery: Gallery, page: Page) -> None:
    page.goto(gallery.url + gallery.path(Purpose.PREFERENCES))
    page.get_by_label("until the day").check()
    _press(page, "Save")


def _preferences_left(gallery: Gallery, page: Page) -> None:
    page.goto(gallery.url + gallery.path(Purpose.PREFERENCES))
    _press(page, "Unsubscribe")


def _fresh_link(gallery: Gallery, page: Page) -> None:
    page.goto(gallery.url + gallery.path(Purpose.PREFERENCES))
    _press(page, "Mail me a fresh link")
    page.goto(gallery.url + gallery.newest_link())


def _control(gallery: Gallery, page: Page) -> None:
    _fresh_link(gallery, page)
    _press(page, "Yes, open it")


def _control_with(email: str) -> Visit:
    def visit(gallery: Gallery, page: Page) -> None:
        _control(gallery, page)
        page.get_by_label("New email address").fill(email)
        _press(page, "Change my address")

    return visit


def _lost_link_doubt(gallery: Gallery, page: Page) -> None:
    page.goto(f"{gallery.url}/preferences")
    page.get_by_label("Email address").fill(MISTYPED)
    _press(page, "Mail me a link")


def _new_address(gallery: Gallery, page: Page) -> None:
    _control(gallery, page)
    page.get_by_label("New email address").fill(f"{secrets.token_hex(3)}@example.net")
    _press(page, "Change my address")
    page.goto(gallery.url + gallery.newest_link())


def _follow(name: str) -> Visit:
    def visit(gallery: Gallery, page: Page) -> None:
        _control(gallery, page)
        with page.expect_navigation():
            page.get_by_role("link", name=name).click()

    return visit


def _mail(view: str, width: str = "desktop") -> Visit:
    return lambda gallery, page: _go(f"/inbox/{issue_mail(gallery)}?view={view}&width={width}")(
        gallery, page
    )


def issue_mail(gallery: Gallery) -> int:
    """Return the inbox's number of the newest issue's mail."""
    return next(m.id for m in reversed(gallery.mailbox.messages()) if m.read.one_click_url)


PAGES: dict[str, Visit] = {
    "sign-up": _go("/"),
    "sign-up-errors": _sign_up_errors,
    "sign-up-doubt": _sign_up_with(MISTYPED),
    "sign-up-suggestion": _sign_up_with(IN_WORDS),
    "frame-doubt": _frame_doubt,
    "asked": _asked,
    "wrong-address": _wrong_address,
    "once-more": _once_more,
    "confirm": _confirm,
    "confirmed": _confirmed,
    "expired": _expired,
    "sent-again": _sent_again,
    "broken-link": _go("/confirm/nonsense"),
    "unsubscribe": lambda gallery, page: _go(gallery.path(Purpose.UNSUBSCRIBE))(gallery, page),
    "left": _left,
    "left-before": _left_before,
    "undone": _undone,
    "paused": _paused,
    "preferences": lambda gallery, page: _go(gallery.path(Purpose.PREFERENCES))(gallery, page),
    "preferences-saved": _preferences_saved,
    "preferences-errors": _preferences_errors,
    "preferences-left": _preferences_left,
    "lost-link": _go("/preferences"),
    "lost-link-doubt": _lost_link_doubt,
    "fresh-link": _fresh_link,
    "control": _control,
    "control-doubt": _control_with(MISTYPED),
    "control-suggestion": _control_with(IN_WORDS),
    "new-address": _new_address,
    "data": _follow("Read my data"),
    "erase": _follow("Erase"),
    "archive": _go("/issues/"),
    "issue": _go("/issues/editors-digest/42"),
    "cancelled-issue": _go("/issues/editors-digest/40"),
    "terms": _go("/terms/1"),
    "privacy": _go("/privacy"),
    "missing": _go("/nowhere"),
    "unreadable": _go("/failures/400"),
    "too-often": _go("/failures/429"),
    "broken": _go("/failures/500"),
    "inbox": _go("/inbox"),
    "inbox-html": _mail("html"),
    "inbox-html-phone": _mail("html", "phone"),
    "inbox-text": _mail("text"),
    "inbox-headers": _mail("headers"),
    "inbox-source": _mail("source"),
}

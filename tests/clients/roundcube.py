"""Roundcube behind PHP's own web server, with SQLite and Dovecot, in the project's Chromium."""

import re
from collections.abc import Sequence
from urllib.parse import urlencode

from playwright.sync_api import Page

from tests.clients.machine import PASSWORD, READER, Dovecot
from tests.clients.mails import PUBLIC_URL, Mail
from tests.clients.sight import Sight, filler_in, words
from tests.clients.surroundings import SCHEMES, Scheme, Surroundings
from tests.debian import Debian, Listening
from tests.servers.run import Run

PACKAGES = (
    "dovecot-imapd",
    "php8.2-cli",
    "php8.2-sqlite3",
    "roundcube-core",
    "roundcube-sqlite3",
)
SIZES = ((1280, 900), (390, 844))
DATABASE = "/var/lib/roundcube/clients.sqlite"
CONFIGURATION = """\
<?php
$config['db_dsnw'] = 'sqlite:///{database}?mode=0600';
$config['imap_host'] = '127.0.0.1:{imap_port}';
$config['smtp_host'] = '127.0.0.1:1';
$config['des_key'] = '{key}';
$config['plugins'] = [];
$config['skin'] = 'elastic';
$config['language'] = 'en_GB';
$config['log_driver'] = 'stdout';
"""
# 24 characters, for sessions that live for a minute.
KEY = "of-no-use-to-anyone-else"

FRAME = "#message-htmlpart1"
# Of each element, what the style blocks and the style attributes say together: of its box, and of
# words of its own.
LOOKS = """root => [...root.querySelectorAll("p, h1, h2, h3, td, a, img")].map(element => {
  const style = getComputedStyle(element)
  const names = ["display", "background-color", "padding-left", "padding-right"]
  if (style.borderTopWidth != "0px") names.push("border-top-width", "border-top-color")
  const words = [...element.childNodes].some(node => node.nodeType == 3 && node.data.trim())
  if (words) names.push("color", "font-size", "line-height")
  return [element.tagName, ...names.map(name => `${name}: ${style.getPropertyValue(name)}`)]
})"""
QUOTED = re.compile(r"^> ?", re.MULTILINE)
PAPER_CLASS = "[class$=paper]"
BACKGROUND = "element => getComputedStyle(element).backgroundColor"
PAPER = {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 29, 35)"}
PADDING = {1280: "padding-left: 32px", 390: "padding-left: 20px"}


class Roundcube(Listening):
    """A Roundcube whose database is new."""

    def __init__(self, run: Run, debian: Debian, imap_port: int) -> None:
        super().__init__(run, debian, "roundcube")
        debian.run("rm", "--force", DATABASE)
        settings = CONFIGURATION.format(database=DATABASE, imap_port=imap_port, key=KEY)
        debian.write("/etc/roundcube/config.inc.php", settings)

    def command(self) -> Sequence[str]:
        # Not one request after the other: a page and what it loads come together.
        php = ["env", "PHP_CLI_SERVER_WORKERS=4", "php", "-S", f"127.0.0.1:{self.port}"]
        return self.debian.command(*php, "-t", "/var/lib/roundcube/public_html")

    def url(self, action: str = "", **asked: str | int) -> str:
        """Return the address of a page of the mail task."""
        query = {
            "_task": "mail",
            "_mbox": "INBOX",
            **asked,
            **({"_action": action} if action else {}),
        }
        return f"http://127.0.0.1:{self.port}/?{urlencode(query)}"


def look(around: Surroundings, sight: Sight) -> None:
    """Open both mails, light and dark, wide and narrow, and begin a plain reply to each."""
    sight.version = around.debian.version("roundcube-core") or ""
    dovecot = Dovecot(around.run, around.debian)
    dovecot.start()
    try:
        dovecot.deliver(around.post.mails)
        roundcube = Roundcube(around.run, around.debian, dovecot.port)
        roundcube.start()
        try:
            for scheme in SCHEMES:
                for size in SIZES:
                    _look_at_mails(around, sight, roundcube, size, scheme)
            _look_at_replies(around, sight, roundcube)
            _look_at_leaving(around, sight, roundcube)
        finally:
            roundcube.discard()
    finally:
        dovecot.discard()


def _log_in(page: Page, roundcube: Roundcube) -> None:
    page.goto(roundcube.url())
    page.fill("input[name=_user]", READER)
    page.fill("input[name=_pass]", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_selector("#messagelist tr.message")


def _look_at_mails(
    around: Surroundings, sight: Sight, roundcube: Roundcube, size: tuple[int, int], scheme: Scheme
) -> None:
    width, height = size
    with around.page(width, height, scheme) as tab:
        page = tab.page
        _log_in(page, roundcube)
        for uid, mail in enumerate(around.post.mails, 1):
            page.goto(roundcube.url("show", _uid=uid, _safe=1))
            page.wait_for_load_state("networkidle")
            seen = f"{mail.name}, {width} px, {scheme}"
            around.keep(page, f"roundcube-{mail.name}-{width}-{scheme}")
            found = page.locator(FRAME).first.evaluate(LOOKS)
            _compare(sight, seen, found, _alone(around, mail, size, scheme))
            own = page.locator(f"table{PAPER_CLASS}").first.evaluate(BACKGROUND)
            sight.expect(f"{seen}: the paper is {PAPER[scheme]}", own == PAPER[scheme], own)
            padded = {look for looks in found for look in looks if look.startswith("padding-left")}
            sight.expect(f"{seen}: {PADDING[width]}", PADDING[width] in padded, padded)
        strange = [url for url in tab.refused if not url.startswith(f"{PUBLIC_URL}/media/")]
        sight.expect_all(f"{width} px, {scheme}: nothing else is asked of the network", strange)


def _alone(
    around: Surroundings, mail: Mail, size: tuple[int, int], scheme: Scheme
) -> list[list[str]]:
    """Return the looks of a mail's elements where nothing is around it."""
    with around.page(*size, scheme) as tab:
        tab.page.set_content(mail.html, wait_until="load")
        looks: list[list[str]] = tab.page.locator("body").evaluate(LOOKS)
        return looks


def _compare(sight: Sight, seen: str, found: list[list[str]], wanted: list[list[str]]) -> None:
    there = f"{seen}: all of the {len(wanted)} elements are there"
    sight.expect(there, len(found) == len(wanted), len(found))
    sight.expect_all(
        f"{seen}: colours, sizes and padding are those of the mail by itself",
        (
            f"{here[0]}: {sorted({*here} - {*alone})}, not {sorted({*alone} - {*here})}"
            for here, alone in zip(found, wanted, strict=False)
            if here != alone
        ),
    )


def _look_at_replies(around: Surroundings, sight: Sight, roundcube: Roundcube) -> None:
    with around.page(1280) as tab:
        page = tab.page
        _log_in(page, roundcube)
        for uid, mail in enumerate(around.post.mails, 1):
            page.goto(roundcube.url("compose", _reply_uid=uid))
            reply = page.locator("textarea[name=_message]").input_value()
            quoted = words(QUOTED.sub("", reply.partition("wrote:\n")[2]))
            top = quoted[: len(mail.preview)]
            sight.expect(
                f"{mail.name}: a plain reply begins with the preview’s words",
                top == mail.preview,
                reply[:300],
            )
            sight.expect_all(f"{mail.name}: no filler in a plain reply", filler_in(reply))


def _look_at_leaving(around: Surroundings, sight: Sight, roundcube: Roundcube) -> None:
    """What Roundcube makes of the headers of a list."""
    url = around.post.issue.message["List-Unsubscribe"].partition(">")[0].removeprefix("<")
    with around.page(1280) as tab:
        page = tab.page
        _log_in(page, roundcube)
        page.goto(roundcube.url("headers", _uid=2))
        headers = page.locator("body").inner_text()
        sight.expect("issue: “Headers” shows List-Unsubscribe whole", url in headers, headers)
        page.goto(roundcube.url("show", _uid=2))
        page.wait_for_load_state("networkidle")
        inside = page.locator(FRAME).first.inner_text()
        around_it = page.locator("body").inner_text().replace(inside, "")
        if "nsubscribe" not in around_it:
            sight.note("It makes nothing of List-Unsubscribe: readers leave by the mail’s link.")
        if page.evaluate("Boolean(rcmail.env.list_post)"):
            sight.note("It offers “Reply to list” although List-Post is NO (RFC 2369 3.4).")
    sight.note("It makes quotation marks and apostrophes straight.")

"""NeoMutt, with Debian's settings: it shows the text part."""

import re

from tests.clients.machine import READER, put_into_mbox
from tests.clients.mails import LAST_WORDS, Mail
from tests.clients.sight import LONGEST_LINE, Sight, filler_in
from tests.clients.surroundings import Surroundings
from tests.clients.terminal import Terminal, terminal

PACKAGES = ("neomutt", "tmux")
SETTINGS = f"set folder = /home/{READER}\nset wait_key = no\n"
COLUMNS, ROWS = 80, 40
URL = re.compile(r"https?://\S+")
HEADERS = (
    "List-Post: NO",
    "Precedence: bulk",
    "List-Id: Editor’s Digest",
    "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
)


def look(around: Surroundings, sight: Sight) -> None:
    """Open both mails, page through their text, and look at the issue's headers."""
    sight.version = around.debian.version("neomutt") or ""
    around.debian.write(f"/home/{READER}/.neomuttrc", SETTINGS, READER)
    box = put_into_mbox(around.debian, around.post.mails)
    command = ["neomutt", "-f", box]
    with terminal(around.run, around.debian, command, COLUMNS, ROWS) as program:
        index = program.wait_for("-NeoMutt: ")
        for place, mail in enumerate(around.post.mails, 1):
            # As much of it as there is room for.
            sight.expect(f"{mail.name}: its subject decodes", mail.subject[:36] in index, index)
            program.type(str(place), "Enter", "Enter")
            program.wait_for(f"Subject: {mail.subject}")
            if mail is around.post.issue:
                around.draw(program.shown(coloured=True), "neomutt-issue")
            _look_at_text(mail, program, sight)
            program.type("q")
            program.wait_for("-NeoMutt: ")
        program.type("2", "Enter", "Enter")
        program.wait_for(f"Subject: {around.post.issue.subject}")
        program.type("h")
        headers = program.wait_for("Content-Language")
        around.draw(program.shown(coloured=True), "neomutt-headers")
        for header in HEADERS:
            sight.expect(f"issue: headers have “{header}”", header in headers, headers)


def _look_at_text(mail: Mail, program: Terminal, sight: Sight) -> None:
    screens = program.page_through("Space", LAST_WORDS)
    name = mail.name
    body = screens[0].partition("\n\n")[2]
    nameplate = mail.text.splitlines()[0]
    sight.expect(f"{name}: the nameplate stands on top", body.startswith(nameplate), body[:200])
    sight.expect_all(f"{name}: no filler", filler_in("".join(screens)))
    lines = {line for screen in screens for line in screen.splitlines()}
    urls = URL.findall(mail.text)
    sight.expect_all(
        f"{name}: {len(urls)} links, each whole on a line of its own",
        (url for url in urls if url not in lines),
    )
    sight.expect_all(
        f"{name}: no link has more than {LONGEST_LINE} characters",
        (url for url in urls if len(url) > LONGEST_LINE),
    )

"""Alpine: it turns the HTML part into text, and shows links by their host."""

from tests.clients.machine import MBOX, READER, put_into_mbox
from tests.clients.mails import LAST_WORDS, PUBLIC_URL, Mail
from tests.clients.sight import Sight, filler_in, words
from tests.clients.surroundings import Surroundings
from tests.clients.terminal import Terminal, terminal

PACKAGES = ("alpine", "tmux")
# Without a version it takes the reader for a new one, and offers to be counted by its makers.
SETTINGS = f"""\
personal-name=Robin
user-domain=example.org
inbox-path={MBOX}
last-version-used=7.00
feature-list=quit-without-confirm
"""
COLUMNS, ROWS = 100, 40
UNDER_HEADERS = f"\n{'-' * 40}\n"
HOST = f"[{PUBLIC_URL.partition('//')[2]}]"
OF_A_LIST = "[ Note: This message contains email list management information ]"


def look(around: Surroundings, sight: Sight) -> None:
    """Open both mails, and page through them."""
    sight.version = around.debian.version("alpine") or ""
    put_into_mbox(around.debian, around.post.mails)
    around.debian.write(f"/home/{READER}/.pinerc", SETTINGS, READER)
    # It would stop to say that it makes one.
    around.debian.run("mkdir", "--parents", f"/home/{READER}/mail", user=READER)
    command = ["alpine", "-i"]
    with terminal(around.run, around.debian, command, COLUMNS, ROWS) as program:
        for place, mail in enumerate(around.post.mails, 1):
            index = program.wait_for("MESSAGE INDEX")
            sight.expect(f"{mail.name}: its subject decodes", mail.subject in index, index)
            program.type(str(place))
            program.type("Enter")
            program.wait_for(f"Message {place} of 2")
            program.type("Enter")
            program.wait_for(f"Subject: {mail.subject}")
            if mail is around.post.issue:
                around.draw(program.shown(coloured=True), "alpine-issue")
            _look_at(mail, program, sight)
            program.type("<")


def _look_at(mail: Mail, program: Terminal, sight: Sight) -> None:
    screens = program.page_through("Space", LAST_WORDS)
    name, end = mail.name, screens[-1]
    body = words(screens[0].partition(UNDER_HEADERS)[2])
    top = body[: len(mail.preview)]
    sight.expect(f"{name}: the preview’s words stand on top", top == mail.preview, top)
    sight.expect(f"{name}: so does the nameplate", "Editor’s Digest" in screens[0], body)
    sight.expect_all(f"{name}: no filler", filler_in("".join(screens)))
    if "List-Unsubscribe" in mail.message:
        leave = f"Unsubscribe {HOST}"
        sight.expect(f"{name}: the link to leave is told with its host", leave in end, end)
        sight.expect(f"{name}: Alpine itself offers the list’s commands", OF_A_LIST in end, end)

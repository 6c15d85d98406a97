"""w3m, by which text programs turn HTML into text: the HTML part, dumped."""

import re

from tests.clients.machine import READER
from tests.clients.mails import Mail
from tests.clients.sight import Sight, filler_in, words
from tests.clients.surroundings import Surroundings

PACKAGES = ("w3m",)
PAGE = f"/home/{READER}/mail.html"
UTF_8 = ("-T", "text/html", "-I", "UTF-8", "-O", "UTF-8")
COLUMNS = 80
REFERENCE = re.compile(r"^\[\d+\] (\S+)$", re.MULTILINE)
# So many lines are seen without scrolling.
FIRST_LINES = 24


def look(around: Surroundings, sight: Sight) -> None:
    """Dump both mails with their links numbered."""
    sight.version = around.debian.version("w3m") or ""
    for mail in around.post.mails:
        around.debian.write(PAGE, mail.html)
        dump = ["w3m", "-dump", *UTF_8, "-cols", str(COLUMNS), "-o", "display_link_number=1", PAGE]
        shown = around.debian.run(*dump, user=READER)
        if mail is around.post.issue:
            around.draw("\n".join(shown.splitlines()[:FIRST_LINES]), "w3m-issue")
        _look_at(mail, shown, sight)
    sight.note(
        'A picture with alt="" is shown as its file’s name, unless it is told not to '
        "(-o ignore_null_img_alt=0)."
    )


def _look_at(mail: Mail, shown: str, sight: Sight) -> None:
    name = mail.name
    top = words(shown)[: len(mail.preview)]
    sight.expect(f"{name}: the preview’s words stand on top", top == mail.preview, top)
    first = "\n".join(shown.splitlines()[:FIRST_LINES])
    sight.expect(f"{name}: so does the nameplate", "\nEditor’s Digest\n" in first, first)
    sight.expect_all(f"{name}: no filler", filler_in(shown))
    listed = set(REFERENCE.findall(shown))
    sight.expect_all(
        f"{name}: {len(mail.links)} links, each listed whole at the end", mail.links - listed
    )

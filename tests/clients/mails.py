"""The demo's confirmation and issue, as its relay got them."""

import html
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from digest.cli.demo import DemoEditor
from digest.cli.halyard import THIS_WEEK
from digest.cli.proof import StoryError, both_parts
from digest.cli.story import CONFIRM_LINK, LEAVES, Stage
from digest.cli.visitor import Visitor
from tests.journeys.stage import Faults, stage_with

# As long a host as publishers have: the length of links is looked at.
PUBLIC_URL = "https://mail.halyard.example"
# Of each mail: the end of the paper's postal address.
LAST_WORDS = "VH1 2AB"


@dataclass(frozen=True)
class Mail:
    """A mail as it came over the wire, with CRLF. `name` is "issue" or "confirmation"."""

    name: str
    content: bytes

    @property
    def message(self) -> EmailMessage:
        return message_from_bytes(self.content, policy=policy.default)

    @property
    def subject(self) -> str:
        return str(self.message["Subject"])

    @property
    def text(self) -> str:
        return both_parts(self.message)[0]

    @property
    def preview(self) -> str:
        """What stands first in the HTML part, hidden: for the list of mails."""
        [preview] = re.findall(r'<div class="preheader[^>]*>([^<]*)</div>', self.html)
        return html.unescape(preview)

    @property
    def links(self) -> set[str]:
        """Where the HTML part's links lead."""
        return {html.unescape(link) for link in re.findall(r'<a [^>]*href="([^"]+)"', self.html)}

    @property
    def html(self) -> str:
        return both_parts(self.message)[1]


@dataclass(frozen=True)
class Post:
    """What the reader got, and where the mails' pictures are: the site's own address."""

    confirmation: Mail
    issue: Mail
    site: str

    @property
    def mails(self) -> tuple[Mail, Mail]:
        return self.confirmation, self.issue


@contextmanager
def post() -> Iterator[Post]:
    """Play the demo until its reader has the issue; the site goes on serving its pictures."""
    with (
        tempfile.TemporaryDirectory(prefix="digest-clients-") as folder,
        stage_with(
            Faults(), Path(folder), public_url=PUBLIC_URL, own_domains=frozenset({"example.org"})
        ) as stage,
        Visitor(stage.url) as visitor,
    ):
        editor = DemoEditor(stage.runtime, stage.paper)
        editor.prepare_issue()
        editor.look()
        page = visitor.open("/")
        form = page.form_to("/subscribe")
        assert form is not None, page.text
        visitor.send(page, form, email=LEAVES, consent=form.boxes["consent"])
        confirmation = Mail("confirmation", _arrived(stage))
        [link] = set(CONFIRM_LINK.findall(confirmation.text))
        page = visitor.open(link.removeprefix(PUBLIC_URL))
        form = page.form_to("/confirm/")
        assert form is not None, page.text
        visitor.send(page, form)
        editor.look()
        issue = Mail("issue", _arrived(stage, confirmation))
        assert issue.subject == THIS_WEEK[0].title
        yield Post(confirmation, issue, stage.url)


def _arrived(stage: Stage, before: Mail | None = None) -> bytes:
    known = before.content if before else None
    arrived = stage.inbox.wait_for(lambda mail: mail.content != known, stage.patience_seconds)
    if arrived is None:
        raise StoryError("a mail", f"nothing after {stage.patience_seconds:g} s")
    return arrived.content

"""An editor's Friday, told once: from signing in to what arrives on Saturday.

Whoever plays it brings the hands: a mouse where no script runs, the keyboard alone, a finger on a
phone (test_friday.py), another browser's driver (`make browsers`).
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import select

from digest.cli.desk_story import expect_order
from digest.cli.halyard import THIS_WEEK
from digest.cli.proof import both_parts, parsed
from digest.delivery.ledger.freezing import prepare
from digest.desk.audit import OPERATOR
from digest.desk.users import Granted, create_user
from digest.models import Issue, Newsletter, Role
from digest.newsroom.issues.calendar import slots_after
from digest.newsroom.issues.composing import compose, create_issue
from digest.preflight.clearing import hold_back
from digest.runtime import DELIVER_ISSUE
from tests.factories import make_article
from tests.web.desk.conftest import HASH, PASSWORD
from tests.web.gallery import ROBIN, Gallery, open_gallery, publish

IMARA = "imara@example.org"
PORT, COLD, ROOFS, BAT = (story.title for story in THIS_WEEK[:4])
FERRY = "The ferry that runs on gossip"
HEADLINE = "Who owns the cold, and who is left out in it?"
SUBJECT = "Saturday’s paper"
NOTE = "Good morning, all. Save the port for a second coffee."


class Hands(ABC):
    """What a person does on a page. What it is called is what the page calls it, or begins with."""

    @abstractmethod
    def open(self, address: str) -> None:
        """Open a page by its address."""

    @abstractmethod
    def write(self, label: str, words: str) -> None:
        """Put words into the field of that label, in place of what is there."""

    @abstractmethod
    def press(self, button: str) -> None: ...

    @abstractmethod
    def follow(self, link: str) -> None: ...

    @abstractmethod
    def unfold(self, summary: str) -> None: ...

    @abstractmethod
    def named(self, button: str) -> list[str]:
        """Return the whole names of the buttons in sight that begin with it."""

    @abstractmethod
    def miss(self, button: str) -> None:
        """Wait until there is no such button."""

    @abstractmethod
    def can_follow(self, link: str) -> bool: ...

    @abstractmethod
    def see(self, words: str) -> None:
        """Wait until the page says so."""

    @abstractmethod
    def see_in_email(self, words: str) -> None:
        """Wait until the email in its frame says so."""

    def pause(self, moment: str) -> None:  # noqa: B027
        """Look at the page as a whole, at a moment that is worth it; or go on."""

    def turn_to(self, part: str) -> None:
        """Go to a part of the page that has a tab of its own, where it has one."""
        if self.can_follow(part):
            self.follow(part)

    def lift(self, story: str) -> None:
        """Move a story up by one."""
        self.press(f"Up: {story}")


@dataclass(frozen=True)
class Friday:
    """A paper on its Friday afternoon, with a draft that was composed by the rule."""

    gallery: Gallery
    issue_id: int

    @property
    def url(self) -> str:
        return self.gallery.url

    @property
    def page(self) -> str:
        return f"{self.url}/desk/issues/{self.issue_id}"

    def wait_for_saturday(self) -> None:
        """Let the hour come at which the issue goes out."""
        runtime, clock = self.gallery.runtime, self.gallery.clock
        with runtime.database.reading() as session:
            clock.at = session.get_one(Issue, self.issue_id).send_at
        url = runtime.settings.public_url
        inbound, check = runtime.settings.inbound_domain, partial(hold_back, public_url=url)
        now, frozen_by = clock.now(), partial(prepare, runtime.database, self.issue_id, check=check)
        assert frozen_by(now=now, public_url=url, inbound_domain=inbound)
        runtime.bell.ring(DELIVER_ISSUE, self.issue_id)


@contextmanager
def friday(folder: Path, **changes: Any) -> Iterator[Friday]:
    """The Halyard with one reader, one editor, a draft of four stories, and one beside it.

    `changes` replace settings of the demo.
    """
    with open_gallery(folder, issues=False, **changes) as gallery:
        runtime = gallery.runtime
        gallery.reader(ROBIN)
        with runtime.database.transaction() as session:
            newsletter = session.scalars(select(Newsletter)).one()
            slot = next(slots_after(newsletter, gallery.clock.now()))
            now = gallery.clock.at = slot.compose_at
            publish(session, THIS_WEEK[:4], "friday", now)
            issue = create_issue(session, newsletter, slot.occurrence_on, now)
            compose(session, issue, now)
            now = gallery.clock.at = slot.closes_at - timedelta(hours=14)
            seen = {"published_at": now, "first_seen_at": now}
            make_article(session, "ferry", title=FERRY, section="Culture", **seen)
            imara = create_user(session, OPERATOR, IMARA, "Imara", [Granted(Role.OWNER)], now=now)
            imara.password_hash = HASH
            issue_id = issue.id
        yield Friday(gallery, issue_id)


def play(friday: Friday, hands: Hands) -> None:
    """Be the editor, and then the reader.

    Raises:
        StoryError: what arrived is not what the editor made.
    """
    sign_in(friday, hands)
    choose_and_order(hands)
    write_to_readers(hands)
    look_and_try(friday, hands)
    approve(hands)
    read_on_saturday(friday)


def sign_in(friday: Friday, hands: Hands) -> None:
    hands.open(f"{friday.url}/desk/")
    hands.write("Email address", IMARA)
    hands.write("Password", PASSWORD)
    hands.press("Sign in")
    hands.see("This week")
    hands.see("Composed for you: four stories.")
    hands.pause("week")
    hands.follow("Look")
    hands.see("Schedule or send")


def choose_and_order(hands: Hands) -> None:
    hands.turn_to("Add stories")
    hands.press(f"Add {FERRY}")
    hands.see("is in, fifth of five.")
    hands.turn_to("Stories")
    hands.lift(FERRY)
    hands.see(f"“{FERRY}” is now fourth of five.")
    hands.press(f"Drop: {BAT}")
    hands.see(f"“{BAT}” is out.")
    hands.unfold(f"Edit {COLD}")
    hands.write("Headline", HEADLINE)
    hands.press(f"Save {COLD}")
    hands.see("The article’s own: ")


def write_to_readers(hands: Hands) -> None:
    hands.turn_to("Note")
    hands.write("Subject", SUBJECT)
    hands.write("Your note", NOTE)
    hands.press("Save the words")
    hands.see(f"{len(SUBJECT)} characters, fits a phone")
    hands.pause("compose")


def look_and_try(friday: Friday, hands: Hands) -> None:
    hands.turn_to("Preview")
    hands.see_in_email(NOTE)
    hands.follow("Text")
    hands.see_in_email(HEADLINE.upper())
    hands.press("Send me a test")
    hands.see("A test is on its way to you.")
    test = friday.gallery.mailbox.messages()[-1]
    assert test.recipients == (IMARA,)
    assert parsed(test)["Subject"] == f"[Test] {SUBJECT}"


def approve(hands: Hands) -> None:
    hands.turn_to("Checks")
    warnings = hands.named("Accept")
    assert warnings
    for warning in warnings:
        hands.press(warning)
        hands.miss(warning)
    hands.press("Approve")
    hands.see("Approved. ")
    hands.pause("approved")


def read_on_saturday(friday: Friday) -> None:
    friday.wait_for_saturday()
    [mail] = [each for each in friday.gallery.mailbox.messages() if each.recipients == (ROBIN,)]
    message = parsed(mail)
    assert message["Subject"] == SUBJECT
    expect_order(message, (NOTE, PORT, HEADLINE, ROOFS, FERRY))
    for part in both_parts(message):
        assert BAT.casefold() not in " ".join(part.split()).casefold(), "it was dropped"

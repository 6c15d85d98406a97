"""The whole story, played without a person on real parts; `digest demo --once` tells it.

A reader signs up by the form, confirms by the link in the mail, gets the issue, and leaves with
one click; the next issue reaches only the one who stayed.
"""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from urllib.parse import urlsplit

import httpx
from sqlalchemy import select
from sqlalchemy.orm import Session

from digest.cli.desk_story import EditorAtTheDesk, expect_order
from digest.cli.halyard import LAST_WEEK, SLUG, THIS_WEEK, HalyardStory
from digest.cli.halyard_feed import HalyardSite, feed_due
from digest.cli.proof import (
    ReadersInbox,
    StoryError,
    Witness,
    both_parts,
    expect,
    first_difference,
    parsed,
    witness_of,
)
from digest.cli.visitor import Page, Visitor
from digest.models import (
    ConsentKind,
    DeliveryState,
    EndedReason,
    Issue,
    IssueState,
    Newsletter,
    NoticeState,
    SignUp,
)
from digest.newsroom.issues.calendar import slots_after
from digest.newsroom.issues.composing import compose, create_issue
from digest.newsroom.issues.scheduling import send_now
from digest.runtime import FETCH_SOURCE, PREPARE_ISSUE, Runtime
from digest.tick import links

LEAVES, STAYS = "robin@example.org", "sam@example.org"
EDITOR = "Imara"
CONFIRM_LINK = re.compile(r"https?://\S+/c/[\w.~-]+")
UNSUBSCRIBE_LINK = re.compile(r"<(https?://[^>]+)>")
LOOK_AGAIN_SECONDS = 0.02


@dataclass(frozen=True)
class Stage:
    """The running product as its readers and its editor meet it.

    `desk_path` signs its editor in, once. `patience_seconds` is the longest wait for any one
    thing.
    """

    runtime: Runtime
    url: str
    inbox: ReadersInbox
    paper: HalyardSite
    desk_path: str = ""
    patience_seconds: float = 15.0


def play(stage: Stage) -> Iterator[str]:
    """Play the story; yield a sentence for each step that held.

    Raises:
        StoryError: a step did not hold.
    """
    with witness_of(stage.runtime.settings.database_url) as witness, Visitor(stage.url) as visitor:
        try:
            yield from _Play(stage, witness, visitor).steps()
        except httpx.HTTPError as error:
            raise StoryError(f"an answer from {stage.url}", repr(error)) from error


def next_issue(session: Session, newsletter: Newsletter, now: datetime) -> Issue:
    """Return the first issue of the calendar that nobody has composed, made if there is none."""
    for slot in slots_after(newsletter, now):
        issue = create_issue(session, newsletter, slot.occurrence_on, now)
        if issue.state is IssueState.DRAFT and issue.composed_at is None:
            return issue
    raise AssertionError("the calendar has no end")


class _Play:
    """The steps, in the order in which they are played."""

    def __init__(self, stage: Stage, witness: Witness, visitor: Visitor) -> None:
        self._stage = stage
        self._path = urlsplit(stage.url).path
        self._witness = witness
        self._visitor = visitor

    def steps(self) -> Iterator[str]:
        self.stories_come_in(THIS_WEEK, "this-week")
        yield f"{len(THIS_WEEK)} stories come in by The Halyard’s feed, with their pictures"
        self.signs_up(LEAVES)
        yield f"A reader signs up by the form on the front page ({LEAVES})"
        link = self.confirmation_arrives(LEAVES)
        yield "The confirmation arrives by SMTP, the same link in both of its parts"
        self.confirms(LEAVES, link)
        yield "Opening the link changes nothing; the button behind it confirms"
        self.signs_up(STAYS)
        self.confirms(STAYS, self.confirmation_arrives(STAYS))
        yield f"A second reader does the same ({STAYS})"
        first = self.issue_is_composed()
        yield f"An issue is composed of {len(first.stories)} stories"
        if self._stage.desk_path:
            first = self.editor_edits(first)
            yield "At the desk the editor swaps two stories and changes a headline, over HTTP"
        self.editor_sends(first)
        mail = self.issue_arrives(first, LEAVES)
        self.issue_arrives(first, STAYS)
        yield "The worker freezes and sends it; both get it, byte for byte as it was frozen"
        self.ledger_adds_up(first, LEAVES, STAYS)
        yield "The ledger says accepted for both, and the issue is sent"
        self.leaves(LEAVES, mail)
        yield f"{LEAVES} leaves by one click in the mail program (RFC 8058)"
        self.stories_come_in(LAST_WEEK, "next-week")
        second = self.issue_is_composed()
        self.editor_sends(second)
        self.issue_arrives(second, STAYS)
        self.ledger_adds_up(second, STAYS)
        self.nothing_arrived(second, LEAVES)
        yield f"The next issue reaches {STAYS}, and does not reach {LEAVES}"

    def stories_come_in(self, stories: tuple[HalyardStory, ...], edition: str) -> None:
        now, paper = self._now(), self._stage.paper
        paper.publish(stories, edition, now)
        with self._stage.runtime.database.transaction() as session:
            source_id = feed_due(session, paper, now)
        self._stage.runtime.bell.ring(FETCH_SOURCE, source_id)
        titles = {story.title for story in stories}
        self._expect_rows(
            f"{len(stories)} articles from The Halyard’s feed, each with its picture",
            (None, set()),
            lambda: (self._witness.trouble(source_id), titles - self._witness.illustrated()),
            wait=True,
        )

    def signs_up(self, email: str) -> None:
        page = self._visitor.open("/")
        form = page.form_to(f"{self._path}/subscribe")
        if page.status != 200 or form is None:
            raise StoryError("a sign-up form on the front page", _describe(page))
        expect(
            "consent" in form.boxes and "consent" not in form.given,
            "a consent box that is not ticked beforehand",
            f"boxes {sorted(form.boxes)}, of them ticked {sorted(form.boxes & form.given.keys())}",
        )
        page = self._visitor.send(page, form, email=email, consent=form.boxes["consent"])
        asked = page.status == 200 and page.heading == "Now check your email"
        expect(asked, "a page that says “Now check your email”", _describe(page))
        self._expect_rows(
            f"a sign-up of {email} that waits, its consent on record, and no subscription yet",
            (1, 1, False),
            lambda: (
                self._witness.waiting_sign_ups(email),
                self._witness.consents(ConsentKind.REQUESTED, email, SignUp),
                email in self._witness.active_subscriptions(),
            ),
        )

    def confirmation_arrives(self, email: str) -> str:
        mail = self._stage.inbox.wait_for(
            lambda mail: mail.recipients == (email,), self._stage.patience_seconds
        )
        if mail is None:
            raise StoryError(f"a confirmation mail to {email}", self._what_came())
        text, html = both_parts(parsed(mail))
        found = set(CONFIRM_LINK.findall(text))
        expect(len(found) == 1, "one confirmation link in the text part", f"{sorted(found)}")
        link = str(found.pop())
        expect(link.startswith(f"{self._stage.url}/"), f"a link to {self._stage.url}", link)
        expect(f'"{link}"' in html, f"{link} in the HTML part too", f"{CONFIRM_LINK.findall(html)}")
        self._expect_rows(
            "the notice accepted by the relay, and its address deleted",
            [(NoticeState.ACCEPTED, None)],
            lambda: self._witness.notices(email),
            wait=True,
        )
        return link

    def confirms(self, email: str, link: str) -> None:
        page = self._visitor.open(link)
        form = page.form_to(f"{self._path}/confirm/")
        if page.status != 200 or form is None:
            raise StoryError("a page with a button behind the link", _describe(page))
        self._expect_rows(
            "nothing changed by only opening the link",
            False,
            lambda: email in self._witness.active_subscriptions(),
        )
        page = self._visitor.send(page, form)
        confirmed = page.status == 200 and page.heading == "You are in"
        expect(confirmed, "a page that says “You are in”", _describe(page))
        self._expect_rows(
            f"{email} subscribed, and the consent on record",
            (True, 1),
            lambda: (
                email in self._witness.active_subscriptions(),
                self._witness.consents(ConsentKind.CONFIRMED, email),
            ),
        )

    def issue_is_composed(self) -> Issue:
        now = self._now()
        with self._stage.runtime.database.transaction() as session:
            newsletter = session.scalars(select(Newsletter).where(Newsletter.slug == SLUG)).one()
            composed = next_issue(session, newsletter, now)
            compose(session, composed, now)
        issue = self._witness.issue(composed.id)
        expect(
            issue.state is IssueState.DRAFT and len(issue.stories) >= 3,
            "a draft of at least three stories",
            f"{issue.state}, with {len(issue.stories)} stories. {issue.reason or ''}",
        )
        return issue

    def editor_edits(self, issue: Issue) -> Issue:
        """Swap the second and the third story and change the headline of one, by the desk's forms.

        Return the issue as it stands then, and as it must arrive.
        """
        stage = self._stage
        with EditorAtTheDesk(stage.url, stage.desk_path) as editor:
            editor.signs_in()
            editor.swaps_second_and_third(issue)
            headline = editor.changes_headline(issue, issue.stories[1])
        told = [story.headline for story in issue.stories]
        told[1], told[2] = told[2], headline
        edited = self._witness.issue(issue.id)
        stands = [story.headline for story in edited.stories]
        expect(stands == told, f"the stories as the editor left them: {told}", str(stands))
        return edited

    def editor_sends(self, issue: Issue) -> None:
        with self._stage.runtime.database.transaction() as session:
            send_now(session, session.get_one(Issue, issue.id), EDITOR, self._now())
        self._stage.runtime.bell.ring(PREPARE_ISSUE, issue.id)

    def issue_arrives(self, issue: Issue, email: str) -> EmailMessage:
        self._expect_rows(
            f"the issue frozen, with {email} in its audience",
            True,
            lambda: email in dict(self._witness.ledger(issue.id)[1]),
            wait=True,
        )
        ours = links(self._stage.runtime)
        frozen = self._witness.frozen_message(issue.id, email, ours)
        mail = self._stage.inbox.wait_for(
            lambda mail: (mail.sender, mail.recipients) == (frozen.sender, (frozen.recipient,)),
            self._stage.patience_seconds,
        )
        if mail is None:
            raise StoryError(f"the issue in the inbox of {email}", self._what_came())
        if mail.content != frozen.message:
            difference = first_difference(frozen.message, mail.content)
            raise StoryError(f"for {email} the very bytes that were frozen", difference)
        message = parsed(mail)
        lead = issue.stories[0].headline
        expect_order(message, [story.headline for story in issue.stories])
        expect(message["Subject"] == lead, f"the subject “{lead}”", str(message["Subject"]))
        for part in both_parts(message):
            for path in ("u", "p", "issues"):
                address = f"{self._stage.url}/{path}/"
                expect(address in part, f"a link to {address}… in both parts", "none in one")
        return message

    def ledger_adds_up(self, issue: Issue, *readers: str) -> None:
        self._expect_rows(
            f"the issue sent, and accepted for {' and '.join(readers)} alone",
            (IssueState.SENT, [(email, DeliveryState.ACCEPTED) for email in readers]),
            lambda: self._witness.ledger(issue.id),
            wait=True,
        )

    def leaves(self, email: str, mail: EmailMessage) -> None:
        how, where = str(mail["List-Unsubscribe-Post"]), str(mail["List-Unsubscribe"])
        found = UNSUBSCRIBE_LINK.search(where)
        if how != "List-Unsubscribe=One-Click" or found is None:
            raise StoryError("the two headers of RFC 8058", f"{how}, {where}")
        for _ in range(2):
            page = self._visitor.post(found[1], **{"List-Unsubscribe": "One-Click"})
            expect(page.status == 200, "200 to the POST, and to its repetition", _describe(page))
            self._expect_rows(
                f"{email} gone, once on record, and {STAYS} still there",
                ([EndedReason.LEFT], 1, [STAYS]),
                lambda: (
                    self._witness.reasons_to_leave(email),
                    self._witness.consents(ConsentKind.WITHDRAWN, email),
                    self._witness.active_subscriptions(),
                ),
            )

    def nothing_arrived(self, issue: Issue, email: str) -> None:
        subject = issue.stories[0].article.title
        to_them = [mail for mail in self._stage.inbox.messages() if email in mail.recipients]
        came = [mail for mail in to_them if parsed(mail)["Subject"] == subject]
        expect(not came, f"nothing of the next issue for {email}", f"{len(came)} mails")

    def _now(self) -> datetime:
        return self._stage.runtime.clock.now()

    def _expect_rows(
        self, expected: str, rows: object, read: Callable[[], object], *, wait: bool = False
    ) -> None:
        """Compare what is in the database; `wait` where a worker may still be writing.

        It is waited for as long as anything changes.
        """
        patience_seconds = self._stage.patience_seconds if wait else 0
        before, give_up_at = None, time.monotonic() + patience_seconds
        while (found := read()) != rows:
            if found != before:
                before, give_up_at = found, time.monotonic() + patience_seconds
            if time.monotonic() >= give_up_at:
                raise StoryError(expected, f"{found} where {rows} should be")
            time.sleep(LOOK_AGAIN_SECONDS)

    def _what_came(self) -> str:
        return (
            f"nothing after {self._stage.patience_seconds:g} s. The inbox holds "
            f"{len(self._stage.inbox.messages())} mails; {self._witness.open_notices()} notices "
            "wait in the database."
        )


def _describe(page: Page) -> str:
    return f"{page.status} at {urlsplit(page.url).path}, headed “{page.heading}”"

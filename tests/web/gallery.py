"""The Halyard as it stands on a Monday in November, served to a browser.

Nothing here waits: whoever rings the bell does the work themselves. The journeys in a browser
use the demo's own process instead.
"""

import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Blueprint, abort
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.exceptions import TooManyRequests

from digest.cli import art
from digest.cli.demo import demo_settings
from digest.cli.halyard import (
    LAST_WEEK,
    NOTE,
    NOTE_BEFORE,
    SITE,
    THIS_WEEK,
    HalyardStory,
    drawn,
    open_paper,
)
from digest.clock import FixedClock
from digest.delivery.ledger.freezing import prepare
from digest.delivery.notices.sending import send_notices
from digest.delivery.sending import deliver_issue
from digest.models import Issue, IssueState, Newsletter, SignUp, Story, StoryRole, Subscription
from digest.newsroom.finding import values_of
from digest.newsroom.intake.articles import NewArticle, add_article
from digest.newsroom.intake.media import ArticlePictures, set_pictures
from digest.newsroom.intake.pictures import LEAD, THUMBNAIL
from digest.newsroom.issues.calendar import slots_after
from digest.newsroom.issues.composing import compose, create_issue
from digest.newsroom.issues.scheduling import send_now
from digest.newsroom.newsletters import create_newsletter, edit_newsletter
from digest.readers.consent.recording import Evidence
from digest.readers.signing_up.confirming import confirm
from digest.readers.signing_up.sign_up_form import SignUpForm
from digest.readers.signing_up.submitting import sign_up
from digest.runtime import DELIVER_ISSUE, SEND_NOTICES, Runtime, open_runtime
from digest.tick import links
from digest.tokens import Purpose
from digest.web import create_app
from digest.web.inbox import InboxServer, Mailbox, inbox_pages
from digest.web.server import EmbeddedServer, bind
from tests.migrated import put_database

# The Monday after No. 42, at ten.
MONDAY = datetime(2026, 11, 16, 10, 0, tzinfo=UTC)
ROBIN = "robin@example.org"
LAST_THING = (
    "The herring fishermen asked us to say that the number they agreed on is not a secret. It is "
    "painted on the harbour wall, two metres high, and has been since the spring."
)


@dataclass
class Gallery:
    """The running pages, and what is needed to come upon each of them."""

    runtime: Runtime
    clock: FixedClock
    mailbox: Mailbox
    url: str = field(default="")
    # Where it listens, which is elsewhere if it is behind a proxy.
    backend: str = field(default="")

    def waiting(self, email: str = ROBIN, *, asked: datetime = MONDAY) -> str:
        """Ask for the newsletter; return the path of the confirmation's link."""
        form = SignUpForm(
            email=email,
            newsletters=("editors-digest",),
            consent=True,
            wording="1",
            site="halyard.example",
        )
        with self.runtime.database.transaction() as session:
            sign_up(session.connection(), form, now=asked, suppression=self.runtime.suppression)
            newest = select(SignUp).order_by(SignUp.id.desc()).limit(1)
            token_id = session.scalars(newest).one().token_id
        return f"/confirm/{self.runtime.ring.sign(Purpose.CONFIRM, token_id)}"

    def reader(self, email: str | None = None) -> Subscription:
        """Make a reader of the newsletter."""
        self.waiting(email or f"{secrets.token_hex(4)}@example.org")
        with self.runtime.database.transaction() as session:
            newest = select(SignUp).order_by(SignUp.id.desc()).limit(1)
            confirm(
                session,
                session.scalars(newest).one().token_id,
                Evidence(),
                now=self.clock.now(),
                suppression=self.runtime.suppression,
            )
            return session.scalars(
                select(Subscription).order_by(Subscription.id.desc()).limit(1)
            ).one()

    def newest_link(self) -> str:
        """Return the path of the first link in the newest mail."""
        text = self.mailbox.messages()[-1].read.text or ""
        return text.partition(self.url)[2].split()[0]

    def path(self, purpose: Purpose, period: Subscription | None = None) -> str:
        """Return the path of a link in a reader's mail."""
        token_id = (period or self.reader()).token_id
        return f"/{purpose.name.lower()}/{self.runtime.ring.sign(purpose, token_id)}"


class DoItYourself:
    """A bell that does what it is rung for, at once."""

    def __init__(self) -> None:
        self.runtime: Runtime | None = None

    def ring(self, task: str, *ids: int) -> None:
        runtime = self.runtime
        assert runtime is not None
        if task == SEND_NOTICES:
            send_notices(
                runtime.database,
                settings=runtime.settings,
                links=links(runtime),
                stopping=runtime.stopping,
            )
        if task == DELIVER_ISSUE:
            deliver_issue(
                runtime.database,
                ids[0],
                settings=runtime.settings,
                links=links(runtime),
                clock=runtime.clock,
                stopping=runtime.stopping,
            )


@contextmanager
def open_gallery(
    folder: Path, *, issues: bool = True, path: str = "", name: str = "", **changes: Any
) -> Iterator[Gallery]:
    """Serve the paper's pages on loopback, with its last two issues sent, or none yet.

    `path` is what they stand under, as in /newsletters; `name` the machine's, if its address is not
    what browsers are told; `changes` replace settings of the demo.
    """
    with ExitStack() as ends:
        mailbox = Mailbox(clock=FixedClock(MONDAY))
        inbox = InboxServer(mailbox, bind("127.0.0.1", 0))
        inbox.start()
        ends.callback(inbox.stop)
        listener = ends.enter_context(bind("127.0.0.1", 0))
        plain = demo_settings(folder, listener.getsockname()[1], inbox.port)
        public_url = plain.public_url.replace("127.0.0.1", name or "127.0.0.1") + path
        settings = replace(plain, **{"public_url": public_url, **changes})
        put_database(settings.database_url)
        bell, clock = DoItYourself(), FixedClock(MONDAY - timedelta(days=21))
        runtime = open_runtime(settings, clock=clock, bell=bell)
        bell.runtime = runtime
        ends.callback(runtime.close)
        gallery = Gallery(runtime, clock, mailbox, settings.public_url, plain.public_url)
        _print_paper(gallery, issues=issues)
        app = create_app(runtime, [inbox_pages(mailbox, settings.public_url), _failures()])
        app.config["PROPAGATE_EXCEPTIONS"] = False
        server = EmbeddedServer(app, listener)
        server.start()
        ends.callback(server.stop)
        yield gallery


def _print_paper(gallery: Gallery, *, issues: bool) -> None:
    runtime, clock = gallery.runtime, gallery.clock
    with runtime.database.transaction() as session:
        newsletter = open_paper(session, clock.now())
        cancelled, before, last = (
            next(slots)
            for slots in [slots_after(newsletter, clock.now() + timedelta(days=2))]
            for _ in range(3)
        )
    clock.at = before.send_at
    if issues:
        gallery.reader(ROBIN)
        with runtime.database.transaction() as session:
            session.add(
                Issue(
                    newsletter_id=newsletter.id,
                    occurrence_on=cancelled.occurrence_on,
                    dateline=cancelled.occurrence_on,
                    number=40,
                    state=IssueState.CANCELLED,
                    reason="The press stood under water.",
                    compose_at=cancelled.compose_at,
                    closes_at=cancelled.closes_at,
                    send_at=cancelled.send_at,
                    created_at=cancelled.compose_at,
                )
            )
        _send(gallery, before.occurrence_on, LAST_WEEK, NOTE_BEFORE, None)
        clock.at = last.send_at
        _send(gallery, last.occurrence_on, THIS_WEEK, NOTE, LAST_THING)
    clock.at = MONDAY


def _send(
    gallery: Gallery,
    day: object,
    stories: tuple[HalyardStory, ...],
    note: str,
    last_thing: str | None,
) -> None:
    runtime, now = gallery.runtime, gallery.clock.now()
    with runtime.database.transaction() as session:
        newsletter = session.scalars(select(Newsletter)).one()
        publish(session, stories, str(day), now)
        issue = create_issue(session, newsletter, day, now)  # type: ignore[arg-type]
        compose(session, issue, now)
        issue.note, issue.last_thing = note, last_thing
        _set_briefs(session, issue)
        send_now(session, issue, "Imara", now)
    frozen = prepare(
        runtime.database,
        issue.id,
        now=now,
        public_url=runtime.settings.public_url,
        inbound_domain=runtime.settings.inbound_domain,
    )
    assert frozen
    runtime.bell.ring(DELIVER_ISSUE, issue.id)


def publish(
    session: Session, stories: tuple[HalyardStory, ...], edition: str, now: datetime
) -> None:
    """Bring an edition's stories in with their pictures, as its feed would."""
    for story in stories:
        article = add_article(
            session,
            NewArticle(
                url=f"{SITE}/{edition}/{story.slug}",
                title=story.title,
                standfirst=story.standfirst,
                byline=story.byline,
                section=story.section,
                minutes=story.minutes,
                published_at=now - timedelta(hours=story.age_hours),
                image_alt=art.SCENES[story.slug].alt,
            ),
            now,
        )
        pictures = ArticlePictures(drawn(story.slug, LEAD), drawn(story.slug, THUMBNAIL))
        set_pictures(session, article, pictures, now)


def _set_briefs(session: Session, issue: Issue) -> None:
    """The last four stories stand below, as the editor would set them."""
    stories = session.scalars(select(Story).where(Story.issue_id == issue.id)).all()
    for story in sorted(stories, key=lambda story: story.position)[4:]:
        story.role = StoryRole.BRIEF


def _failures() -> Blueprint:
    """Pages that fail as the real ones may."""
    failures = Blueprint("failures", __name__, url_prefix="/failures")

    @failures.get("/429")
    def too_often() -> str:
        raise TooManyRequests(retry_after=MONDAY.replace(hour=14, minute=32))

    @failures.get("/500")
    def broken() -> str:
        raise RuntimeError("the press has stopped")

    @failures.get("/400")
    def unreadable() -> str:
        abort(400)

    return failures


def add_newsletters(gallery: Gallery) -> None:
    """Three more newsletters, one with the longest name and promise that fit."""
    with gallery.runtime.database.transaction() as session:
        first = values_of(session.scalars(select(Newsletter).order_by(Newsletter.id)).first())  # type: ignore[arg-type]
        for slug, name, promise, weekday in (
            ("climate", "The Climate Letter", "What the weather did to us, and we to it.", 2),
            ("longest", LONGEST_NAME, LONGEST_PROMISE, 0),
            ("brief", "No", "One story.", 4),
        ):
            create_newsletter(
                session,
                replace(
                    first,
                    slug=slug,
                    name=name,
                    promise=promise,
                    weekday=weekday,
                    editor_portrait=None if slug == "brief" else first.editor_portrait,
                ),
                MONDAY,
            )


def change_newsletter(gallery: Gallery, **changes: object) -> None:
    """Edit the newsletter as its publisher would."""
    with gallery.runtime.database.transaction() as session:
        newsletter = session.scalars(select(Newsletter).order_by(Newsletter.id)).first()
        assert newsletter is not None
        edit_newsletter(session, newsletter, replace(values_of(newsletter), **changes), MONDAY)  # type: ignore[arg-type]


LONGEST_NAME = "Harbour, Parliament & Counting-House Wire"[:40]
LONGEST_PROMISE = (
    "Everything that was decided behind a closed door in the past week, by whom, at what price and "
    "for whose good, told by the people who stood in the corridor; with the two documents that "
    "matter most, the one number that nobody wished to say aloud, and a correction of last week."
)[:300]

"""Whole mails, byte for byte as a relay gets them: a change of a template is seen here, and meant.

Where it is meant, DIGEST_WRITE_GOLDEN=1 in the environment writes the files anew.
"""

import email
import os
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email import policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from digest.cli.halyard import NOTE, THIS_WEEK
from digest.database.transactions import Database
from digest.delivery.notices.sending import send_notices
from digest.models import (
    AddressChange,
    Approval,
    Correction,
    Issue,
    IssueState,
    LeftOut,
    Media,
    Newsletter,
    Notice,
    NoticeKind,
    PreflightReport,
    Publication,
    SignUp,
    SignUpChoice,
    Story,
    StoryRole,
    Subscriber,
    Terms,
    User,
    UserLink,
    Wording,
)
from tests.delivery.conftest import Press
from tests.emails.samples import HELD, LAST_THING
from tests.factories import (
    NOW,
    make_article,
    make_issue,
    make_newsletter,
    make_reader,
    make_settings,
    prove_inbound,
)
from tests.scripted_smtp import ScriptedRelay

HERE = Path(__file__).parent
MARK, PORTRAIT, LEAD, THUMBNAIL = (letter * 64 for letter in "abcd")
TOKEN = bytes(range(16))
JOINED = datetime(2026, 3, 3, 9, 30, tzinfo=UTC)


@pytest.fixture
def press(database: Database, database_url: str) -> Press:
    settings = make_settings(
        database_url,
        public_url="https://mail.halyard.example",
        inbound_domain="inbound.halyard.example",
    )
    with database.transaction() as session:
        prove_inbound(session, "inbound.halyard.example")
    return Press(database, settings)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_issue_is_as_it_was(press: Press) -> None:
    with press.database.transaction() as session:
        issue_id = number_42(session).id
    press.freeze(issue_id)
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        press.deliver(issue_id)
        [mail] = relay.messages
    message = strictly_parsed(mail.content)
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    compare("issue", mail.content)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "kind",
    [
        NoticeKind.CONFIRMATION,
        NoticeKind.ALREADY_SIGNED_UP,
        NoticeKind.FRESH_LINK,
        NoticeKind.ADDRESS_CHANGED,
    ],
)
def test_a_notice_to_a_reader_is_as_it_was(press: Press, kind: NoticeKind) -> None:
    def to_reader(session: Session) -> Notice:
        newsletter = dressed_newsletter(session)
        reader = dressed_reader(session, newsletter)
        sign_up = a_sign_up(session, newsletter) if kind is NoticeKind.CONFIRMATION else None
        return Notice(
            kind=kind,
            to_address=reader.email,
            newsletter_id=newsletter.id,
            subscriber_id=reader.id,
            sign_up_id=sign_up.id if sign_up else None,
        )

    compare(kind.value, sent_notice(press, to_reader))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_mail_to_a_user_of_the_desk_is_as_it_was(press: Press) -> None:
    def to_user(session: Session) -> Notice:
        newsletter = dressed_newsletter(session)
        user = User(email="joss@example.org", email_key="joss@example.org", name="Joss")
        user.created_at = NOW
        session.add(user)
        session.flush()
        link = UserLink(token_id=TOKEN, user_id=user.id, made_by_user=True)
        link.made_at, link.ends_at = NOW, NOW
        session.add(link)
        return Notice(kind=NoticeKind.USER_LINK, to_address=user.email, newsletter_id=newsletter.id)

    compare("user_link", sent_notice(press, to_user))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_mail_to_a_new_address_is_as_it_was(press: Press) -> None:
    def to_new_address(session: Session) -> Notice:
        newsletter = dressed_newsletter(session)
        reader = dressed_reader(session, newsletter)
        new = "robin@example.net"
        session.add(
            AddressChange(
                token_id=TOKEN,
                subscriber_id=reader.id,
                email=new,
                email_key=new,
                requested_at=NOW,
                expires_at=NOW,
            )
        )
        return Notice(
            kind=NoticeKind.CONFIRMATION,
            to_address=new,
            newsletter_id=newsletter.id,
            subscriber_id=reader.id,
        )

    compare("new_address", sent_notice(press, to_new_address))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "kind",
    [
        *(NoticeKind.DRAFT_READY, NoticeKind.REMINDER, NoticeKind.HELD),
        *(NoticeKind.STORY_WITHDRAWN, NoticeKind.TURNED_BAD, NoticeKind.CORRECTION_WAITS),
    ],
)
def test_a_notice_to_the_editor_is_as_it_was(press: Press, kind: NoticeKind) -> None:
    def to_editor(session: Session) -> Notice:
        issue = number_42(session)
        issue.newsletter.approval = Approval.REQUIRED
        issue.state, issue.composed_at = IssueState.DRAFT, issue.compose_at
        if kind is NoticeKind.REMINDER:
            issue.closes_at, issue.send_at = NOW + timedelta(hours=2), NOW + timedelta(hours=3)
        if kind is NoticeKind.HELD:
            issue.state = IssueState.HELD
            issue.reason = "Nobody approved it by Saturday 14 November at 07:00."
        if kind is NoticeKind.STORY_WITHDRAWN:
            leave_out(issue)
        if kind is NoticeKind.TURNED_BAD:
            said = list(HELD.turned_bad)
            session.add(PreflightReport(issue_id=issue.id, at=NOW, turned_bad=said))
        if kind is NoticeKind.CORRECTION_WAITS:
            issue.state, issue.frozen_at = IssueState.PAUSED, NOW
            session.add(
                Correction(
                    issue_id=issue.id,
                    edition=2,
                    at=NOW,
                    by=HELD.corrected_by,
                    words=HELD.corrected,
                )
            )
        return Notice(
            kind=kind,
            to_address=issue.newsletter.editor_email,
            newsletter_id=issue.newsletter_id,
            issue_id=issue.id,
        )

    compare(kind.value, sent_notice(press, to_editor))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_of_an_issue_that_is_late_on_its_way_its_editor_hears_the_same_way(press: Press) -> None:
    def to_editor(session: Session) -> Notice:
        issue = number_42(session)
        issue.state, issue.frozen_at = IssueState.PAUSED, NOW
        issue.reason = "It was due on Saturday 14 November at 07:00, and nobody has it yet."
        return Notice(
            kind=NoticeKind.HELD,
            to_address=issue.newsletter.editor_email,
            newsletter_id=issue.newsletter_id,
            issue_id=issue.id,
        )

    compare("held_on_its_way", sent_notice(press, to_editor))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_of_a_held_issue_it_is_not_said_when_it_goes_out(press: Press) -> None:
    def to_editor(session: Session) -> Notice:
        issue = number_42(session)
        issue.state, issue.reason = IssueState.HELD, "Nobody approved it."
        leave_out(issue)
        return Notice(
            kind=NoticeKind.STORY_WITHDRAWN,
            to_address=issue.newsletter.editor_email,
            newsletter_id=issue.newsletter_id,
            issue_id=issue.id,
        )

    mail = strictly_parsed(sent_notice(press, to_editor))
    texts = [part.get_content() for part in mail.walk() if part.get_content_maintype() == "text"]
    assert len(texts) == 2
    for each in texts:
        words = " ".join(each.split())
        assert "The issue is held: it goes out when you send it, or give it a new time." in words
        assert "goes out on" not in words


def leave_out(issue: Issue) -> None:
    """What a person chose is gone; what the rule picked is replaced."""
    issue.composed_at = issue.compose_at
    chosen, picked = issue.stories[1].article, issue.stories[5].article
    issue.left_out = [
        LeftOut(article_id=chosen.id, title=chosen.title, by_hand=True, at=NOW),
        LeftOut(
            article_id=picked.id,
            title=picked.title,
            by_hand=False,
            replacement=issue.stories[7].article,
            at=NOW,
        ),
    ]
    issue.stories = [each for each in issue.stories if each.article not in (chosen, picked)]


def sent_notice(press: Press, make: Callable[[Session], Notice]) -> bytes:
    with press.database.transaction() as session:
        notice = make(session)
        notice.token_id, notice.created_at, notice.next_attempt_at = TOKEN, NOW, NOW
        session.add(notice)
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        send_notices(
            press.database, settings=press.settings, links=press.links, stopping=press.stopping
        )
        [mail] = relay.messages
    strictly_parsed(mail.content)
    return mail.content


def strictly_parsed(content: bytes) -> EmailMessage:
    """Parse a mail; anything that Python calls a defect is raised."""
    message = email.message_from_bytes(content, policy=policy.strict)
    for part in message.walk():
        assert not part.defects
        if not part.is_multipart():
            part.get_content()
    return message


def assert_all_text_has_a_size(message: EmailMessage) -> None:
    """Not every program that shows mail can show text of none."""
    html = message.get_body(("html",))
    assert html is not None
    assert not re.search(r"font-size:\s*0(?![.\d])", html.get_content())


def compare(name: str, content: bytes) -> None:
    file = HERE / f"{name}.golden"
    if os.environ.get("DIGEST_WRITE_GOLDEN"):
        file.write_bytes(content)
    assert_all_text_has_a_size(email.message_from_bytes(content, policy=policy.default))
    # As words, so that a difference can be read.
    assert content.decode("ascii") == file.read_bytes().decode("ascii")


def number_42(session: Session) -> Issue:
    """The Halyard's issue of LOOK's pictures, with ids and hashes that stay the same."""
    newsletter = dressed_newsletter(session)
    dressed_reader(session, newsletter)
    # The one before it, so that it gets its number.
    make_issue(
        session,
        newsletter,
        [],
        IssueState.CANCELLED,
        number=41,
        occurrence_on=NOW.date() - timedelta(days=7),
    )
    articles = [
        make_article(
            session,
            source.slug,
            title=source.title,
            standfirst=source.standfirst,
            byline=source.byline,
            section=source.section,
            minutes=source.minutes,
            lead_image=LEAD,
            thumbnail=THUMBNAIL,
            image_alt="A full quay, and one container above the water.",
        )
        for source in THIS_WEEK[:8]
    ]
    issue = make_issue(session, newsletter, articles, note=NOTE, last_thing=LAST_THING)
    session.execute(update(Story).where(Story.position > 4).values(role=StoryRole.BRIEF))
    return issue


def dressed_newsletter(session: Session) -> Newsletter:
    for name in (MARK, PORTRAIT, LEAD, THUMBNAIL):
        media = Media(hash=name, content_type="image/png", width=1, height=1, content=b"")
        media.created_at = NOW
        session.add(media)
    session.flush()
    newsletter = make_newsletter(session, editor_portrait=PORTRAIT)
    session.get_one(Publication, 1).mark = MARK
    return newsletter


def dressed_reader(session: Session, newsletter: Newsletter) -> Subscriber:
    subscription = make_reader(session, newsletter, "robin@example.org", name="Robin Öst")
    subscription.token_id, subscription.started_at = TOKEN, JOINED
    subscriber = session.execute(select(Subscriber)).scalar_one()
    subscriber.subject = TOKEN
    session.flush()
    return subscriber


def a_sign_up(session: Session, newsletter: Newsletter) -> SignUp:
    terms = Terms(version=1, body="Be kind.", published_at=NOW)
    session.add(terms)
    session.flush()
    wording = Wording(number=1, label="I [agree]", terms_id=terms.id, created_at=NOW)
    session.add(wording)
    session.flush()
    sign_up = SignUp(
        token_id=TOKEN,
        subject=TOKEN,
        email="robin@example.org",
        email_key="robin@example.org",
        site="halyard.example",
        wording_id=wording.id,
        requested_at=NOW,
        expires_at=NOW + timedelta(hours=48),
        choices=[SignUpChoice(newsletter_id=newsletter.id)],
    )
    session.add(sign_up)
    session.flush()
    return sign_up

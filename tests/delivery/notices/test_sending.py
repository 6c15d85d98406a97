"""Notices: sent at once, from a queue of their own."""

import email
import threading
from dataclasses import replace
from datetime import timedelta
from email import policy

import pytest
from sqlalchemy import select, update

from digest.database.tables import database_now
from digest.database.transactions import Database
from digest.delivery.notices.sending import notices_due, send_notices
from digest.desk.audit import OPERATOR
from digest.desk.links import ask_for_link, make_link
from digest.desk.users import Granted, create_user, disable_user
from digest.models import (
    Breaker,
    IssueState,
    Newsletter,
    Notice,
    NoticeKind,
    NoticeState,
    Role,
    SignUp,
    SignUpChoice,
    Subscription,
    Terms,
    UserLink,
    Wording,
)
from digest.tokens import Purpose, new_token_id
from tests.delivery.conftest import Press
from tests.delivery.test_faults import wait_for_recipient
from tests.factories import (
    NOW,
    RING,
    SUPPRESSION_KEY,
    make_article,
    make_issue,
    make_newsletter,
    make_reader,
    make_settings,
)
from tests.scripted_smtp import Drop, Hold, Received, ScriptedRelay
from tests.servers.postgresql import PrivatePostgres


def queue_confirmation(press: Press, email: str = "robin@example.org") -> bytes:
    """Queue what a sign-up queues. Return the id that its link speaks for."""
    with press.database.transaction() as session:
        newsletter = make_newsletter(session)
        terms = Terms(version=1, body="Be kind.", published_at=NOW)
        session.add(terms)
        session.flush()
        wording = Wording(number=1, label="I [agree]", terms_id=terms.id, created_at=NOW)
        session.add(wording)
        session.flush()
        sign_up = SignUp(
            token_id=new_token_id(),
            subject=new_token_id(),
            email=email,
            email_key=email,
            name="Evil, Inc. https://evil.example",
            site="halyard.example",
            wording_id=wording.id,
            requested_at=NOW,
            expires_at=NOW + timedelta(hours=48),
            choices=[SignUpChoice(newsletter_id=newsletter.id)],
        )
        session.add(sign_up)
        session.flush()
        session.add(
            Notice(
                token_id=new_token_id(),
                kind=NoticeKind.CONFIRMATION,
                to_address=email,
                newsletter_id=newsletter.id,
                sign_up_id=sign_up.id,
                created_at=NOW,
                next_attempt_at=NOW,
            )
        )
        return sign_up.token_id


def send(press: Press) -> int:
    return send_notices(
        press.database, settings=press.settings, links=press.links, stopping=press.stopping
    )


def notice(press: Press) -> Notice:
    with press.database.reading() as session:
        return session.execute(select(Notice)).scalar_one()


def make_due(press: Press) -> None:
    with press.database.transaction() as session:
        session.execute(
            update(Notice).values(next_attempt_at=database_now(-1), lease_until=database_now(-1))
        )
        session.execute(update(Breaker).values(failed_at=database_now(-60)))


def test_a_confirmation_carries_its_link_and_nothing_that_a_stranger_typed(press: Press) -> None:
    token_id = queue_confirmation(press)
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        assert send(press) == 1
        [mail] = relay.messages
    message = mail.message
    assert mail.recipients == ("robin@example.org",)
    assert message["Subject"] == "Confirm your subscription to the Editor’s Digest"
    assert message["Auto-Submitted"] == "auto-generated"
    link = press.links.confirm(token_id)
    for kind in ("plain", "html"):
        body = message.get_body((kind,))
        assert body is not None
        assert link in body.get_content()
    assert b"Evil" not in mail.content
    assert b"evil.example" not in mail.content


def test_what_comes_back_comes_to_an_address_of_its_own(press: Press) -> None:
    queue_confirmation(press)
    press.settings = replace(press.settings, inbound_domain="in.halyard.example")
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        assert send(press) == 1
        [mail] = relay.messages
    local, _, domain = mail.sender.rpartition("@")
    token = RING.read_local_part(Purpose.BOUNCE, local)
    own = notice(press).token_id
    assert (token.id, token.number, domain) == (own, 0, "in.halyard.example")


def test_the_address_is_deleted_when_the_notice_is_final(press: Press) -> None:
    queue_confirmation(press)
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        send(press)
    row = notice(press)
    assert (row.state, row.to_address) == (NoticeState.ACCEPTED, None)
    with press.database.reading() as session:
        assert not notices_due(session, press.settings)


def test_a_refused_address_is_final(press: Press) -> None:
    queue_confirmation(press)
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        relay.always("RCPT", "550 5.1.1 <robin@example.org> unknown")
        assert send(press) == 0
    row = notice(press)
    assert (row.state, row.code, row.to_address) == (NoticeState.FAILED, 550, None)
    assert "robin" not in (row.reply or "")


@pytest.mark.parametrize("step", ["RCPT", "dot", "MAIL", "connect"])
def test_a_4xx_is_tried_again(press: Press, step: str) -> None:
    queue_confirmation(press)
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        relay.script(step, "451 4.3.0 later")
        assert send(press) == 0
        assert notice(press).state is NoticeState.QUEUED
        assert send(press) == 0, "it is not due yet"
        make_due(press)
        assert send(press) == 1


def test_a_relay_that_is_away_loses_nothing(press: Press) -> None:
    queue_confirmation(press)
    assert send(press) == 0
    row = notice(press)
    assert (row.state, row.to_address) == (NoticeState.QUEUED, "robin@example.org")


def test_what_is_in_doubt_is_sent_again_as_the_same_bytes_after_the_wait(press: Press) -> None:
    queue_confirmation(press)
    press.settings = replace(press.settings, reply_timeout=600.0)
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        relay.script("dot", Drop())
        assert send(press) == 0
        assert notice(press).state is NoticeState.SENDING
        make_due(press)
        assert send(press) == 0, "lease and final-dot timeout are not over"
        press.settings = replace(press.settings, reply_timeout=0.1)
        assert send(press) == 1
        first, second = relay.received
    assert first.content == second.content
    assert notice(press).state is NoticeState.ACCEPTED


def test_already_signed_up_points_to_the_preferences(press: Press) -> None:
    with press.database.transaction() as session:
        newsletter = make_newsletter(session)
        subscription = make_reader(session, newsletter, "robin@example.org")
        session.add(
            Notice(
                token_id=new_token_id(),
                kind=NoticeKind.ALREADY_SIGNED_UP,
                to_address="robin@example.org",
                newsletter_id=newsletter.id,
                subscriber_id=subscription.subscriber_id,
                created_at=NOW,
                next_attempt_at=NOW,
            )
        )
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        send(press)
        [mail] = relay.messages
    assert mail.message["Subject"] == "You already get the Editor’s Digest"
    body = mail.message.get_body(("plain",))
    assert body is not None
    assert press.links.preferences(subscription.token_id) in body.get_content()


def test_an_erased_address_sends_nothing(press: Press) -> None:
    queue_confirmation(press)
    with press.database.transaction() as session:
        session.execute(update(Notice).values(to_address=None))
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        assert send(press) == 0
        assert relay.received == []
    assert notice(press).state is NoticeState.FAILED


def test_a_message_has_no_defects(press: Press) -> None:
    queue_confirmation(press)
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        send(press)
        [mail] = relay.messages
    assert mail.content.isascii()
    assert max(len(line) for line in mail.content.split(b"\r\n")) <= 998
    assert not mail.message.defects


def queue_many(press: Press, count: int, first: int = 0) -> None:
    """Queue `count` notices to readers of one newsletter, the earliest first."""
    with press.database.transaction() as session:
        newsletter = session.scalars(select(Newsletter)).first() or make_newsletter(session)
        for number in range(first, first + count):
            subscription = make_reader(session, newsletter, f"notice{number}@example.org")
            session.add(
                Notice(
                    token_id=new_token_id(),
                    kind=NoticeKind.ALREADY_SIGNED_UP,
                    to_address=f"notice{number}@example.org",
                    newsletter_id=newsletter.id,
                    subscriber_id=subscription.subscriber_id,
                    created_at=NOW,
                    next_attempt_at=database_now(number - 100),
                )
            )


@pytest.mark.parametrize("address", ["robin hood@example.org", "<robin>@example.org"])
def test_an_address_that_no_mail_can_carry_holds_up_no_other(press: Press, address: str) -> None:
    queue_many(press, 3)
    with press.database.transaction() as session:
        session.get_one(Notice, 1).to_address = address
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        assert send(press) == 2
        assert relay.violations == []
    assert states(press) == [NoticeState.FAILED, *[NoticeState.ACCEPTED] * 2]
    with press.database.reading() as session:
        said = session.get_one(Notice, 1).reply
    assert said == "The address is not an address that SMTP can carry"


def content_of(mail: Received, kind: str) -> str:
    body = mail.message.get_body((kind,))
    assert body is not None
    content: str = body.get_content()
    return content


def states(press: Press) -> list[NoticeState]:
    with press.database.reading() as session:
        return list(session.scalars(select(Notice.state).order_by(Notice.id)))


@pytest.mark.parametrize("broken", ["template", "palette"])
def test_a_notice_that_cannot_be_written_blocks_no_other_and_is_tried_again(
    press: Press, broken: str
) -> None:
    queue_many(press, 4)
    with press.database.transaction() as session:
        first = session.get_one(Notice, 1)
        if broken == "template":
            # A kind that tells of an issue, without one.
            first.kind = NoticeKind.HELD
        else:
            other = make_newsletter(session, "other", palette={})
            first.newsletter_id = other.id
            session.execute(
                update(Subscription).where(Subscription.id == 1).values(newsletter_id=other.id)
            )
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        assert send(press) == 3
    assert states(press) == [NoticeState.QUEUED, *[NoticeState.ACCEPTED] * 3]
    with press.database.reading() as session:
        first = session.get_one(Notice, 1)
    assert first.attempts == 1
    assert first.to_address is not None
    assert "reader0" not in (first.reply or "")


@pytest.mark.parametrize("step", ["MAIL", "DATA"])
def test_a_long_refusal_can_be_written_down(press: Press, step: str) -> None:
    queue_confirmation(press)
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        relay.always(step, "554 5.7.1 " + "no " * 160)
        send(press)
    row = notice(press)
    assert row.state is NoticeState.QUEUED
    assert "no no no" in (row.reply or "")


def test_a_relay_that_hangs_up_after_a_few_is_called_again(press: Press) -> None:
    queue_many(press, 9)
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        relay.script("MAIL", None, None, "421 4.3.2 enough", None, None, "421 4.3.2 enough")
        assert send(press) == 9
        assert relay.connections == 3


def test_a_notice_that_always_ends_in_doubt_is_given_up(press: Press) -> None:
    queue_confirmation(press)
    press.settings = replace(press.settings, reply_timeout=0.2)
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        relay.always("dot", Drop())
        for _ in range(2):
            send(press)
            make_due(press)
        assert notice(press).attempts == 2
        with press.database.transaction() as session:
            session.execute(update(Notice).values(released_at=database_now(-48 * 3600)))
        send(press)
    row = notice(press)
    assert (row.state, row.to_address) == (NoticeState.FAILED, None)
    assert row.final_at is not None


def test_the_more_often_it_was_in_doubt_the_longer_it_waits(press: Press) -> None:
    queue_confirmation(press)
    press.settings = replace(press.settings, reply_timeout=0.2)
    waits = []
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        relay.always("dot", Drop())
        for _ in range(4):
            send(press)
            row = notice(press)
            assert row.lease_until is not None
            waits.append(row.lease_until)
            make_due(press)
    assert waits == sorted(waits)
    assert waits[-1] - waits[0] > timedelta(minutes=15)


def test_a_slow_relay_gets_no_notice_after_its_lease(press: Press) -> None:
    queue_many(press, 3)
    press.settings = replace(press.settings, lease_seconds=1, reply_timeout=30.0)
    go_on = threading.Event()
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        relay.script("dot", Hold(go_on))
        worker = threading.Thread(target=send, args=(press,))
        worker.start()
        wait_for_recipient(relay)
        threading.Event().wait(1.2)
        press.stopping.set()
        go_on.set()
        worker.join(20)
        assert len(relay.messages) == 1
    assert states(press) == [NoticeState.ACCEPTED, NoticeState.QUEUED, NoticeState.QUEUED]


def test_what_the_relay_took_is_written_down_when_the_database_is_back(
    stoppable: tuple[PrivatePostgres, Database],
) -> None:
    server, database = stoppable
    press = Press(database, make_settings(database.url))
    queue_confirmation(press)
    go_on = threading.Event()
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        relay.script("dot", Hold(go_on))
        worker = threading.Thread(target=send, args=(press,))
        worker.start()
        wait_for_recipient(relay)
        server.stop()
        go_on.set()
        relay.wait_for(1)
        server.start()
        worker.join(60)
    assert notice(press).state is NoticeState.ACCEPTED


def test_nobody_is_asked_to_confirm_what_they_have_confirmed(press: Press) -> None:
    queue_confirmation(press)
    with press.database.transaction() as session:
        session.execute(update(SignUp).values(confirmed_at=NOW, email=None, email_key=None))
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        assert send(press) == 0
        assert relay.received == []
    row = notice(press)
    assert (row.state, row.to_address) == (NoticeState.CANCELLED, None)


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        (NoticeKind.HELD, IssueState.SCHEDULED),
        (NoticeKind.DRAFT_READY, IssueState.SKIPPED),
        (NoticeKind.REMINDER, IssueState.SCHEDULED),
    ],
)
def test_an_editor_who_has_decided_meanwhile_is_told_nothing(
    press: Press, kind: NoticeKind, state: IssueState
) -> None:
    with press.database.transaction() as session:
        newsletter = make_newsletter(session)
        issue = make_issue(session, newsletter, [make_article(session, "port")], state)
        session.add(
            Notice(
                token_id=new_token_id(),
                kind=kind,
                to_address=newsletter.editor_email,
                newsletter_id=newsletter.id,
                issue_id=issue.id,
                created_at=NOW,
            )
        )
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        send(press)
        assert relay.received == []
    assert notice(press).state is NoticeState.CANCELLED


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("minutes", "sent"), [(59, 1), (61, 0)])
def test_a_reminder_that_would_come_after_the_issue_closed_is_not_mailed(
    press: Press, minutes: int, sent: int
) -> None:
    with press.database.transaction() as session:
        articles = [make_article(session, "port")]
        issue = make_issue(session, make_newsletter(session), articles, IssueState.DRAFT)
        issue.closes_at = NOW + timedelta(hours=1)
        session.add(
            Notice(
                token_id=new_token_id(),
                kind=NoticeKind.REMINDER,
                to_address="imara@halyard.example",
                newsletter_id=issue.newsletter_id,
                issue_id=issue.id,
                created_at=NOW,
                released_at=database_now(-60 * minutes),
                next_attempt_at=database_now(-1),
            )
        )
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        assert send(press) == sent
    row = notice(press)
    assert row.state is (NoticeState.ACCEPTED if sent else NoticeState.CANCELLED)


@pytest.mark.parametrize(("minutes", "sent"), [(29, 1), (31, 0)])
def test_a_fresh_link_that_would_have_run_out_is_not_mailed(
    press: Press, minutes: int, sent: int
) -> None:
    with press.database.transaction() as session:
        reader = make_reader(session, make_newsletter(session), "robin@example.org").subscriber
        session.add(
            Notice(
                token_id=new_token_id(),
                kind=NoticeKind.FRESH_LINK,
                to_address="robin@example.org",
                newsletter_id=1,
                subscriber_id=reader.id,
                created_at=NOW,
                released_at=database_now(-60 * minutes),
                next_attempt_at=database_now(-1),
            )
        )
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        assert send(press) == sent
        links = [mail.content.count(b"/r/") for mail in relay.messages]
    assert all(links)
    row = notice(press)
    assert row.state is (NoticeState.ACCEPTED if sent else NoticeState.CANCELLED)
    assert row.to_address is None


@pytest.mark.parametrize("meanwhile", ["nothing", "half an hour", "another link", "disabled"])
def test_a_link_to_a_password_is_mailed_while_it_opens_something(
    press: Press, meanwhile: str
) -> None:
    with press.database.transaction() as session:
        make_newsletter(session)
        owner = [Granted(Role.OWNER)]
        user = create_user(session, OPERATOR, "imara@example.org", "Imara", owner, now=NOW)
        create_user(session, OPERATOR, "joss@example.org", "Joss", owner, now=NOW)
        ask_for_link(session, user.email, now=NOW, suppression=SUPPRESSION_KEY, ip=None)
        if meanwhile == "half an hour":
            session.execute(update(Notice).values(released_at=database_now(-31 * 60)))
        elif meanwhile == "another link":
            make_link(session, OPERATOR, user, now=NOW)
        elif meanwhile == "disabled":
            disable_user(session, OPERATOR, user, now=NOW)
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        send(press)
        mails = [mail.content for mail in relay.messages]
    row = notice(press)
    assert row.to_address is None
    if meanwhile != "nothing":
        assert mails == []
        assert row.state is NoticeState.CANCELLED
        return
    [mail] = mails
    assert row.state is NoticeState.ACCEPTED
    with press.database.reading() as session:
        link = session.scalars(select(UserLink)).one()
    path = f"/desk/password/{RING.sign(Purpose.USER_LINK, link.token_id)}"
    read = email.message_from_bytes(mail, policy=policy.default)
    text = read.get_body(("plain",))
    assert text is not None
    assert path in text.get_content()
    assert read["To"] == "imara@example.org"


def test_a_new_address_that_nobody_waits_for_any_more_is_not_mailed(press: Press) -> None:
    with press.database.transaction() as session:
        reader = make_reader(session, make_newsletter(session), "robin@example.org").subscriber
        session.add(
            Notice(
                token_id=new_token_id(),
                kind=NoticeKind.CONFIRMATION,
                to_address="robin@example.net",
                newsletter_id=1,
                subscriber_id=reader.id,
                created_at=NOW,
                next_attempt_at=database_now(-1),
            )
        )
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        assert send(press) == 0
    assert notice(press).state is NoticeState.CANCELLED


def test_a_notice_to_an_address_beyond_ascii_goes_by_smtputf8(press: Press) -> None:
    queue_confirmation(press, "jörg@bücher.example")
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        assert send(press) == 1
        [mail] = relay.messages
    assert mail.mail.endswith(" BODY=8BITMIME SMTPUTF8")
    assert mail.recipients == ("jörg@xn--bcher-kva.example",)
    lines = mail.content.split(b"\r\n")
    assert [each for each in lines if not each.isascii()] == [
        "To: jörg@xn--bcher-kva.example".encode()
    ]


def test_where_the_relay_does_not_take_such_an_address_the_notice_says_so(press: Press) -> None:
    queue_confirmation(press, "jörg@example.org")
    with ScriptedRelay(extensions=("PIPELINING",)) as relay:
        press.relay_at(relay.port)
        assert send(press) == 0
    found = notice(press)
    assert (found.state, found.to_address) == (NoticeState.FAILED, None)
    assert "does not offer SMTPUTF8" in (found.reply or "")
    assert "jörg" not in (found.reply or "")

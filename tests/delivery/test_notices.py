"""Notices: sent at once, from a queue of their own."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from digest.database import database_now
from digest.delivery.notices import notices_due, send_notices
from digest.models import (
    Notice,
    NoticeKind,
    NoticeState,
    SignUp,
    SignUpChoice,
    Terms,
    Wording,
)
from digest.tokens import new_token_id
from tests.delivery.conftest import Press
from tests.factories import NOW, make_newsletter, make_reader
from tests.scripted_smtp import Drop, ScriptedRelay


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

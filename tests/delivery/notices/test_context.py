"""Whatever the size of a window, it is read in the same few statements."""

from datetime import timedelta

from sqlalchemy import select

from digest.models import (
    AddressChange,
    Newsletter,
    Notice,
    NoticeKind,
    NoticeState,
    SignUp,
    SignUpChoice,
)
from digest.tokens import new_token_id
from tests.delivery.conftest import Press
from tests.delivery.ledger.test_plans import statements
from tests.delivery.notices.test_sending import (
    content_of,
    queue_confirmation,
    queue_many,
    send,
    states,
)
from tests.factories import NOW, make_newsletter, make_reader
from tests.scripted_smtp import ScriptedRelay


def queue_confirmations(press: Press, count: int, first: int) -> None:
    """Queue the confirmations of so many sign-ups, each for both newsletters."""
    with press.database.transaction() as session:
        wording_id = session.scalars(select(SignUp.wording_id)).first()
        second = session.get(Newsletter, 2) or make_newsletter(
            session, "brief", name="The Brief", topics={"sea": "The sea"}
        )
        for number in range(first, first + count):
            email = f"reader{number}@example.org"
            sign_up = SignUp(
                token_id=new_token_id(),
                subject=new_token_id(),
                email=email,
                email_key=email,
                site="halyard.example",
                wording_id=wording_id,
                requested_at=NOW,
                expires_at=NOW + timedelta(hours=48),
                choices=[
                    SignUpChoice(newsletter_id=1),
                    SignUpChoice(newsletter_id=second.id, topics=["sea", "gone"]),
                ],
            )
            session.add(sign_up)
            session.flush()
            session.add(
                Notice(
                    token_id=new_token_id(),
                    kind=NoticeKind.CONFIRMATION,
                    to_address=email,
                    newsletter_id=1,
                    sign_up_id=sign_up.id,
                    created_at=NOW,
                    next_attempt_at=NOW,
                )
            )


def queue_of_readers(press: Press, count: int, first: int) -> None:
    """Queue a fresh link and a confirmation of a new address for each of so many readers."""
    with press.database.transaction() as session:
        newsletter = session.get_one(Newsletter, 1)
        for number in range(first, first + count):
            reader = make_reader(session, newsletter, f"old{number}@example.org").subscriber
            new = f"new{number}@example.org"
            change = AddressChange(
                token_id=new_token_id(), subscriber_id=reader.id, email=new, email_key=new,
                requested_at=NOW, expires_at=NOW,
            )  # fmt: skip
            session.add(change)
            for kind, address, token_id in (
                (NoticeKind.FRESH_LINK, reader.email, new_token_id()),
                (NoticeKind.CONFIRMATION, new, change.token_id),
                (NoticeKind.ADDRESS_CHANGED, reader.email, new_token_id()),
            ):
                session.add(
                    Notice(
                        token_id=token_id, kind=kind, to_address=address, newsletter_id=1,
                        subscriber_id=reader.id, created_at=NOW, next_attempt_at=NOW,
                    )
                )  # fmt: skip


def send_counting(press: Press) -> int:
    with statements(press.database) as seen:
        send(press)
    return len(seen)


def test_a_window_of_many_is_read_in_as_many_statements_as_one_of_few(press: Press) -> None:
    queue_confirmation(press)
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        send(press)
        queue_confirmations(press, 1, first=0)
        queue_many(press, 1)
        queue_of_readers(press, 1, first=0)
        few = send_counting(press)
        queue_many(press, 8, first=1)
        queue_of_readers(press, 8, first=1)
        queue_confirmations(press, 8, first=1)
        many = send_counting(press)
        assert len(relay.messages) == 1 + 5 + 40
        texts = [content_of(each, "plain") for each in relay.messages]
    assert set(states(press)) == {NoticeState.ACCEPTED}
    assert many == few
    of_both = [" ".join(text.split()) for text in texts if "two newsletters" in text]
    assert len(of_both) == 9
    assert all("The Brief: the next one arrives on" in text for text in of_both)
    assert all("About The sea." in text for text in of_both)
